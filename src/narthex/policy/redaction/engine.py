"""One rule at work: JSON in, the same JSON out, but for what may not be in it.

Knows: strings, keys, numbers and JSON inside of text; what is written instead. Refuses to know: calls, and members by
name (`fields`), blocks of content (`blocks`).

Nothing is decoded that need not be: the text is searched as a whole, and changed where something was found. What hides
behind a second layer of escapes or behind signs that only look like others is unwrapped, searched the same way, and
written back whole.
"""

import re
from collections.abc import Mapping

import msgspec

from narthex.limits import redaction_keys_numbered_max, redaction_nesting_max
from narthex.model.rules.redaction import Action
from narthex.policy.redaction import disguise
from narthex.policy.redaction.matcher import Budget, Finding, Matcher, TooMuch, apart
from narthex.policy.redaction.naming import Informed, Unnamed, names
from narthex.policy.redaction.sight import FIRST, REST, seen, sighted, whole
from narthex.policy.redaction.writing import Write
from narthex.wire.strict import encode

Patch = tuple[int, int, bytes]  # from, to, what is written there

_decode_text = msgspec.json.Decoder(str).decode
_skip = msgspec.json.Decoder(msgspec.Raw).decode

_LITERALS = b"0123456789+-.eE"
_DIGITS = b"0123456789"
_NESTED = re.compile(rb'"(?:\x01?[ \n\t])*[\[{]')
_INNER_ESCAPE = re.compile(rb"\x01\x02[bfnrt/]")  # a backslash in the text itself, and a letter: escaped once more
_NAMED_NUMBER = re.compile(rb"\x02 *: *$")
_COLON = re.compile(rb"[ \t\r\n]+:")
_SPACE, _ASCII = 32, 127


class Blocked(Exception):
    """There is something in it that ends the call."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        super().__init__(", ".join(kinds))
        self.kinds = kinds


class Work:
    """One answer, or one message, on its way through. Owned by whoever began it."""

    __slots__ = ("budget", "counts", "keys", "spared", "uris", "write")

    def __init__(
        self,
        budget: Budget,
        write: Write,
        spared: frozenset[str] = frozenset(),
        uris: frozenset[str] = frozenset(),
    ) -> None:
        self.budget = budget
        self.write = write  # for the actions whose words depend on the value
        self.spared = spared  # values that are meant to be there
        self.uris = uris  # of resources that the client itself asked for
        self.counts: dict[str, int] = {}
        self.keys: dict[tuple[int, bytes], int] = {}

    def aside(self) -> "Work":
        """Another look at a part of it, which may not count."""
        other = self._another()
        other.keys = self.keys
        return other

    def _another(self) -> "Work":
        return Work(self.budget, self.write, self.spared, self.uris)

    def informed(self) -> Informed:
        """What is known of the names in it. Raises `Unnamed`."""
        raise Unnamed("")

    def adopt(self, other: "Work") -> None:
        for name, count in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


class NamedWork(Work):
    """The same for a message in whose texts somebody looked for names."""

    __slots__ = ("_informed",)

    def __init__(
        self, budget: Budget, write: Write, spared: frozenset[str], uris: frozenset[str], informed: Informed
    ) -> None:
        super().__init__(budget, write, spared, uris)
        self._informed = informed

    def _another(self) -> Work:
        return NamedWork(self.budget, self.write, self.spared, self.uris, self._informed)

    def informed(self) -> Informed:
        return self._informed


class Engine:
    """One rule, compiled. Immutable: shared by all calls, in any thread."""

    __slots__ = ("_always", "_constant", "_matcher", "_named", "actions", "names", "numbers")

    def __init__(
        self,
        matcher: Matcher,
        names: tuple[str, ...],
        actions: Mapping[str, Action],
        *,
        numbers: bool,
        words: Mapping[str, str] | None = None,
        named: tuple[str, ...] = (),
    ) -> None:
        """`words`: what is written for the kinds that are masked, where that is not their name. `named`: the last of
        the kinds, which only a model finds."""
        self._matcher, self.names, self.numbers = matcher, names, numbers
        self._named = {name: len(names) - len(named) + place for place, name in enumerate(named)}
        self._always = bool(matcher.own or named)  # a pass over the kinds' patterns does not tell of these
        self.actions = tuple(actions[name] for name in names)
        said = {"mask": words or {name: f"[{name}]" for name in names}, "drop": dict.fromkeys(names, "")}
        constant = {name: said[actions[name]][name].encode() if actions[name] in said else None for name in names}
        self._constant = tuple(constant[name] for name in names)

    def clean(self, raw: bytes) -> bool:
        """Whether it is certain that nothing is to be changed, which one pass tells. A doubt is a no."""
        if self._always:
            return False
        text, view, layered = sighted(raw)
        if layered or (not text.isascii() and disguise.occurs(text)):
            return False
        return not self._matcher.occurs(view)

    def json(self, raw: bytes, work: Work) -> bytes:
        """The very same object where nothing was found. Raises `Blocked`, `TooMuch`."""
        return self._json(raw, work, 0, bare=False)

    def _json(self, raw: bytes, work: Work, depth: int, *, bare: bool) -> bytes:
        """`bare`: its disguises were taken off already."""
        text, view, layered = sighted(raw)
        places = self._matcher.occurs(view)
        disguised = not bare and not text.isascii() and disguise.occurs(text)
        if not (places or layered or disguised or self._always):
            return raw
        patches: list[Patch] = []
        view = self._nested(text, view, work, depth, patches, bare=bare)
        found = self._matcher.find(view, places, work.budget)
        if layered:
            found = self._layered(view, found, work)
        if self._named:
            found = self._with_names(text, view, found, work, bare=bare)
        if disguised:
            view, found = self._disguised(text, view, found, work, depth, patches)
        if found:
            self._judge(found)
            self._write(text, view, found, work, patches)
        return _patched(text, patches) if patches else raw

    def text(self, bare: str, work: Work) -> str:
        """The same for a text that stands by itself."""
        raw = encode(bare)
        done = self.json(raw, work)
        return bare if done is raw else _decode_text(done)

    def after(self, before: str, text: str, work: Work) -> str:
        """The text without the end of what began in the text before it."""
        raw = encode(before + text)
        border, view = len(encode(before)) - 1, seen(raw)
        for start, end, place in self._matcher.find(view, self._matcher.occurs(view), work.budget):
            if start < border < end:
                self._judge([(start, end, place)])
                work.counts[self.names[place]] = work.counts.get(self.names[place], 0) + 1
                rest = _decode_text(b'"' + raw[whole(view, start, end)[1] :])
                return f"[{self.names[place]}]{rest}"
        return text

    # ---- finding

    def _nested(self, text: bytes, view: bytes, work: Work, depth: int, patches: list[Patch], *, bare: bool) -> bytes:
        """Texts that are JSON themselves are treated as JSON. Returns the view without them."""
        pieces: list[bytes] = []
        last, position = 0, 0
        while (match := _NESTED.search(view, position)) is not None:
            start, position = match.start(), view.find(b'"', match.end()) + 1
            if position - start < 8 or view[start + 1 : position - 1].rstrip(b" \n\t\x01")[-1] not in b"]}":
                continue
            work.budget.spend(1)
            inner = _json_in(text[start:position])
            if inner is None:
                continue
            if depth >= redaction_nesting_max:
                raise TooMuch
            done = self._json(inner, work, depth + 1, bare=bare)
            if done is not inner:
                patches.append((start, position, encode(done.decode())))
            pieces += (view[last : start + 1], bytes(position - start - 2))
            last = position - 1
        return b"".join((*pieces, view[last:])) if pieces else view

    def _layered(self, view: bytes, found: list[Finding], work: Work) -> list[Finding]:
        """What an escape of a second layer hides, in text that is no JSON as a whole."""
        unwrapped = _INNER_ESCAPE.sub(b"\x01\x02\x02", view)
        if unwrapped == view:
            return found
        more = self._matcher.find(unwrapped, self._matcher.occurs(unwrapped), work.budget)
        # Where both found the same thing, the one that leaves the inner escape whole is right.
        better = {(start - 1, end) for start, end, _ in more}
        both = [one for one in found if one[:2] not in better] + more
        return apart(both) if both else both

    def _with_names(self, text: bytes, view: bytes, found: list[Finding], work: Work, *, bare: bool) -> list[Finding]:
        more = names(text, view, work.informed(), self._named, bare=bare)
        work.budget.spend(len(more))
        return apart([*found, *more]) if more else found

    def _disguised(
        self, text: bytes, view: bytes, found: list[Finding], work: Work, depth: int, patches: list[Patch]
    ) -> tuple[bytes, list[Finding]]:
        """Strings in which signs that only look like others hid something. Returns what is left to do in the others."""
        if not self._always and not self._matcher.occurs(disguise.off(text)):
            return view, found
        done = {start for start, _, _ in patches}
        for start, end in disguise.strings(text, view):
            if start in done or text[start : start + 1] != b'"':
                continue
            work.budget.spend(2)
            quoted = text[start:end]
            own: list[Patch] = []
            inside = [one for one in found if start < one[0] < end]
            shifted = [(first - start, last - start, place) for first, last, place in inside]
            self._write(quoted, view[start:end], shifted, Work(work.budget, lambda *_: ""), own)
            visible = disguise.off(_patched(quoted, own))
            bare = disguise.off(quoted)
            closer = work.aside()
            treated = self._json(bare, closer, depth, bare=True)
            if treated != visible:
                work.adopt(closer)
                patches.append((start, end, treated))
                found = [one for one in found if one not in inside]
        return view, found

    # ---- writing

    def _judge(self, found: list[Finding]) -> None:
        if "block" not in self.actions:
            return
        kinds = sorted({self.names[place] for _, _, place in found if self.actions[place] == "block"})
        if kinds:
            raise Blocked(tuple(kinds))

    def _write(self, text: bytes, view: bytes, found: list[Finding], work: Work, patches: list[Patch]) -> None:
        quotes, counted, counts = 0, 0, work.counts
        count, find, names, constant = view.count, view.find, self.names, self._constant
        spared = work.spared
        for start, end, place in found:
            quotes += count(b'"', counted, start)
            counted = start
            if not quotes & 1:
                self._write_number(text, view, start, end, place, work, patches)
                continue
            if (
                view[start] <= _SPACE
                or view[start] > _ASCII
                or view[end] > _ASCII
                or view[end - 1] == FIRST
                or view[end] == REST
            ):
                start, end = whole(view, start, end)
            if spared and _decode_text(b'"%b"' % text[start:end]) in spared:
                continue
            written = constant[place]
            if written is None:
                name, value = names[place], _decode_text(b'"%b"' % text[start:end])
                written = work.write(name, self.actions[place], value).encode()
            closing = find(b'"', end) + 1
            if view[closing : closing + 1] == b":" or _COLON.match(view, closing):
                written = self._told_apart(written, text[start:end], place, work)
            elif view[start] in _DIGITS and _NAMED_NUMBER.search(view, max(0, start - 8), start):
                written = b'\\"%b\\"' % written  # a number, in JSON that is cut off or in prose
            counts[names[place]] = counts.get(names[place], 0) + 1
            patches.append((start, end, written))

    def _write_number(
        self, text: bytes, view: bytes, start: int, end: int, place: int, work: Work, patches: list[Patch]
    ) -> None:
        """What was found outside of strings is part of a number, or of the signs between values, which stay."""
        start, end = _number(view, start, end)
        if not self.numbers or start == end or (patches and patches[-1][0] == start):
            return
        value = text[start:end].decode()
        if value in work.spared:
            return
        written = self._constant[place]
        if written is None:
            written = work.write(self.names[place], self.actions[place], value).encode()
        name = self.names[place]
        work.counts[name] = work.counts.get(name, 0) + 1
        patches.append((start, end, b'"%b"' % written if written else b"null"))

    def _told_apart(self, written: bytes, value: bytes, place: int, work: Work) -> bytes:
        """Two keys that are hidden must not become one."""
        if self._constant[place] is None:
            return written
        number = work.keys.setdefault((place, value), len(work.keys) + 1)
        if number > redaction_keys_numbered_max:
            raise TooMuch
        name = self.names[place].encode()
        return b"[%b]" % name if number == 1 else b"[%b %d]" % (name, number)


def _json_in(quoted: bytes) -> bytes | None:
    """The JSON text that a string holds; None: it holds something else."""
    inner = _decode_text(quoted).encode()
    try:
        _skip(inner)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return inner


def _patched(text: bytes, patches: list[Patch]) -> bytes:
    patches.sort()
    pieces, last = [], 0
    for start, end, written in patches:
        pieces.append(text[last:start])
        pieces.append(written)
        last = end
    pieces.append(text[last:])
    return b"".join(pieces)


def _number(view: bytes, start: int, end: int) -> tuple[int, int]:
    """The whole of the number that a finding outside of strings is in; an empty stretch: it is in none."""
    while start < end and view[start] not in _DIGITS:
        start += 1
    if start == end:
        return start, start
    while start and view[start - 1] in _LITERALS:
        start -= 1
    end = start
    while end < len(view) and view[end] in _LITERALS:
        end += 1
    return start, end
