"""A server of the configuration's kind `sql`, made.

Knows: the entry it is made of, and when it is proved that the database can only be read. Refuses to know: how.
"""

import asyncio

from narthex.libraries.server import Server
from narthex.limits import sql_away_seconds
from narthex.model.config import ServerConfig
from narthex.upstream.kinds import LoadFault, Site
from narthex.upstream.sql.database import Compiled, Database
from narthex.upstream.sql.faults import SqlConfigError
from narthex.upstream.sql.resources import Resources
from narthex.upstream.sql.tools import offer

_INSTRUCTIONS = (
    "Each tool is one approved query. Rows come as objects; 'truncated' says that there are more. Decimal numbers and "
    "very large whole numbers are texts, binary values are base64."
)


async def make(config: ServerConfig, site: Site) -> Server:
    """Raises LoadFault. A database that is away does not: its tools are offered, and say so."""
    assert config.sql is not None
    try:
        database = Database(Compiled(config.sql, config.queries, config.database), site.say, site.away)
    except SqlConfigError as fault:
        raise LoadFault(str(fault)) from None
    try:
        await database.prove()
    except SqlConfigError as fault:
        await database.aclose()
        raise LoadFault(str(fault)) from None
    except BaseException:  # also when the gateway ends meanwhile
        await database.aclose()
        raise
    server = server_of(config.name, database)
    looking = site.owned.start(_look(database), f"{config.name}.look")

    async def stop() -> None:
        looking.cancel()
        await asyncio.wait((looking,))

    server.on_close += (database.aclose, stop)  # the last first
    return server


async def _look(database: Database) -> None:
    while True:
        await asyncio.sleep(sql_away_seconds)
        await database.look()


def server_of(name: str, database: Database) -> Server:
    tables = database.compiled.config.tables
    server = Server(
        name=name,
        title=name,
        version="1",
        instructions=_INSTRUCTIONS,
        resources=Resources(database) if tables else None,
    )
    offer(server, database)
    return server
