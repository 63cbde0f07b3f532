"""What somebody declares about a function: that it is a tool, and what callers and gateways should know of it.

Knows: the words of declarations, and which cannot be meant. Refuses to know: types and calls.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, TypeVar, Unpack, overload

from narthex.libraries.server import Tree, requiring

F = TypeVar("F", bound=Callable[..., Any])
MARK = "__narthex_tool__"
RULES = "dev.narthex/rules"  # in `_meta`: limits that a library asks for (docs/python-tools.md)
TAGS = "dev.narthex/tags"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HINTS = {
    "read_only": "readOnlyHint",
    "destructive": "destructiveHint",
    "idempotent": "idempotentHint",
    "open_world": "openWorldHint",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What was said of one tool. None: nothing."""

    name: str | None = None
    title: str | None = None
    description: str | None = None
    scopes: tuple[str, ...] = ()
    rate_limit: Mapping[str, Any] | None = None
    cost: Any = None
    approval: Mapping[str, Any] | None = None
    tags: tuple[str, ...] = ()
    hints: Mapping[str, bool] = field(default_factory=dict)
    on_loop: bool = False  # it never waits, and is so quick that a thread would cost more
    when: str | None = None  # a setting without which it is not offered

    def __post_init__(self) -> None:
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise ValueError(f"'{self.name}' cannot be a tool's name: letters, digits, '_', '-', '.', up to 64")
        requiring({}, self.scopes)
        if self.rate_limit is not None and not isinstance(self.rate_limit, Mapping):
            raise TypeError('`rate_limit` is a mapping, like {"requests_per_minute": 30}')
        if isinstance(self.cost, int | float) and not self.cost >= 1:
            raise ValueError("`cost` is 1 or more: what a library says can only make calls dearer")

    def beside(self, default: "Declared") -> "Declared":
        """The same, with what the library says of all its tools."""
        return replace(
            self,
            scopes=tuple(dict.fromkeys((*default.scopes, *self.scopes))),
            rate_limit=self.rate_limit if self.rate_limit is not None else default.rate_limit,
            cost=self.cost if self.cost is not None else default.cost,
            approval=self.approval if self.approval is not None else default.approval,
            tags=tuple(dict.fromkeys((*default.tags, *self.tags))),
        )

    def offered(self, settings: Mapping[str, Any]) -> bool:
        """Whether the operator's settings let it be there. Raises ValueError for a setting that says neither."""
        wanted = True if self.when is None else settings.get(self.when, False)
        if not isinstance(wanted, bool):
            raise ValueError(f"the setting `{self.when}` is true or false")
        return wanted

    def said_in(self, definition: Tree) -> Tree:
        """The definition with it."""
        said = {"rate_limit": self.rate_limit, "cost": self.cost, "approval": self.approval}
        rules = {name: value for name, value in said.items() if value is not None}
        meta: Tree = {**({RULES: rules} if rules else {}), **({TAGS: list(self.tags)} if self.tags else {})}
        if self.hints:
            definition = {**definition, "annotations": {_HINTS[name]: value for name, value in self.hints.items()}}
        return requiring({**definition, "_meta": meta} if meta else definition, self.scopes)


class Defaults(TypedDict, total=False):
    """What may be said of all tools of a library."""

    scopes: Sequence[str]  # what callers need; a gateway in front asks for them
    rate_limit: Mapping[str, Any]  # as in the gateway's configuration: {"requests_per_minute": 30}
    cost: Any  # likewise: 5, or {"per_call": 1, "per_kb": 0.1}; at least 1
    approval: Mapping[str, Any]  # likewise: {"by": "caller"}
    tags: Sequence[str]


class Said(Defaults, total=False):
    """What may be said of one tool."""

    name: str
    title: str
    description: str
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool
    on_loop: bool  # a function that never waits, and is so quick that a thread would cost more
    when: str  # the name of a setting: the tool is offered only where that is `true`


def declare(**said: Unpack[Said]) -> Declared:
    """Raises TypeError and ValueError for what cannot be meant."""
    known = Said.__annotations__.keys() | Defaults.__annotations__.keys()
    if unknown := said.keys() - known:
        raise TypeError(f"nothing is known of {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    if isinstance(said.get("scopes"), str) or isinstance(said.get("tags"), str):
        raise TypeError("`scopes` and `tags` are lists")
    given: Any = {name: value for name, value in said.items() if name not in _HINTS}
    hints: Any = {name: value for name, value in said.items() if name in _HINTS}
    given |= {name: tuple(given[name]) for name in ("scopes", "tags") if name in given}
    return Declared(**given, hints=hints)


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(**said: Unpack[Said]) -> Callable[[F], F]: ...
def tool(function: Any = None, /, **said: Unpack[Said]) -> Any:
    """Say that a function is a tool. It stays what it is; a library takes it up (`Library.add`, or its module)."""

    def mark(decorated: Any) -> Any:
        setattr(decorated, MARK, declare(**said))
        return decorated

    return mark if function is None else mark(function)
