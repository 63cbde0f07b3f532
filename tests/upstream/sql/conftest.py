"""Real databases, one of each kind for the whole run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sql_house import duckdb_shop, mariadb_shop, postgres_shop, sqlite_shop
from sql_servers import DatabaseServer, mariadb, mariadb_programs, postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseServer]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    if mariadb_programs() is None:
        pytest.skip("no MariaDB server on this machine (Debian: mariadb-server)")
    with mariadb() as server:
        yield server


@pytest.fixture(params=["postgres", "mariadb", "sqlite", "duckdb"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of the same few sales in each kind of database."""
    if request.param == "postgres":
        return await postgres_shop(request.getfixturevalue("postgres_server"), "shop")
    if request.param == "mariadb":
        return mariadb_shop(request.getfixturevalue("mariadb_server"), "shop")
    return (sqlite_shop if request.param == "sqlite" else duckdb_shop)(tmp_path)
