-- {column} is an EAN or GTIN of 8, 12, 13 or 14 digits with a right check digit
-- From the right, every second digit counts three times; the sum is a multiple of ten.
regexp_full_match({column}::VARCHAR, '[0-9]{8}|[0-9]{12,14}')
AND list_sum(
  list_transform(
    string_split(reverse({column}::VARCHAR), ''),
    lambda c, place: (ascii(c) - 48) * CASE WHEN place % 2 = 0 THEN 3 ELSE 1 END)) % 10 = 0
