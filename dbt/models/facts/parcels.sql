with counties as (
    select * from {{ ref('alder_parcels') }}
    union all by name
    select * from {{ ref('birch_parcels') }}
    union all by name
    select * from {{ ref('cedar_parcels') }}
    union all by name
    select * from {{ ref('dune_parcels') }}
)

select
    *,
    land_use in ('R1', 'R2') as is_residential,
    cast(floor(lon * 1000) as integer) as cell_x,
    cast(floor(lat * 1000) as integer) as cell_y
from counties
