"""Which definitions one endpoint shows: as they are offered, as they are pinned, or not at all.

Knows: the verdict about each, and the rule that holds for it here. Refuses to judge (that is `verdicts`), and to know
what else leaves a thing out.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from narthex.catalog.faces import Face, reworked
from narthex.catalog.settling import Settling
from narthex.catalog.stock import Stock, remade
from narthex.catalog.verdicts import Verdict, gone, judge, renamed
from narthex.limits import definition_notes_max
from narthex.model.config import ToolChange
from narthex.model.offer import Offer
from narthex.model.pin import Judged, Kind, Named, Sighting, Watched
from narthex.model.rules.definitions import AS_LOCKED, Definitions

_KINDS: Mapping[str, Kind] = {"tools/list": "tool", "prompts/list": "prompt"}


class Watching(NamedTuple):
    """One server whose definitions are watched."""

    stock: Stock
    watched: Watched


class Withheld(NamedTuple):
    """A tool that nobody is shown."""

    face: Face
    judged: Judged


class Showing:
    """One endpoint, while it is compiled."""

    def __init__(
        self,
        settling: Settling,
        watching: Mapping[str, Watching],
        prefixes: Mapping[str, str],
        changes: Mapping[str, ToolChange],
    ) -> None:
        self._settling, self._watching, self._prefixes, self._changes = settling, watching, prefixes, changes
        self.judged: list[Judged] = []
        self.tools: dict[str, Judged] = {}  # by public name, of those that are shown
        self.withheld: list[Withheld] = []

    def sift(self, method: str, found: list[Face]) -> list[Face]:
        """The faces that may be shown, those that are held with their pinned definitions."""
        kind = _KINDS.get(method)
        if kind is None or not self._watching:
            return found
        shown = (self._shown(method, kind, face) for face in found)
        return [face for face in shown if face is not None]

    def offers(self, offers: Iterable[Offer]) -> list[Offer]:
        """What servers say of themselves, without instructions that may not be read."""
        return [self._spoken(offer) for offer in offers]

    def hides(self, server: str) -> bool:
        """Whether something of this server is not shown, or not as it is offered."""
        return any(one.server == server and one.standing != "shown" for one in self.judged)

    def notes(self) -> Iterator[str]:
        """What the operator is told: of each sort a few by name."""
        sorts: dict[tuple[str, str, str, str], list[str]] = {}
        names = {server: renamed(one.watched.known, one.watched.seen.all()) for server, one in self._watching.items()}
        for one in self.judged:
            if one.note:
                sort = (one.server, one.kind, one.standing, one.reason)
                sorts.setdefault(sort, []).append(_with_old_name(one, names[one.server]))
        for server, watching in self._watching.items():
            sorts[server, "", "", "removed"] = list(self._removed(server, watching))
        for (server, kind, _, reason), told in sorts.items():
            remedy = f"See 'narthex lock diff --server {server}'." if reason != "poisoned" else _LOOK.format(server)
            yield from (f"server '{server}': {said} {remedy}" for said in told[:definition_notes_max])
            if len(told) > definition_notes_max:
                yield f"server '{server}': {len(told) - definition_notes_max} more {kind}s likewise. {remedy}"

    # ---- one of them

    def _shown(self, method: str, kind: Kind, face: Face) -> Face | None:
        watching = self._watching.get(face.server)
        if watching is None:
            return face
        seen = watching.watched.seen
        offered = (seen.tools if kind == "tool" else seen.prompts)[face.piece.place]
        found = judge(self._rule(kind, face.server, face.piece.private), watching.watched, kind, offered)
        if found is None:
            return face
        kept: Face | None = face
        if found.standing == "held" and found.definition is not None:
            kept = self._pinned(method, kind, face, watching.stock, found.definition)
            if kept is None:
                found = found._replace(standing="quarantined", note=f"{found.note} But that one cannot be shown.")
        judged = _judged(face.server, kind, face.piece.private, found, offered)
        self.judged.append(judged)
        if found.standing == "quarantined":
            if kind == "tool":
                self.withheld.append(Withheld(face, judged))
            return None
        if kind == "tool":
            self.tools[face.public] = judged
        return kept

    def _pinned(self, method: str, kind: Kind, face: Face, stock: Stock, definition: bytes) -> Face | None:
        piece = remade(stock, face.piece, kind, definition)
        if piece is None:
            return None
        change = self._changes.get(f"{face.server}/{piece.private}") if kind == "tool" else None
        return reworked(method, face, piece, self._prefixes.get(face.server), change)

    def _spoken(self, offer: Offer) -> Offer:
        watching = self._watching.get(offer.server)
        if watching is None or watching.watched.seen.instructions is None:
            return offer
        offered = watching.watched.seen.instructions
        found = judge(self._rule("instructions", offer.server, ""), watching.watched, "instructions", offered)
        if found is None:
            return offer
        self.judged.append(_judged(offer.server, "instructions", "", found, offered))
        if found.standing == "shown":
            return offer
        said = msgspec.json.decode(found.definition) if found.definition is not None else None
        return msgspec.structs.replace(offer, instructions=said if type(said) is str else None)

    def _removed(self, server: str, watching: Watching) -> Iterator[str]:
        if watching.stock.offer.degraded:
            return
        watched = watching.watched
        for pin in gone(watched.known, watched.seen.all()):
            rules = self._rule(pin.kind, server, pin.name)
            if rules is not None and rules.removed == "announce":
                name = f" {pin.name[:100]!r}" if pin.name else ""
                yield f"{pin.kind}{name} was pinned, and is not offered any more."

    def _rule(self, kind: Kind, server: str, name: str) -> Definitions | None:
        governed = self._settling.tool(server, name) if kind == "tool" else self._settling.rest(server)
        rule = governed.others.rules.definitions
        if rule is None and self._watching[server].watched.known.locked:
            rule = AS_LOCKED
        if rule is None or rule.poisoned is not None or server not in self._settling.written_here:
            return rule
        return msgspec.structs.replace(rule, poisoned="announce")


_LOOK = "Read it: 'narthex lock diff --server {}'."


def _judged(server: str, kind: Kind, name: str, found: Verdict, offered: Sighting | None) -> Judged:
    fingerprint = "" if offered is None else offered.fingerprint
    return Judged(server, kind, name, found.standing, found.reason, found.note, fingerprint)


def _with_old_name(one: Judged, names: Mapping[Named, str]) -> str:
    old = names.get((one.kind, one.name))
    return one.note if old is None else f"{one.note} It seems to be {old[:100]!r} under another name."
