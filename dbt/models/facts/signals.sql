with signals as (
    select
        *,
        cast(floor(lon * 1000) as integer) as cell_x,
        cast(floor(lat * 1000) as integer) as cell_y
    from {{ ref('signalpath_locations') }}
),

-- A cell belongs to one parcel; where two claim it the first does, so that no signal counts twice.
owners as (
    select cell_x, cell_y, parcel_id, county, land_use
    from {{ ref('parcels') }}
    qualify row_number() over (partition by cell_x, cell_y order by parcel_id) = 1
)

select
    signals.signal_id,
    signals.observed_at,
    signals.lon,
    signals.lat,
    signals.accuracy_m,
    owners.parcel_id,
    owners.county,
    owners.land_use
from signals
left join owners using (cell_x, cell_y)
