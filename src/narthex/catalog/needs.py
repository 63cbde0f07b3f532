"""What whoever calls a tool must have been granted: all that speaks of the tool, added up.

Knows: what the gateway, an endpoint, a server and a tool require, and whether silence means yes. Refuses to know: who
is asking (that is `policy/scopes`). Since everything adds up, nothing anywhere can take a requirement away.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from narthex.catalog.choose import Choice
from narthex.catalog.stock import Piece
from narthex.model.authentication import AuthenticationConfig
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.endpoint import Reach
from narthex.model.scope import NOBODY, NONE

Scopes = frozenset[str]


class House(NamedTuple):
    """What holds for every endpoint."""

    required: tuple[str, ...] = ()
    silent_is_no: bool = False  # what nothing speaks of may not be called


class Said(NamedTuple):
    """One place of the configuration that speaks of a thing, and what it requires."""

    where: str
    scopes: tuple[str, ...]
    opens: bool = True  # it counts as having spoken of it


def house_of(config: Config) -> House:
    found = config.authentication
    if not isinstance(found, AuthenticationConfig):
        return House()
    return House(found.required_scopes, found.scopes.default == "deny")


class Needs:
    """The requirements at one endpoint. Remembers which patterns have met a tool."""

    def __init__(self, house: House, name: str, wanted: EndpointConfig, servers: Iterable[ServerConfig]) -> None:
        self._house, self._wanted = house, wanted
        self._place = f"endpoints.{name}"
        self._servers = {server.name: server for server in servers}
        self._here = _rules(wanted.scopes)
        self._there = {name: _rules(server.scopes) for name, server in self._servers.items()}
        self._wholes: dict[str, Scopes] = {}
        self._same: dict[Scopes, Scopes] = {}  # thousands of tools share a handful of sets

    @property
    def endpoint(self) -> Scopes:
        """What every request here needs, whatever it asks for."""
        return self._one(frozenset(self._house.required).union(self._wanted.required_scopes or ()))

    def tool(self, server: str, piece: Piece) -> Scopes:
        plain = not (self._here or self._there[server] or piece.declared)
        if plain and self._servers[server].scopes_by_annotation is None:
            return self._whole(server)  # nearly always: nothing speaks of single tools
        return self._sum(self.said_of(server, piece.private, read_only=piece.read_only, declared=piece.declared))

    def reach(self, server: str, tools: Iterable[Scopes]) -> Reach:
        """`tools`: what the server's tools require here."""
        rest = self._whole(server)
        needs = self._one(rest - {NOBODY})
        told = needs if any(NOBODY not in one for one in tools) else rest
        there = self._servers[server]
        return Reach(needs, rest, there.trusted, told, there.concealed)

    def said_of(self, server: str, tool: str, *, read_only: bool, declared: Scopes) -> Iterator[Said]:
        """Every place that speaks of this tool, under its server's own name of it."""
        yield from self.said_of_server(server)
        there = self._servers[server]
        for pattern, choice in self._there[server]:
            if choice.holds(server, tool):
                yield Said(f"servers.{server}.scopes['{pattern}']", there.scopes[pattern])
        for pattern, choice in self._here:
            if choice.holds(server, tool):
                yield Said(f"{self._place}.scopes['{pattern}']", self._wanted.scopes[pattern])
        hints = there.scopes_by_annotation
        if hints is not None:
            harmless = read_only and there.trusted  # the word of any other server opens nothing
            kind, scopes = ("read_only", hints.read_only) if harmless else ("other", hints.other)
            yield Said(f"servers.{server}.scopes_by_annotation.{kind}", scopes)
        if declared:
            yield Said(f"declared by the server '{server}'", tuple(sorted(declared)), opens=False)

    def unmet_here(self) -> tuple[str, ...]:
        """Patterns of the endpoint's own `scopes` that have met no tool."""
        return tuple(text for text, choice in self._here if choice.unmet)

    def said_of_server(self, server: str) -> Iterator[Said]:
        """Every place that speaks of all that this server has."""
        if self._house.required:
            yield Said("authentication.required_scopes", self._house.required, opens=False)
        if self._wanted.required_scopes is not None:
            yield Said(f"{self._place}.required_scopes", self._wanted.required_scopes)
        required = self._servers[server].required_scopes
        if required is not None:
            yield Said(f"servers.{server}.required_scopes", required)

    def _whole(self, server: str) -> Scopes:
        """What everything of a server requires."""
        if server not in self._wholes:
            self._wholes[server] = self._sum(self.said_of_server(server))
        return self._wholes[server]

    def _sum(self, said: Iterable[Said]) -> Scopes:
        said = list(said)
        found = frozenset(scope for one in said for scope in one.scopes)
        is_open = not self._house.silent_is_no or any(one.opens for one in said)
        return self._one(found if is_open else found | {NOBODY})

    def _one(self, scopes: Scopes) -> Scopes:
        return self._same.setdefault(scopes, scopes) if scopes else NONE


def _rules(scopes: Iterable[str]) -> list[tuple[str, Choice]]:
    return [(pattern, Choice([pattern])) for pattern in scopes]
