"""A shop in each kind of database, and a server made of its queries, asked in the words of the protocol."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import duckdb
import msgspec
import pymysql
from sql_servers import PASSWORD, DatabaseServer

from narthex.libraries.conversation import Conversation
from narthex.libraries.exchange import CAPABILITIES, VERSION
from narthex.libraries.server import Principal, Server
from narthex.model.sql import DatabaseConfig, QueryConfig
from narthex.upstream.sql.database import Compiled, Database, now
from narthex.upstream.sql.making import server_of

ANA = Principal("ana", "acme", frozenset(), {"tenant": "acme", "level": 3, "cities": ["Berlin"], "odd": "o'; drop --"})
BEN = Principal("ben", "zeta", frozenset(), {"tenant": "zeta"})
REVISION = "2026-07-28"

# id, city, tenant, sold_on, amount
SALES = [
    (1, "Berlin", "acme", "2026-01-31", "10.50"),
    (2, "Paris", "acme", "2026-02-28", "20.25"),
    (3, "Berlin", "zeta", "2026-03-31", "30.00"),
    (4, "O'Hara; -- $$", "acme", "2026-04-01", "40.10"),
]


class Host:
    """Whoever serves the request, as the gateway would."""

    def __init__(self, principal: Principal | None) -> None:
        self.principal, self.reported = principal, list[str]()

    def report(self, sentence: str) -> None:
        self.reported.append(sentence)

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError(method)


@dataclass
class House:
    server: Server
    database: Database
    said: list[tuple[str, str]]
    reported: list[str] = field(default_factory=list)

    async def request(self, method: str, params: dict[str, Any], principal: Principal | None = None) -> dict[str, Any]:
        host = Host(principal)
        meta = {VERSION: REVISION, CAPABILITIES: {}}
        request = {"id": 1, "method": method, "params": {**params, "_meta": meta}}
        response, _ = await Conversation(self.server, lambda _: None).answer(request, lambda _: None, host)
        self.reported += host.reported
        msgspec.json.encode(response)  # it can be sent
        return response

    async def call(self, tool: str, principal: Principal | None = None, /, **arguments: Any) -> dict[str, Any]:
        response = await self.request("tools/call", {"name": tool, "arguments": arguments}, principal)
        result: dict[str, Any] = response["result"]
        return result

    async def rows(self, tool: str, principal: Principal | None = None, /, **arguments: Any) -> list[dict[str, Any]]:
        result = await self.call(tool, principal, **arguments)
        assert not result.get("isError"), result
        found: list[dict[str, Any]] = result["structuredContent"]["rows"]
        return found

    async def refusal(self, tool: str, principal: Principal | None = None, /, **arguments: Any) -> str:
        result = await self.call(tool, principal, **arguments)
        assert result.get("isError"), result
        text: str = result["content"][0]["text"]
        return text

    def everything_said(self) -> str:
        return "\n".join([*self.reported, *(sentence for _, sentence in self.said)])


def compiled(url: str, queries: dict[str, Any], clock: Callable[[], Any] = now, **database: Any) -> Compiled:
    found = {name: msgspec.convert({"description": name, **query}, QueryConfig) for name, query in queries.items()}
    return Compiled(url, found, msgspec.convert(database, DatabaseConfig), clock)


@contextlib.asynccontextmanager
async def house(
    url: str, queries: dict[str, Any], clock: Callable[[], Any] = now, **database: Any
) -> AsyncIterator[House]:
    said: list[tuple[str, str]] = []
    found = Database(compiled(url, queries, clock, **database), lambda level, sentence: said.append((level, sentence)))
    server = server_of("shop", found)
    server.on_close.append(found.aclose)
    try:
        yield House(server, found, said)
    finally:
        await server.aclose()


def sqlite_shop(folder: Path, *statements: str) -> str:
    path = folder / "shop.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as found, found:
        _fill_file(found, statements)
    return f"sqlite:///{path}"


def duckdb_shop(folder: Path, *statements: str) -> str:
    path = folder / "shop.duckdb"
    with contextlib.closing(duckdb.connect(str(path))) as found:
        _fill_file(found, statements)
    return f"duckdb:///{path}"


def _fill_file(found: Any, statements: Iterable[str]) -> None:
    found.execute("create table sales (id integer, city text, tenant text, sold_on date, amount decimal(12, 2))")
    found.executemany("insert into sales values (?, ?, ?, ?, ?)", SALES)
    for statement in statements:
        found.execute(statement)


async def postgres_shop(server: DatabaseServer, name: str, *statements: str) -> str:
    """A database of its own, its reader a role that may do nothing else."""
    admin = await admin_of(server)
    try:
        for statement in (
            f"drop database if exists {name} with (force)",
            f"create database {name}",
            f"drop role if exists {name}_reader",
            f"create role {name}_reader login password '{PASSWORD}'",
        ):
            await admin.execute(statement)
    finally:
        await admin.close()
    owner = await admin_of(server, name)
    try:
        await owner.execute("create table sales (id int, city text, tenant text, sold_on date, amount numeric(12, 2))")
        for row in SALES:
            await owner.execute("insert into sales values ($1, $2, $3, $4::text::date, $5::text::numeric)", *row)
        await owner.execute(f"grant select, insert, update, delete on sales to {name}_reader")
        for statement in statements:
            await owner.execute(statement)
    finally:
        await owner.close()
    return f"postgresql://{name}_reader:{quote(PASSWORD, safe='')}@{server.host}:{server.port}/{name}"


async def admin_of(server: DatabaseServer, database: str = "postgres") -> Any:
    return await asyncpg.connect(
        host=server.host, port=server.port, user=server.admin, password=PASSWORD, database=database
    )


def mariadb_shop(server: DatabaseServer, name: str, *statements: str) -> str:
    with contextlib.closing(mariadb_admin(server)) as admin, admin.cursor() as cursor:
        cursor.execute(f"drop database if exists {name}")
        cursor.execute(f"create database {name} character set utf8mb4")
        cursor.execute(f"create or replace user {name}@'127.0.0.1' identified by '{PASSWORD}'")
        cursor.execute(
            f"grant select, insert, update, delete, create temporary tables on {name}.* to {name}@'127.0.0.1'"
        )
        cursor.execute(f"use {name}")
        cursor.execute("create table sales (id int, city text, tenant text, sold_on date, amount decimal(12, 2))")
        cursor.executemany("insert into sales values (%s, %s, %s, %s, %s)", SALES)
        for statement in statements:
            cursor.execute(statement)
        admin.commit()
    return f"mysql://{name}:{quote(PASSWORD, safe='')}@{server.host}:{server.port}/{name}"


def mariadb_admin(server: DatabaseServer) -> Any:
    return pymysql.connect(host=server.host, port=server.port, user=server.admin, password=PASSWORD, autocommit=True)
