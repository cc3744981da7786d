with signals as (
    select
        *,
        cast(floor(lon * 1000) as integer) as cell_x,
        cast(floor(lat * 1000) as integer) as cell_y
    from {{ ref('signalpath_locations') }}
)

select
    signals.signal_id,
    signals.observed_at,
    signals.lon,
    signals.lat,
    signals.accuracy_m,
    parcels.parcel_id,
    parcels.county,
    parcels.land_use
from signals
left join {{ ref('parcels') }} as parcels using (cell_x, cell_y)
