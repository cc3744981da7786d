{{ county_parcels('alder') }}
