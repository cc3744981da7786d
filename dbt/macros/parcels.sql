{# One county's parcels as delivered: names and types are the contract's, 0 means an unknown year. #}
{% macro county_parcels(county) %}
select
    parcel_id,
    '{{ county }}' as county,
    address,
    land_use,
    lot_sqft,
    building_sqft,
    stories,
    units,
    nullif(year_built, 0) as year_built,
    assessed_value,
    last_sale_price,
    lon,
    lat
from {{ source('raw', county ~ '_parcels') }}
{% endmacro %}

{# The word for a land use code. #}
{% macro use_of(code) %}
case {{ code }}
    when 'R1' then 'single family'
    when 'R2' then 'multi family'
    when 'C1' then 'retail'
    when 'C2' then 'office'
    when 'I1' then 'industrial'
    when 'A1' then 'agricultural'
    when 'V0' then 'vacant'
end
{% endmacro %}
