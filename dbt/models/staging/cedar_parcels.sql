{{ county_parcels('cedar') }}
