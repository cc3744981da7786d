-- {column} is an ISIN with a right check digit
-- Letters are read as 10 to 35; from the right, every second digit of the whole counts double, and
-- the digits of all that are a multiple of ten together.
regexp_full_match({column}::VARCHAR, '[A-Z]{2}[A-Z0-9]{9}[0-9]')
AND list_sum(
  list_transform(
    string_split(
      reverse(list_aggregate(
        list_transform(
          string_split({column}::VARCHAR, ''),
          lambda c: CASE WHEN c BETWEEN '0' AND '9' THEN c ELSE (ascii(c) - 55)::VARCHAR END),
        'string_agg', '')), ''),
    lambda c, place: CASE
      WHEN place % 2 = 1 THEN ascii(c) - 48
      WHEN ascii(c) - 48 > 4 THEN 2 * (ascii(c) - 48) - 9
      ELSE 2 * (ascii(c) - 48) END)) % 10 = 0
