{{ borough_sales('bronx') }}
