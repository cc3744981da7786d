{{ borough_sales('manhattan') }}
