"""What whoever asks for a thing must have been granted: all that speaks of the thing, added up.

Knows: what the gateway, an endpoint, a server and a thing require, and whether silence means yes. Refuses to know: who
is asking (that is `policy/scopes`). Since everything adds up, nothing anywhere can take a requirement away.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from narthex.catalog.choose import Choice
from narthex.catalog.guards import Guard, Line, guard_of
from narthex.catalog.stock import Piece, Stock
from narthex.model.authentication import AuthenticationConfig
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.endpoint import Reach
from narthex.model.scope import NOBODY, NONE, Said, total

Scopes = frozenset[str]
Rules = list[tuple[str, Choice]]


class House(NamedTuple):
    """What holds for every endpoint."""

    required: tuple[str, ...] = ()
    silent_is_no: bool = False  # what nothing speaks of may not be called


def house_of(config: Config) -> House:
    found = config.authentication
    if not isinstance(found, AuthenticationConfig):
        return House()
    return House(found.required_scopes, found.scopes.default == "deny")


class Needs:
    """The requirements at one endpoint. Remembers which patterns have met something."""

    def __init__(self, house: House, name: str, wanted: EndpointConfig, servers: Iterable[ServerConfig]) -> None:
        self._house, self._wanted = house, wanted
        self._place = f"endpoints.{name}"
        self._servers = {server.name: server for server in servers}
        self._here, self._prompts_here = _rules(wanted.scopes), _rules(wanted.prompt_scopes)
        self._resources_here = _rules(wanted.resource_scopes)
        self._there = {name: _rules(server.scopes) for name, server in self._servers.items()}
        self._prompts_there = {name: _rules(server.prompt_scopes) for name, server in self._servers.items()}
        self._wholes: dict[str, Scopes] = {}
        self._same: dict[Scopes, Scopes] = {}  # thousands of tools share a handful of sets

    @property
    def endpoint(self) -> Scopes:
        """What every request here needs, whatever it asks for."""
        return self._one(frozenset(self._house.required).union(self._wanted.required_scopes or ()))

    def tool(self, server: str, piece: Piece) -> Scopes:
        plain = not (self._here or self._there[server] or piece.declared or piece.learnt)
        if plain and self._servers[server].scopes_by_annotation is None:
            return self._whole(server)  # nearly always: nothing speaks of single tools
        return self._sum(
            self.said_of_tool(server, piece.private, piece.declared, piece.learnt, read_only=piece.read_only)
        )

    def prompt(self, server: str, piece: Piece) -> Scopes:
        if not (self._prompts_here or self._prompts_there[server] or piece.declared):
            return self._whole(server)
        return self._sum(self.said_of_prompt(server, piece.private, piece.declared))

    def guard(self, server: str, stock: Stock | None) -> Guard | None:
        """What single resources of a server require, if any line or declaration speaks of single ones."""
        there = self._servers[server].resource_scopes
        lines = [
            *(Line(f"servers.{server}.resource_scopes['{text}']", text, there[text], server) for text in there),
            *(
                Line(f"{self._place}.resource_scopes['{text}']", text, self._wanted.resource_scopes[text], server)
                for text, _ in self._resources_here
            ),
        ]
        resources, templates = (stock.resources, stock.templates) if stock is not None else ((), ())
        for piece in (*resources, *templates):
            for _, choice in self._resources_here:
                choice.holds(server, piece.private)
        return guard_of(
            tuple(self.said_of_server(server)),
            tuple(lines),
            {piece.private: _declared(server, piece.declared) for piece in resources if piece.declared},
            [(piece.private, _declared(server, piece.declared) if piece.declared else None) for piece in templates],
            silent_is_no=self._house.silent_is_no,
        )

    def resource(self, uri: str, server: str, guard: Guard | None) -> Scopes:
        return self._whole(server) if guard is None else self._one(guard.needs(uri))

    def reach(self, server: str, items: Iterable[Scopes], guard: Guard | None) -> Reach:
        """`items`: what the server's things require here."""
        rest = self._whole(server)
        needs = self._one(rest - {NOBODY})
        told = needs if any(NOBODY not in one for one in items) else rest
        there = self._servers[server]
        return Reach(needs, rest, there.trusted, told, there.concealed, guard, there.challenge_scopes)

    def said_of_tool(
        self, server: str, tool: str, declared: Scopes, learnt: Iterable[str], *, read_only: bool
    ) -> Iterator[Said]:
        """Every place that speaks of this tool, under its server's own name of it."""
        yield from self.said_of_server(server)
        there = self._servers[server]
        yield from _met(self._there[server], f"servers.{server}.scopes", there.scopes, server, tool)
        yield from _met(self._here, f"{self._place}.scopes", self._wanted.scopes, server, tool)
        hints = there.scopes_by_annotation
        if hints is not None:
            harmless = read_only and there.trusted  # the word of any other server opens nothing
            kind, scopes = ("read_only", hints.read_only) if harmless else ("other", hints.other)
            yield Said(f"servers.{server}.scopes_by_annotation.{kind}", scopes)
        if declared:
            yield _declared(server, declared)
        for word in learnt:
            where = f"asked for by the server '{server}' (servers.{server}.challenge_scopes['{word}'])"
            yield Said(where, there.challenge_scopes.get(word, ()), opens=False)

    def said_of_prompt(self, server: str, prompt: str, declared: Scopes) -> Iterator[Said]:
        """The same of a prompt."""
        yield from self.said_of_server(server)
        there = self._servers[server].prompt_scopes
        yield from _met(self._prompts_there[server], f"servers.{server}.prompt_scopes", there, server, prompt)
        here = self._wanted.prompt_scopes
        yield from _met(self._prompts_here, f"{self._place}.prompt_scopes", here, server, prompt)
        if declared:
            yield _declared(server, declared)

    def unmet_here(self) -> Iterator[tuple[str, str, str]]:
        """Patterns of the endpoint's own that have met nothing: the member, the pattern, and what it would meet."""
        kinds = (
            ("scopes", self._here, "tool"),
            ("prompt_scopes", self._prompts_here, "prompt"),
            ("resource_scopes", self._resources_here, "resource"),
        )
        for member, rules, kind in kinds:
            for text, choice in rules:
                if choice.unmet:
                    yield member, text, kind

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
        return self._one(total(said, silent_is_no=self._house.silent_is_no))

    def _one(self, scopes: Scopes) -> Scopes:
        return self._same.setdefault(scopes, scopes) if scopes else NONE


def _rules(scopes: Iterable[str]) -> Rules:
    return [(pattern, Choice([pattern])) for pattern in scopes]


def _met(rules: Rules, where: str, scopes: Mapping[str, tuple[str, ...]], server: str, name: str) -> Iterator[Said]:
    for pattern, choice in rules:
        if choice.holds(server, name):
            yield Said(f"{where}['{pattern}']", scopes[pattern])


def _declared(server: str, scopes: Scopes) -> Said:
    return Said(f"declared by the server '{server}'", tuple(sorted(scopes)), opens=False)
