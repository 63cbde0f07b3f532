"""What the operator wrote about a database: its queries, their parameters, its bounds.

Knows: names and choices. Refuses to know: SQL, drivers, and whether what was written can work (`upstream.sql`).
"""

from typing import Annotated, Literal

import msgspec

from narthex import limits

QueryName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ParameterName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
SettingName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}\.[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Bound = Annotated[str, msgspec.Meta(pattern=r"^(claims\.[^\s]{1,200}|principal\.(subject|tenant))$")]
Scalar = Literal["string", "integer", "number", "decimal", "boolean", "date", "time", "datetime", "uuid", "binary"]
Kind = Literal[
    "string",
    "integer",
    "number",
    "decimal",
    "boolean",
    "date",
    "time",
    "datetime",
    "uuid",
    "binary",
    "json",
    "list",
    "time_range",
    "identifier",
]
Count = Annotated[int, msgspec.Meta(ge=0)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=limits.sql_rows_max)]
Bytes = Annotated[int, msgspec.Meta(ge=1024, le=limits.sql_bytes_max)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=limits.sql_seconds_max)]
Value = str | int | float | bool


class ParameterConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One `:name` of a query. A `time_range` is two: `:name_start` and `:name_end`, the end excluded.

    With `bound` it is filled in from who calls, and no caller sees or sets it.
    """

    type: Kind = "string"
    description: str | None = None
    default: Value | tuple[Value, ...] | None = None
    optional: bool = False  # absent: NULL
    enum: tuple[Value, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: Count | None = None
    max_length: Count | None = None
    pattern: str | None = None
    items: Scalar = "string"  # of a list
    max_items: Annotated[int, msgspec.Meta(ge=1, le=limits.sql_list_items_max)] = limits.sql_list_items_default
    zone: str = "UTC"  # of moments and ranges that name none
    reaches_as: Literal["timestamp", "local", "date", "epoch"] = "timestamp"  # what a moment is for the database
    bound: Bound | None = None


class QueryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One approved statement, which becomes one tool."""

    sql: Annotated[str, msgspec.Meta(min_length=1)]
    description: Annotated[str, msgspec.Meta(min_length=1)]
    title: str | None = None
    parameters: dict[ParameterName, ParameterConfig] = {}
    writes: bool = False
    rows_max: Rows | None = None
    bytes_max: Bytes | None = None
    timeout_seconds: Seconds | None = None


class DatabaseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a database is used, for all of its queries."""

    password: str | None = None  # instead of one in the URL, where it would have to be percent-encoded
    connections_max: Annotated[int, msgspec.Meta(ge=1, le=limits.sql_connections_max)] | None = None
    rows_max: Rows = limits.sql_rows_default
    bytes_max: Bytes = limits.sql_bytes_default
    timeout_seconds: Seconds = limits.sql_seconds_default
    row_settings: dict[SettingName, Bound] = {}  # PostgreSQL: what row security reads, set for each call
    tables: tuple[str, ...] = ()  # whose columns models may read about
    sample_rows: Annotated[int, msgspec.Meta(ge=0, le=limits.sql_sample_rows_max)] = 0

    def __repr__(self) -> str:
        return f"<DatabaseConfig with {len(self.tables)} tables>"
