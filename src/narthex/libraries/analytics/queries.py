"""The questions that somebody has approved, word by word.

Knows: four statements, which DuckDB and SQLite read alike, and which filters each has. Refuses to know: who asks.

Values are bound (`$region`), and a filter that nobody gave is NULL: no statement is ever put together.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Query:
    answers: str
    filters: tuple[str, ...]
    sql: str

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset(re.findall(r"\$(\w+)", self.sql))


QUERIES = {
    "revenue_by_quarter": Query(
        "Revenue in euros and number of orders, by quarter.",
        ("region", "segment", "product"),
        """
select quarter, sum(cents) / 100.0 as revenue_eur, count(*) as orders
from orders
where day >= $start and day < $end
  and ($region is null or region = $region)
  and ($segment is null or segment = $segment)
  and ($product is null or product = $product)
group by quarter
order by quarter
""",
    ),
    "customer_churn_rate": Query(
        "How many customers there were when a month began, how many of them left in it, and their share in percent.",
        ("region", "segment"),
        """
select months.month as month,
       count(*) as customers,
       sum(case when left_on < months.next_day then 1 else 0 end) as lost,
       100.0 * sum(case when left_on < months.next_day then 1 else 0 end) / count(*) as churn_percent
from months
join customers on since < months.first_day and (left_on is null or left_on >= months.first_day)
where months.first_day >= $start and months.first_day < $end
  and ($region is null or region = $region)
  and ($segment is null or segment = $segment)
group by months.month
order by months.month
""",
    ),
    "product_usage_metrics": Query(
        "Flights and hours in the air by month and product, as kites with a meter report them.",
        ("region", "product"),
        """
select month, product, sum(flights) as flights, sum(minutes) / 60.0 as hours
from flights
where day >= $start and day < $end
  and ($region is null or region = $region)
  and ($product is null or product = $product)
group by month, product
order by month, product
""",
    ),
    "support_ticket_volume": Query(
        "Tickets by month, how many of them were urgent, and the hours to the first answer on average.",
        ("region", "product", "priority"),
        """
select month,
       count(*) as tickets,
       sum(case when priority = 'urgent' then 1 else 0 end) as urgent,
       avg(minutes_to_answer) / 60.0 as hours_to_answer
from tickets
where day >= $start and day < $end
  and ($region is null or region = $region)
  and ($product is null or product = $product)
  and ($priority is null or priority = $priority)
group by month
order by month
""",
    ),
}
