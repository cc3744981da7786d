with scored as (
    select
        sales.year,
        sales.borough,
        case
            when sales.year = '2013' and not {{ held_out('sales.sale_id', 7) }} then 'learned from'
            else 'never learned from'
        end as part,
        sales.is_residential,
        scores.score,
        scores.label
    from {{ ref('sales') }} as sales
    inner join {{ source('scores', 'residential_sales') }} as scores using (sale_id)
),

counted as (
    select * from scored
    union all by name
    select * replace ('all' as borough) from scored
),

-- The share of pairs that a score puts in order is a sum of ranks; equal scores share theirs.
ranked as (
    select
        *,
        rank() over (partition by year, part, borough, is_residential is null order by score)
        + (count(*) over (partition by year, part, borough, is_residential is null, score) - 1) / 2
            as place
    from counted
),

measured as (
    select
        year,
        borough,
        part,
        count(*) as sales,
        count(is_residential) as labelled,
        count(*) filter (is_residential) as residential,
        avg(cast(label = is_residential as integer)) as accuracy,
        sum(place) filter (is_residential) as places
    from ranked
    group by all
),

missing as (
    select years.year, boroughs.borough, 'not delivered' as part
    from (select distinct year from scored) as years
    cross join (select unnest({{ boroughs() }}) as borough) as boroughs
    anti join scored on scored.year = years.year and scored.borough = boroughs.borough
)

select
    year,
    borough,
    part,
    sales,
    labelled,
    residential,
    round(greatest(residential, labelled - residential) / labelled, 4) as majority_accuracy,
    round(accuracy, 4) as accuracy,
    round(
        (places - residential * (residential + 1) / 2)
        / nullif(residential * (labelled - residential), 0), 4
    ) as auc
from measured
union all by name
select year, borough, part, 0 as sales, 0 as labelled, 0 as residential from missing
order by year, part, borough
