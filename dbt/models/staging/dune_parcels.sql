{{ county_parcels('dune') }}
