{{ borough_sales('queens') }}
