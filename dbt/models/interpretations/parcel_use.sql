select
    parcels.parcel_id,
    parcels.county,
    parcels.address,
    parcels.land_use,
    case when coalesce(parcels.is_residential, scores.label)
        then 'residential' else 'non-residential' end as use,
    case when parcels.is_residential is null then 'scored' else 'delivered' end as use_from,
    parcels.is_residential as is_residential_delivered,
    scores.score,
    scores._model_version as model_version,
    parcels.lot_sqft,
    parcels.building_sqft,
    parcels.stories,
    parcels.units,
    parcels.year_built,
    parcels.assessed_value,
    parcels.last_sale_price,
    parcels.lon,
    parcels.lat
from {{ ref('parcels') }} as parcels
left join {{ source('scores', 'residential') }} as scores using (parcel_id)
where coalesce(parcels.is_residential, scores.label) is not null
