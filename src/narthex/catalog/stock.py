"""What one server contributes, whatever the endpoint: its items checked one by one, in modern shape.

Knows: which items are malformed, and what of an item may not be shown. Refuses to know: public names, other servers.
One bad item never costs the others (R4): it is left out, and the operator is told which one, and why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from narthex.catalog.choose import Choice
from narthex.catalog.schemas import certainly_small, too_much
from narthex.limits import (
    Limits,
    declared_scopes_max,
    item_depth_max,
    item_uri_chars_max,
    item_values_max,
    private_name_chars_max,
    problems_per_server_max,
)
from narthex.model.config import ServerConfig
from narthex.model.offer import Offer
from narthex.model.rules.asked import Asked
from narthex.model.rules.rules import Rules
from narthex.model.scope import NOBODY, NONE, Scope
from narthex.wire.mirror import ANNOTATION, Mirror, mirrors_of, strip_annotations
from narthex.wire.revisions import META_SERVER_INFO, META_SUBSCRIPTION_ID, OWN_META, PER_REQUEST_META
from narthex.wire.strict import deeper_than, encode, more_values_than

Definition = dict[str, Any]

_RESERVED_META = PER_REQUEST_META | {META_SERVER_INFO, META_SUBSCRIPTION_ID}
_MARK = ANNOTATION.encode()
DECLARED_RULES = OWN_META + "rules"  # what a library of the operator's own may say, likewise
DECLARED_SCOPES = OWN_META + "required_scopes"  # what a server may say of a thing of its own
_CUT = " […]"

decode = msgspec.json.Decoder(dict[str, Any]).decode  # of what was encoded here
_read = msgspec.json.Decoder().decode


class LeftOut(Exception):
    """This item cannot be shown. The text is the reason."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of one server under its own name, encoded."""

    private: str  # the server's name of it, or its URI
    encoded: bytes
    mirrors: tuple[Mirror, ...] = ()
    read_only: bool = False
    idempotent: bool = False
    task_required: bool = False
    declared: frozenset[str] = NONE  # the scopes its server says it requires, where its word is taken
    learnt: tuple[str, ...] = ()  # the scopes its server asked for when it refused calls, as it calls them
    place: int = -1  # in its server's own list
    asked: Rules | None = None  # what its library wants to hold for its calls, where nobody says otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """All pieces of one server. `shown` keeps what endpoints made of them, filled on first use (see `faces`)."""

    server: ServerConfig
    offer: Offer
    tools: tuple[Piece, ...]
    prompts: tuple[Piece, ...]
    resources: tuple[Piece, ...]
    templates: tuple[Piece, ...]
    problems: tuple[str, ...]
    limits: Limits
    shown: dict[tuple[str, bool, str], tuple[Any, ...]] = field(default_factory=dict)

    def serves(self, server: ServerConfig, offer: Offer) -> bool:
        """Whether compiling this offer again would make the same pieces."""
        mine = self.offer
        return server == self.server and (offer is mine or _content(offer) == _content(mine))


def _content(offer: Offer) -> tuple[Any, ...]:
    lists = (offer.tools, offer.prompts, offer.resources, offer.resource_templates)
    return (offer.server, offer.era, offer.transport, offer.skipped, offer.learnt, *lists)


def stock_of(server: ServerConfig, offer: Offer, limits: Limits) -> Stock:
    """Everything of this server that can be shown."""
    bench = _Bench(server, offer, limits)
    tools = bench.tools()
    prompts = bench.prompts()
    resources, templates = bench.resources()
    return Stock(server, offer, tools, prompts, resources, templates, bench.told(), limits)


def remade(stock: Stock, piece: Piece, kind: str, definition: bytes) -> Piece | None:
    """The piece with another definition of the same tool or prompt. None: that one cannot be shown."""
    try:
        made = _Bench(stock.server, stock.offer, stock.limits).piece(kind, "name", _opened(definition), piece.place)
    except LeftOut:
        return None
    return made if made.private == piece.private else None


class _Bench:
    """Where the items of one server are looked at, one by one, and problems are noted."""

    def __init__(self, server: ServerConfig, offer: Offer, limits: Limits) -> None:
        self.server, self.offer, self.limits = server, offer, limits
        self.problems = [f"server '{server.name}': {reason}" for reason in offer.skipped]
        said = server.declared_scopes
        self.believes = said == "accept" or (said is None and server.inside)
        self.checks_headers = offer.era == "modern" and offer.transport == "http"

    def note(self, kind: str, name: Any, what: str) -> None:
        self.problems.append(f"server '{self.server.name}': {kind} {str(name)[:100]!r} {what}.")

    def told(self) -> tuple[str, ...]:
        beyond = len(self.problems) - problems_per_server_max
        if beyond <= 0:
            return tuple(self.problems)
        return (*self.problems[:problems_per_server_max], f"server '{self.server.name}': {beyond} further problems.")

    # ---- tools

    def tools(self) -> tuple[Piece, ...]:
        allowed = None if self.server.tools is None else Choice(self.server.tools)
        hidden = Choice(self.server.exclude)
        spoken_of = {"scopes": Choice(self.server.scopes), "rules": Choice(self.server.rules)}

        def wanted(name: Any) -> bool:
            for choice in spoken_of.values():
                self._names(choice, name)  # even of a tool that is not offered: nothing was misspelt
            named = allowed is None or self._names(allowed, name)
            return not self._names(hidden, name) and named

        pieces = self._pieces("tool", "name", self.offer.tools, wanted)
        for member, choice in {"tools": allowed, "exclude": hidden, **spoken_of}.items():
            for pattern in choice.unmet if choice is not None else ():
                self._unmet(member, pattern, "tool")
        return pieces

    def _unmet(self, member: str, pattern: str, kind: str) -> None:
        self.problems.append(
            f"server '{self.server.name}': `{member}` names {pattern!r}, and the server offers no such {kind}."
        )

    def _names(self, choice: Choice, name: Any) -> bool:
        return type(name) is str and choice.holds(self.server.name, name)

    def _tool(self, name: str, definition: Definition, declared: frozenset[str], place: int) -> Piece:
        execution = definition.pop("execution", None)  # revision 2025-11-25 only
        definition["inputSchema"] = self._input_schema(definition)
        if "outputSchema" in definition and type(definition["outputSchema"]) is not dict:
            del definition["outputSchema"]
            self.note("tool", name, "is shown without its outputSchema, which is not an object")
        encoded = _encoded(definition)
        if not certainly_small(encoded, self.limits):
            for member in ("inputSchema", "outputSchema"):
                reason = too_much(definition[member], self.limits) if member in definition else None
                if reason is not None:
                    raise LeftOut(f"{member}: {reason}")
        mirrors: tuple[Mirror, ...] = ()
        if _MARK in encoded:
            mirrors = self._mirrors(name, definition)
            encoded = _encoded(definition)
        hints = definition.get("annotations")
        hints = hints if type(hints) is dict else {}
        return Piece(
            name,
            encoded,
            mirrors,
            read_only=hints.get("readOnlyHint") is True,
            idempotent=hints.get("idempotentHint") is True,
            task_required=type(execution) is dict and execution.get("taskSupport") == "required",
            declared=declared,
            learnt=tuple(word for word in self.offer.learnt.get(name, ()) if word in self.server.challenge_scopes),
            place=place,
        )

    def _input_schema(self, definition: Definition) -> Definition:
        schema = definition.get("inputSchema")
        if type(schema) is not dict:
            raise LeftOut("its inputSchema is not an object")
        if "type" not in schema:
            return {"type": "object", **schema}
        if schema["type"] != "object":
            raise LeftOut('its inputSchema has another type than "object"')
        return schema

    def _mirrors(self, name: str, definition: Definition) -> tuple[Mirror, ...]:
        """The annotations, if all are valid. Else the tool goes; where the server asks for no headers, only they go."""
        mirrors, problems = mirrors_of(definition["inputSchema"])
        if not problems:
            return mirrors
        if self.checks_headers:
            raise LeftOut(f"{problems[0]}; the server's author must correct it")
        definition["inputSchema"] = strip_annotations(definition["inputSchema"])
        self.note("tool", name, f"is shown without its header annotations: {problems[0]}")
        return ()

    # ---- every kind

    def prompts(self) -> tuple[Piece, ...]:
        protected = Choice(self.server.prompt_scopes)
        pieces = self._items("prompt", "name", self.offer.prompts, protected)
        for pattern in protected.unmet:
            self._unmet("prompt_scopes", pattern, "prompt")
        return pieces

    def resources(self) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
        """Resources, and templates of them."""
        protected = Choice(self.server.resource_scopes)
        resources = self._items("resource", "uri", self.offer.resources, protected)
        templates = self._items("resource template", "uriTemplate", self.offer.resource_templates, protected)
        for pattern in protected.unmet:
            self.problems.append(
                f"server '{self.server.name}': `resource_scopes` names {pattern!r}, and the server lists no such "
                f"resource. It holds for whoever reads one all the same."
            )
        return resources, templates

    def _items(self, kind: str, key: str, found: tuple[msgspec.Raw, ...], protected: Choice) -> tuple[Piece, ...]:
        def wanted(name: Any) -> bool:
            self._names(protected, name)
            return True

        return self._pieces(kind, key, found, wanted)

    def _pieces(
        self, kind: str, key: str, found: tuple[msgspec.Raw, ...], wanted: Callable[[Any], bool]
    ) -> tuple[Piece, ...]:
        """One after the other: only one is held as more than text at any moment."""
        pieces: dict[str, Piece] = {}
        for place, text in enumerate(found):
            name = None
            try:
                raw = _opened(bytes(text))
                name = raw.get(key) if type(raw) is dict else None
                if not wanted(name):
                    continue
                piece = self.piece(kind, key, raw, place)
                if piece.private in pieces:
                    raise LeftOut("the server offers another one before it under the same name")
                pieces[piece.private] = piece
            except LeftOut as reason:
                self.note(kind, f"#{place + 1}" if name is None else name, f"is left out: {reason}")
        return tuple(pieces.values())

    def piece(self, kind: str, key: str, raw: Any, place: int) -> Piece:
        private = _identity(kind, key, raw)
        definition = dict(raw)
        self._shorten(kind, private, definition)
        declared, asked = NONE, None
        if type(definition.get("_meta")) is dict:
            if self.believes:
                declared = self._declared(kind, private, definition["_meta"])
            if self.server.inside and kind == "tool":
                asked = asked_in(definition["_meta"])
            definition["_meta"] = _open_meta(definition["_meta"])
        if kind == "tool":
            piece = replace(self._tool(private, definition, declared, place), asked=asked)
        else:
            piece = Piece(private, _encoded(definition), declared=declared, place=place)
        if deeper_than(piece.encoded, item_depth_max):
            raise LeftOut(f"it nests deeper than {item_depth_max} levels")
        return piece

    def _declared(self, kind: str, name: str, meta: Mapping[str, Any]) -> frozenset[str]:
        """The scopes a server says its own thing requires. What cannot be read is no reason to require less."""
        try:
            return _declared(meta)
        except LeftOut as reason:
            if not kind.startswith("resource"):
                raise
            # Left out of the list, it could be read all the same: whoever knows the URI needs no list.
            self.note(kind, name, f"is for nobody: {reason}")
            return frozenset({NOBODY})

    def _shorten(self, kind: str, name: str, definition: Definition) -> None:
        text, most = definition.get("description"), self.limits.description_chars_max
        if type(text) is str and len(text) > most:
            definition["description"] = text[: max(0, most - len(_CUT))] + _CUT
            self.note(kind, name, f"has a description of {len(text)} characters; it is cut to {most}")


def _opened(text: bytes) -> Any:
    if len(text) > item_values_max and more_values_than(text, item_values_max):
        raise LeftOut(f"it holds more than {item_values_max} values")
    try:
        return _read(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LeftOut("it cannot be read as JSON") from None


def _identity(kind: str, key: str, raw: Any) -> str:
    """The name or URI of an item, if it is one that can be shown and called."""
    if type(raw) is not dict:
        raise LeftOut("it is not an object")
    private = raw.get(key)
    if type(private) is not str or not private:
        raise LeftOut(f'its "{key}" is not a text')
    if key != "name" and type(raw.get("name")) is not str:
        raise LeftOut('its "name" is not a text')
    most = private_name_chars_max if key == "name" else item_uri_chars_max
    if len(private) > most:
        raise LeftOut(f'its "{key}" is longer than {most} characters')
    if not private.isprintable() and any(sign < " " or sign == "\x7f" for sign in private):
        raise LeftOut(f'its "{key}" holds a control character')
    return private


def _declared(meta: Mapping[str, Any]) -> frozenset[str]:
    found = meta.get(DECLARED_SCOPES)
    if found is None:
        return NONE
    try:
        scopes = msgspec.convert(found, tuple[Scope, ...])
    except msgspec.ValidationError:
        raise LeftOut(f"its _meta {DECLARED_SCOPES!r} is not a list of scopes") from None
    if len(scopes) > declared_scopes_max:
        raise LeftOut(f"its _meta {DECLARED_SCOPES!r} names more than {declared_scopes_max} scopes")
    return frozenset(scopes)


def asked_in(meta: Mapping[str, Any]) -> Rules | None:
    """The rules a library declares for its own tool."""
    found = meta.get(DECLARED_RULES)
    if found is None:
        return None
    try:
        return msgspec.convert(found, Asked).rules()
    except msgspec.ValidationError as fault:
        raise LeftOut(f"its _meta {DECLARED_RULES!r} cannot be read: {fault}") from None


def _open_meta(meta: Mapping[str, Any]) -> Definition:
    """Vendor `_meta` passes; what the protocol or this gateway says there, nobody else may say."""
    return {name: meta[name] for name in meta if name not in _RESERVED_META and not name.startswith(OWN_META)}


def _encoded(definition: Definition) -> bytes:
    try:
        return encode(definition)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise LeftOut(f"it cannot be written as JSON ({type(error).__name__})") from None
