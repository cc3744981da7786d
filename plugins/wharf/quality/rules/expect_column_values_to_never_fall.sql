-- {column} never falls from row to row of a file
{column} >= coalesce((
    SELECT before FROM (
        SELECT _file AS file, _line AS line, max(value) OVER (
            PARTITION BY _file ORDER BY _line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before FROM (SELECT _file, _line, {column} AS value FROM batch)
    ) WHERE file = _file AND line = _line
), {column})
