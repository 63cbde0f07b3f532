"""What the keys of a database mean, in words.

Knows: the sentences. Refuses to know: types and defaults (`model/sql.py`).
"""

from narthex.control.wording import Words

OF_SQL = {
    "sql": Words(
        "A database whose approved queries are tools: `postgresql://`, `mysql://`, `sqlite:///file` or "
        "`duckdb:///file`, the last two relative to this file. See [databases](databases.md).",
        '"postgresql://narthex@db.internal/shop?sslmode=require"',
    ),
    "queries": Words(
        "The queries, by the names of their tools.",
        '{count_orders: {sql: "select count(*) as orders from orders", description: "How many orders there are."}}',
    ),
    "database": Words("How the database is used, for all of its queries.", "{rows_max: 200, timeout_seconds: 5}"),
}

WORDS: dict[str, dict[str, Words]] = {
    "QueryConfig": {
        "sql": Words(
            "One statement, with `:name` where a value belongs. Nothing is ever put into its text by a caller.",
            '"select name from customers where city = :city"',
        ),
        "description": Words("What it tells, for the model.", "The customers of one city."),
        "title": Words("The same in two or three words, for humans.", "Customers of a city"),
        "parameters": Words("What stands for each `:name`.", "{city: {description: As it is spelled there}}"),
        "writes": Words("It changes rows, and is meant to. Absent: a statement that could is refused.", "true"),
        "rows_max": Words("Rows of one answer. Absent: the database's.", "50"),
        "bytes_max": Words("Bytes of one answer's values. Absent: the database's.", "65536"),
        "timeout_seconds": Words(
            "How long it may take; then it is ended in the database too. Absent: the database's.", "30"
        ),
    },
    "ParameterConfig": {
        "type": Words(
            "What it is. `time_range` fills in two, `:name_start` and `:name_end`; `identifier` is the name of a "
            "column or table out of `enum`; `list` is several of `items`.",
            "integer",
        ),
        "description": Words("What it means, for the model.", "As it is spelled in the address"),
        "default": Words("Its value where none is given. Absent: one must be given.", "Berlin"),
        "optional": Words("None need be given; it is NULL then.", "true"),
        "enum": Words("The only values it can have.", "[Berlin, Paris]"),
        "minimum": Words("The least number.", "1"),
        "maximum": Words("The greatest number.", "100"),
        "min_length": Words("The fewest characters.", "2"),
        "max_length": Words("The most characters.", "80"),
        "pattern": Words("An expression (RE2) that is found in it.", "'^[A-Z]{2}$'"),
        "items": Words("What a list holds.", "string"),
        "max_items": Words("The most items of a list.", "20"),
        "zone": Words("The time zone of moments and ranges that name none.", "Europe/Berlin"),
        "reaches_as": Words(
            "What a moment or range is for the database: `timestamp`, `local` (without a zone), `date` (whole days), "
            "or `epoch` (seconds since 1970).",
            "timestamp",
        ),
        "bound": Words(
            "Filled in from who calls, `claims.NAME`, `principal.subject` or `principal.tenant`, and neither seen nor "
            "set by anybody. Where nothing is known, the call is refused.",
            "claims.department",
        ),
    },
    "DatabaseConfig": {
        "password": Words("The password, where it does not stand in `sql`.", '"${TOKEN}"'),
        "connections_max": Words("Connections at once; 5, and 16 to a file of SQLite, where it is not said.", "10"),
        "rows_max": Words("Rows of one answer.", "200"),
        "bytes_max": Words("Bytes of one answer's values.", "65536"),
        "timeout_seconds": Words("How long one query may take.", "5"),
        "row_settings": Words(
            "PostgreSQL: settings that policies of row security read, set for each call from who calls.",
            "{app.tenant: principal.tenant}",
        ),
        "tables": Words("Tables whose columns models may read, as resources.", "[orders, customers]"),
        "sample_rows": Words("So many rows of each of them may be read too.", "3"),
    },
}
