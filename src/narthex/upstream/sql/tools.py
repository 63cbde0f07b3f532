"""Queries as the tools of a server.

Knows: definitions, and how rows are shown. Refuses to know: SQL.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from narthex.libraries.server import Answer, Call, Server, Tool, text
from narthex.upstream.sql.database import Database
from narthex.upstream.sql.query import Query
from narthex.upstream.sql.rows import Rows

Tree = dict[str, Any]
_encode = msgspec.json.Encoder().encode

_GIVES: Tree = {
    "type": "object",
    "properties": {
        "columns": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
                "required": ["name"],
            },
        },
        "rows": {"type": "array", "items": {"type": "object"}},
        "truncated": {"type": "boolean", "description": "There is more than these rows"},
        "note": {"type": "string"},
        "changed": {"type": "integer", "description": "How many rows were changed"},
    },
    "required": ["columns", "rows", "truncated"],
}


def offer(server: Server, database: Database) -> None:
    """Each query becomes a tool of `server`."""
    for query in database.compiled.queries.values():
        server.tools[query.name] = Tool(_definition(query), _function(query, database), query.check)


def _definition(query: Query) -> Tree:
    config, writes = query.config, query.config.writes
    definition: Tree = {"name": query.name}
    if config.title is not None:
        definition["title"] = config.title
    hints = {"readOnlyHint": not writes, "openWorldHint": False}
    hints |= {"destructiveHint": True, "idempotentHint": False} if writes else {"idempotentHint": True}
    return {
        **definition,
        "description": config.description,
        "inputSchema": query.schema(),
        "outputSchema": _GIVES,
        "annotations": hints,
    }


def _function(query: Query, database: Database) -> Any:
    async def run(_call: Call, /, **arguments: Any) -> Answer:
        return shown(await database.run(query.job(arguments, _call.principal)), query)

    return run


def shown(rows: Rows, query: Query) -> Answer:
    structured = _structured(rows, query)
    return Answer([text(_encode(structured).decode("utf-8"))], structured)


def _structured(rows: Rows, query: Query) -> Mapping[str, Any]:
    columns = [{"name": name, "type": kind} if kind else {"name": name} for name, kind in rows.columns]
    found: Tree = {"columns": columns, "rows": rows.rows, "truncated": bool(rows.truncated)}
    if rows.truncated:
        most = f"{query.bounds.rows_max} rows" if rows.truncated == "rows" else f"{query.bounds.bytes_max} bytes"
        found["note"] = f"There is more: no more than {most} are shown. Ask for less, or in parts."
    if rows.changed is not None:
        found["changed"] = rows.changed
    return found
