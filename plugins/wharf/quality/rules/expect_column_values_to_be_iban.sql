-- {column} is an IBAN with right check digits
-- Two letters, two check digits, up to 30 more; blanks between groups do not matter. Moved to the
-- end and letters read as 10 to 35, the whole leaves 1 when divided by 97.
regexp_full_match(replace({column}::VARCHAR, ' ', ''), '[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}')
AND list_reduce(
  list_transform(
    string_split(
      substr(replace({column}::VARCHAR, ' ', ''), 5)
      || left(replace({column}::VARCHAR, ' ', ''), 4), ''),
    lambda c: CASE WHEN c BETWEEN '0' AND '9' THEN ascii(c) - 48 ELSE ascii(c) - 55 END),
  lambda sum, d: (sum * CASE WHEN d > 9 THEN 100 ELSE 10 END + d) % 97) = 1
