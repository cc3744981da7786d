select
    cast(hour(observed_at) as integer) as hour,
    case
        when parcel_id is null then 'no parcel'
        else coalesce({{ use_of('land_use') }}, 'unknown')
    end as use,
    count(*) as signals
from {{ ref('signals') }}
group by all
order by hour, use
