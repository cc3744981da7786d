{{ county_parcels('birch') }}
