{{ borough_sales('brooklyn') }}
