select hour, use
from {{ ref('signals_by_use') }}
group by hour, use
having count(*) > 1
