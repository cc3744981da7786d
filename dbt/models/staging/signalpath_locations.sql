select
    signal_id,
    observed_at,
    lon,
    lat,
    accuracy_m
from {{ source('raw', 'signalpath_locations') }}
