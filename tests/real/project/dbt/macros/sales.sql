{# The boroughs, in the order of their codes. #}
{% macro boroughs() %}{{ return(['manhattan', 'bronx', 'brooklyn', 'queens', 'statenisland']) }}{% endmacro %}

{# One borough's sales as delivered. The row of the workbook names a sale: exact duplicates are
   published. Both eras say differently that a number is not known: 0 in 2013, nothing in 2020. #}
{% macro borough_sales(borough) %}
select
    _period || '-{{ borough }}-' || _line as sale_id,
    _period as year,
    '{{ borough }}' as borough,
    neighborhood,
    building_class_category,
    block,
    lot,
    address,
    apartment_number,
    nullif(zip_code, '0') as zip_code,
    nullif(residential_units, 0) as residential_units,
    nullif(commercial_units, 0) as commercial_units,
    nullif(total_units, 0) as total_units,
    nullif(land_sqft, 0) as land_sqft,
    nullif(gross_sqft, 0) as gross_sqft,
    nullif(year_built, 0) as year_built,
    tax_class_at_sale,
    building_class_at_sale,
    sale_price,
    sale_date
from {{ source('raw', borough ~ '_sales') }}
{% endmacro %}

{# Whether a model kept a sale of its training year for testing: the rule of its data.json. #}
{% macro held_out(sale_id, seed) -%}
md5_number_lower(concat_ws(chr(31), '{{ seed }}', {{ sale_id }})) % 100 < 20
{%- endmacro %}
