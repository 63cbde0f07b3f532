"""One endpoint out of the stocks of its servers: chosen, renamed, in one order, with no two under one name.

Knows: what the endpoint's configuration asks for. Refuses to choose a winner: where two things would carry one name,
neither is shown, and the operator is told both and the remedy.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from narthex.catalog.choose import Choice
from narthex.catalog.faces import IDENTIFIED_BY, Face, changed, faces
from narthex.catalog.names import PUBLIC
from narthex.catalog.stock import Stock
from narthex.catalog.uris import normal, template_start
from narthex.model.config import EndpointConfig
from narthex.model.endpoint import Items, Prompt, Thing, Tool
from narthex.model.pin import Judged
from narthex.model.settled import Governed
from narthex.wire.revisions import LEGACY

_WORD = {
    "tools/list": "tool",
    "prompts/list": "prompt",
    "resources/list": "resource",
    "resources/templates/list": "resource template",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What an endpoint is to be, before any item is looked at."""

    name: str
    wanted: EndpointConfig
    servers: tuple[str, ...]
    named: bool  # tool and prompt names carry the server's
    prefixes: Mapping[str, str]  # empty: URIs stay as they are
    complete: bool  # every server has made its offer: what is missing now is missing for good
    server_info: dict[str, Any]  # what clients are told about who we are

    @property
    def title(self) -> str:
        return f"endpoint '/mcp/{self.name}'" if self.name else "endpoint '/mcp'"


@dataclass(slots=True)
class Merged:
    """The lists of one endpoint, and what went wrong on the way."""

    shown: dict[str, tuple[Face, ...]]
    problems: list[str]


Sift = Callable[[str, list[Face]], list[Face]]  # of one list, what may be shown


def merge(plan: Plan, stocks: Iterable[Stock], sift: Sift = lambda _, found: found) -> Merged:
    """Every list, in the order of the servers and then in each server's own. What may not be shown clashes with
    nothing."""
    merged = Merged({}, [])
    stocks = list(stocks)
    for method in IDENTIFIED_BY:
        found = [
            face
            for stock in stocks
            for face in faces(stock, method, named=plan.named, prefix=plan.prefixes.get(stock.server.name))
        ]
        if method == "tools/list":
            found = _chosen(plan, found, merged.problems)
        found = sift(method, found)
        if method == "resources/templates/list":
            found = _apart(plan, method, found, [_reach(face) for face in found], merged.problems)
        merged.shown[method] = tuple(_apart(plan, method, found, [face.public for face in found], merged.problems))
    return merged


def _chosen(plan: Plan, found: list[Face], problems: list[str]) -> list[Face]:
    include = None if plan.wanted.include is None else Choice(plan.wanted.include)
    exclude = Choice(plan.wanted.exclude)
    kept = []
    for face in found:
        wanted = include is None or include.holds(face.server, face.piece.private)
        unwanted = exclude.holds(face.server, face.piece.private)
        if wanted and not unwanted:
            kept.append(face)
    if plan.complete:
        for member, choice in (("include", include), ("exclude", exclude)):
            unmet = choice.unmet if choice is not None else ()
            problems += [f"{plan.title}: `{member}` names {text!r}, and no tool here is called so." for text in unmet]
    return _renamed(plan, kept, problems)


def _renamed(plan: Plan, found: list[Face], problems: list[str]) -> list[Face]:
    changes = dict(plan.wanted.tools)
    result = []
    for face in found:
        change = changes.pop(f"{face.server}/{face.piece.private}", None)
        if change is not None:
            name = change.name or face.public
            if change.name and not PUBLIC.fullmatch(change.name):
                name = face.public
                problems.append(
                    f"{plan.title}: {change.name!r} cannot be a tool's name, so it stays {name!r}. "
                    f"A name has 1 to 64 of the signs A-Z a-z 0-9 _ -."
                )
            face = changed(face, change, name)
        result.append(face)
    if plan.complete:
        problems += [f"{plan.title}: `tools` names {key!r}, and no tool here is 'server/tool' so." for key in changes]
    return result


def _reach(face: Face) -> str:
    """What two templates must not share: with an equal start nobody could say whose an expansion is."""
    start = template_start(face.public)
    return start if start.lower().startswith(("http:", "https:")) else face.public


def _apart(plan: Plan, method: str, found: list[Face], names: list[str], problems: list[str]) -> list[Face]:
    """Those that alone carry their name. One server may repeat a template's start: it stays the same server's."""
    holders: dict[str, list[Face]] = {}
    for face, name in zip(found, names, strict=True):
        holders.setdefault(name, []).append(face)
    if len(holders) == len(found):
        return found
    clashing = set()
    for name, several in holders.items():
        by_reach = method == "resources/templates/list" and len({face.server for face in several}) == 1
        if len(several) > 1 and not by_reach:
            clashing.add(name)
            problems.append(_clash(plan, method, name, several))
    return [face for face, name in zip(found, names, strict=True) if name not in clashing]


def _clash(plan: Plan, method: str, name: str, several: list[Face]) -> str:
    things = " and ".join(f"'{face.server}/{face.piece.private[:100]}'" for face in several[:5])
    more = f" and {len(several) - 5} more" if len(several) > 5 else ""
    return (
        f"{plan.title}: the {_WORD[method]}s {things}{more} would all be shown as {name[:100]!r}. "
        f"None of them is shown. {_remedy(plan, method)}"
    )


def _remedy(plan: Plan, method: str) -> str:
    if method.startswith("resources/"):
        return "Serve them on endpoints of their own: `endpoints: {NAME: {servers: [...]}}`."
    if not plan.name:
        return "Rename one of the servers, or leave one of the tools out with its server's `tools`."
    if method == "prompts/list":
        return f"Write `names: prefixed` under endpoints.{plan.name}, or give it fewer servers."
    return f"Rename one of them under endpoints.{plan.name}.tools, or exclude it, or write `names: prefixed`."


# ---- the tables a call looks into --------------------------------------------------------------------------------


def items_of(shown: tuple[Face, ...], needs: tuple[frozenset[str], ...], things: tuple[Thing, ...] = ()) -> Items:
    """One list with its sort keys: the place in it, and a mark of the name by which a cursor finds its place again."""
    modern = tuple(face.encoded for face in shown)
    known = {modern: modern}  # revisions that read the same share one tuple: every caller's sight is made of these
    legacy = {revision: tuple(face.legacy[place] for face in shown) for place, revision in enumerate(LEGACY)}
    return Items(
        keys=tuple(f"{place:06d}.{face.mark}" for place, face in enumerate(shown)),
        modern=modern,
        legacy={revision: known.setdefault(encoded, encoded) for revision, encoded in legacy.items()},
        needs=needs,
        servers=tuple(face.server for face in shown),
        digests=tuple(face.digest for face in shown),
        things=things,
    )


def fingerprint(digests: Iterable[bytes]) -> int:
    """Equal for equal lists, on every machine."""
    whole = hashlib.blake2b(b"".join(digests), digest_size=8)
    return int.from_bytes(whole.digest(), "big")


def tools_of(
    shown: tuple[Face, ...],
    needs: tuple[frozenset[str], ...],
    governed: tuple[Governed, ...],
    judged: Mapping[str, Judged],
) -> dict[str, Tool]:
    """`judged`: by public name."""
    return {
        face.public: Tool(
            face.public,
            face.server,
            face.piece.private,
            face.encoded,
            face.piece.mirrors,
            face.piece.read_only,
            face.piece.idempotent,
            face.piece.task_required,
            required,
            face.piece.declared,
            face.piece.learnt,
            ruled,
            judged.get(face.public),
        )
        for face, required, ruled in zip(shown, needs, governed, strict=True)
    }


def things_of(method: str, shown: tuple[Face, ...], tools: Mapping[str, Tool]) -> tuple[Thing, ...]:
    """What each item of a list is to the operator's rules."""
    kind = {"tools/list": "Tool", "prompts/list": "Prompt"}.get(method, "Resource")
    found = tools if kind == "Tool" else {}
    return tuple(Thing(kind, face.server, face.piece.private, face.public, found.get(face.public)) for face in shown)


def prompts_of(shown: tuple[Face, ...], needs: tuple[frozenset[str], ...]) -> dict[str, Prompt]:
    return {
        face.public: Prompt(face.public, face.server, face.piece.private, required, face.piece.declared)
        for face, required in zip(shown, needs, strict=True)
    }


def owners_of(shown: tuple[Face, ...]) -> dict[str, tuple[str, str]]:
    return {face.public: (face.server, face.piece.private) for face in shown}


def normal_uris_of(shown: tuple[Face, ...]) -> dict[str, str]:
    """Normal form to public URI where they differ. A form that two share leads to neither."""
    forms: dict[str, list[str]] = {}
    for face in shown:
        forms.setdefault(normal(face.public), []).append(face.public)
    return {form: found[0] for form, found in forms.items() if len(found) == 1 and found[0] != form}


def template_prefixes_of(shown: tuple[Face, ...]) -> tuple[tuple[str, str], ...]:
    """The starts of the templates that carry no prefix, the longest first."""
    starts = {(template_start(face.public), face.server) for face in shown if face.public == face.piece.private}
    return tuple(sorted(starts, key=lambda found: (-len(found[0]), found)))
