"""What a connection is asked to do, and what a connection is.

Knows: the seam between queries and databases. Refuses to know: both sides.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from narthex.upstream.sql.rows import Rows
from narthex.upstream.sql.statement import Statement


class Job(NamedTuple):
    statement: Statement
    values: Sequence[Any]  # as `statement.names` stand
    rows_max: int
    bytes_max: int
    seconds: float
    writes: bool = False
    settings: Mapping[str, str] = {}  # what row security reads
    discreet: bool = False  # values among them that no model may see: what a database says of values stays here


class Connection(Protocol):
    """One connection, which has proved that it can only read unless it is told otherwise.

    Cancelling `run` ends the statement in the database too. `alive` turns False once and for ever.
    """

    alive: bool

    async def run(self, job: Job) -> Rows:
        """Raises DatabaseFault, Interrupted, Unreachable, or a Refusal that a model can act on."""
        ...

    async def aclose(self) -> None: ...


class Connector(Protocol):
    """How one database is connected to."""

    async def connect(self) -> Connection:
        """Raises Unreachable, or SqlConfigError where the connection cannot be what it has to be."""
        ...

    async def aclose(self) -> None: ...
