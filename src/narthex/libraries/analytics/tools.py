"""One tool over a warehouse: a model chooses among approved queries, and gives a time and filters. It never says SQL.

Knows: what is asked for, and in which words it is refused. Refuses to know: the
statements, and which database has them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from narthex import Context, Library, NotFound, ToolError
from narthex.libraries.analytics import figures
from narthex.libraries.analytics.period import FORM, Period
from narthex.libraries.analytics.queries import QUERIES
from narthex.libraries.analytics.warehouse import Warehouse, opened_in
from narthex.libraries.surroundings import Surroundings

_KEPT = Period(figures.FIRST_DAY, figures.END)


@asynccontextmanager
async def opened(given: Surroundings) -> AsyncIterator[Warehouse]:
    """The warehouse in the setting `folder`, made there if need be; without one, in a folder that goes with us.

    The setting `engine` is `duckdb` or `sqlite`; absent: DuckDB where it is installed.
    """
    with ExitStack() as stack:
        folder = given.settings.get("folder") or stack.enter_context(TemporaryDirectory(prefix="narthex-warehouse-"))
        wanted = given.settings.get("engine", "")
        warehouse = await asyncio.to_thread(opened_in, Path(folder), wanted)
        stack.callback(warehouse.close)
        yield warehouse


library = Library(
    "analytics",
    version="1.0.0",
    title="Figures",
    instructions=f"Figures of the company, {_KEPT}, in euros and counts. Ask for what is approved; there is no SQL.",
    tags=["analytics"],
    lifespan=opened,
)


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an answer is narrowed down to. Not every query knows every filter."""

    region: Literal["Europe", "Americas", "Asia"] | None = None
    segment: Literal["shops", "schools", "resorts"] | None = None
    product: Literal["Comet", "Delta 3", "Box 1903"] | None = None
    priority: Literal["low", "normal", "urgent"] | None = None


class Figures(msgspec.Struct, omit_defaults=True):
    query: str
    time_range: Annotated[str, "The first day and the last"]
    rows: list[dict[str, Any]]
    engine: Annotated[str, "What was asked"]
    note: str = ""


@library.tool(title="Ask for figures", read_only=True, idempotent=True, open_world=False)
def analytics_query(
    query: Literal["revenue_by_quarter", "customer_churn_rate", "product_usage_metrics", "support_ticket_volume"],
    time_range: Annotated[str, Meta(pattern=FORM, max_length=21, examples=["2026-01/2026-03"])],
    context: Context,
    filters: Filters | None = None,
) -> Figures:
    """Figures of the company: revenue, churn, use of the products, support tickets.

    Args:
        query: One of the approved queries; analytics://queries says what each answers.
        time_range: ISO 8601: a year, quarter, month or day, or two of them with a slash, both included.
        filters: What to narrow it down to.
    """
    try:
        period = Period.of(time_range)
    except ValueError as fault:
        raise ToolError(f"'{time_range}' is no time range: {fault}. Write 2026-01/2026-03, 2026-Q1 or 2026.") from None
    if not period.overlaps(_KEPT):
        raise ToolError(f"The warehouse has figures from {_KEPT}, and none of {period}. Ask for a part of that.")
    asked, given = QUERIES[query], msgspec.to_builtins(filters or Filters())
    if unknown := given.keys() - set(asked.filters):
        named = ", ".join(sorted(unknown))
        raise ToolError(f"{query} cannot be filtered by {named}. It knows the filters {', '.join(asked.filters)}.")
    warehouse: Warehouse = context.state
    rows = warehouse.ask(asked, period, given)
    return Figures(query, str(period), rows, warehouse.engine, warehouse.note)


@library.resource("analytics://queries", title="The approved queries", mime_type="application/json")
def queries() -> dict[str, Any]:
    """What can be asked for, and how it may be filtered."""
    return {name: {"answers": one.answers, "filters": list(one.filters)} for name, one in QUERIES.items()}


@library.resource("analytics://queries/{name}", title="An approved query", mime_type="application/sql")
def statement(name: str) -> str:
    """The statement behind one query, as it was approved."""
    if name not in QUERIES:
        raise NotFound(f"analytics://queries/{name}")
    return QUERIES[name].sql.strip()
