{{ borough_sales('statenisland') }}
