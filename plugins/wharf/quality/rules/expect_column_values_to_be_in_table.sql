-- {column} is one of {other_column} in {other_table}
-- arguments: other_table, other_column
{column} IN (SELECT {other_column} FROM {other_table})
