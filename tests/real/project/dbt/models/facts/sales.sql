with boroughs as (
    {% for borough in boroughs() %}
    select * from {{ ref(borough ~ '_sales') }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}
)

select
    *,
    apartment_number is not null as has_apartment,
    tax_class_at_sale in ('1', '2') as is_residential
from boroughs
