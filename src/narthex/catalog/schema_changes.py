"""How two JSON Schemas differ, for whoever wrote by the old one (`in`), or reads by it (`out`).

Knows: keywords, and whether a change in one lets through more or less than before. Refuses to know: what to do then.

Less let through breaks whoever sends; more let through breaks whoever reads. Where it cannot be told which it is, it
counts as both: a wrong alarm costs a look, a wrong calm costs a call that fails. References inside the document are
followed, and each pair of places is compared once.
"""

from typing import Any, Literal

import msgspec

from narthex.catalog.change import ABSENT, Change, Class, said
from narthex.limits import definition_depth_max, definition_places_max
from narthex.wire.canonical_json import canonical
from narthex.wire.mirror import ANNOTATION
from narthex.wire.subschemas import pointed

Flow = Literal["in", "out"]
Way = Literal["less", "more", "unclear"]
Schema = dict[str, Any]

_TEXTS = frozenset({"title", "description", "$comment", "examples", "default"})
_REMARKS = frozenset(
    {"$schema", "$id", "$anchor", "deprecated", "readOnly", "writeOnly", "contentMediaType", "contentEncoding"}
)
_SHELVES = frozenset({"$defs", "definitions"})  # apply to nothing until a reference names them
_LEAST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"})
_MOST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"})
_DEEPER = frozenset({"items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "additionalItems"})
_TYPES = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})


def schema_changes(old: Schema, new: Schema, flow: Flow, where: str) -> list[Change]:
    return _Comparison(old, new, flow).of(old, new, where)


class _Comparison:
    """Two documents, each with what its references name."""

    def __init__(self, old: Schema, new: Schema, flow: Flow) -> None:
        self._old, self._new, self._flow = old, new, flow
        self._met: set[tuple[bytes, bytes]] = set()
        self._found: list[Change] = []
        self._places = self._level = 0
        self._too_deep = ""

    def of(self, old: Any, new: Any, where: str) -> list[Change]:
        self._any(old, new, where)
        if self._too_deep:
            self._say("breaking", self._too_deep, "nests too deeply to be compared", ABSENT, ABSENT)
        if self._places > definition_places_max:
            self._say("breaking", where, "is too large to be compared whole", ABSENT, ABSENT)
        return self._found

    # ---- what is found

    def _note(self, way: Way, where: str, what: str, before: Any, after: Any) -> None:
        breaks = way == "unclear" or way == ("less" if self._flow == "in" else "more")
        self._say("breaking" if breaks else "compatible", where, what, before, after)

    def _say(self, kind: Class, where: str, what: str, before: Any, after: Any) -> None:
        self._found.append(Change(kind, where, what, before, after))

    # ---- one place in both

    def _any(self, old: Any, new: Any, where: str) -> None:
        """`true` lets everything through, like a schema that says nothing; `false` nothing."""
        if type(old) in (dict, bool) and type(new) in (dict, bool):
            if old is False or new is False:
                if old is not new:
                    more = old is False
                    what = "is allowed now" if more else "is forbidden now"
                    self._note("more" if more else "less", where, what, old, new)
                return
            self._schema({} if old is True else old, {} if new is True else new, where)
        elif canonical(old) != canonical(new):
            self._note("unclear", where, "is another schema", old, new)

    def _schema(self, old: Schema, new: Schema, where: str) -> None:
        if self._done(old, new):
            return
        self._level += 1
        if self._level > definition_depth_max:
            self._too_deep = self._too_deep or where
        else:
            self._keywords(old, new, where)
        self._level -= 1

    def _done(self, old: Schema, new: Schema) -> bool:
        """Whether nothing can be found here, or it was looked at before, or there was enough of that."""
        self._places += 1
        if self._places > definition_places_max:
            return True
        left, right = _quick(old), _quick(new)
        refers = b'"$ref"' in left or b'"$ref"' in right
        if not refers:
            return left == right
        if "$ref" in old or "$ref" in new:
            if (left, right) in self._met:
                return True
            self._met.add((left, right))
        return False

    def _keywords(self, old: Schema, new: Schema, where: str) -> None:
        old, new = _followed(old, self._old), _followed(new, self._new)
        self._properties(old, new, where)
        self._types(old.get("type", ABSENT), new.get("type", ABSENT), f"{where}.type")
        self._choices(_choices(old), _choices(new), where)
        for keyword in sorted((old.keys() | new.keys()) - _TOLD_ELSEWHERE):
            self._keyword(keyword, old.get(keyword, ABSENT), new.get(keyword, ABSENT), f"{where}.{keyword}")

    def _keyword(self, keyword: str, before: Any, after: Any, where: str) -> None:
        same = before is not ABSENT and after is not ABSENT and canonical(before) == canonical(after)
        if keyword in _DEEPER:
            if type(before) is list or type(after) is list:  # a list under `items`, of draft-07
                self._listed(before, after, where, "unclear")
            else:
                self._any(True if before is ABSENT else before, True if after is ABSENT else after, where)
        elif keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
            self._listed(before, after, where, keyword)
        elif keyword == "dependentSchemas" or keyword == "patternProperties":
            self._named(before, after, where)
        elif same:
            return
        elif keyword in _TEXTS:
            self._say("text", where, said("reads differently", before, after), before, after)
        elif keyword in _LEAST or keyword in _MOST:
            self._bound(before, after, where, rising_is="less" if keyword in _LEAST else "more")
        else:
            self._plain(keyword, before, after, where)

    def _plain(self, keyword: str, before: Any, after: Any, where: str) -> None:
        if keyword == "multipleOf":
            self._step(before, after, where)
        elif keyword == "uniqueItems":
            way: Way = "less" if after is True else "more"
            self._note(way, where, said("changed", before, after), before, after)
        elif keyword in _REMARKS or (keyword.startswith("x-") and keyword != ANNOTATION):
            self._say("compatible", where, said("changed", before, after), before, after)
        elif keyword in ("pattern", "format") and (before is ABSENT or after is ABSENT):
            self._note("less" if before is ABSENT else "more", where, said("changed", before, after), before, after)
        else:
            self._note("unclear", where, said("changed", before, after), before, after)

    # ---- single keywords

    def _properties(self, old: Schema, new: Schema, where: str) -> None:
        was, now = _names(old), _names(new)
        needed_then, needed_now = _required(old), _required(new)
        for name in sorted(was.keys() | now.keys() | (needed_then ^ needed_now)):
            place = f"{where}.properties.{name}"
            if name in was and name not in now:
                self._say("breaking", place, "is gone", was[name], ABSENT)
                continue
            if name in now and name not in was:
                self._added(old, place, now[name], needed=name in needed_now)
                continue
            if (name in needed_now) != (name in needed_then):
                less = name in needed_now
                what = "is required now" if less else "may be left out now"
                self._note("less" if less else "more", place, what, not less, less)
            if name in was:
                self._any(was[name], now[name], place)

    def _added(self, old: Schema, place: str, schema: Any, *, needed: bool) -> None:
        what = "is new, and required" if needed else "is new, and may be left out"
        closed = old.get("additionalProperties") is False
        breaks = needed if self._flow == "in" else closed
        self._say("breaking" if breaks else "compatible", place, what, ABSENT, schema)

    def _types(self, before: Any, after: Any, where: str) -> None:
        was, now = _types(before), _types(after)
        self._sets(was, now, where, before, after, "type")

    def _choices(self, was: dict[bytes, Any] | None, now: dict[bytes, Any] | None, where: str) -> None:
        if was is None and now is None:
            return
        if was is None or now is None:
            way: Way = "less" if was is None else "more"
            what = "takes only these values now" if was is None else "takes other values too now"
            before, after = (ABSENT if one is None else list(one.values()) for one in (was, now))
            self._note(way, f"{where}.enum", what, before, after)
            return
        self._sets(frozenset(was), frozenset(now), f"{where}.enum", list(was.values()), list(now.values()), "value")

    def _sets(self, was: frozenset[Any], now: frozenset[Any], where: str, before: Any, after: Any, noun: str) -> None:
        if was - now:
            self._note("less", where, f"takes fewer {noun}s", before, after)
        if now - was:
            self._note("more", where, f"takes more {noun}s", before, after)

    def _bound(self, before: Any, after: Any, where: str, rising_is: Way) -> None:
        """One number that is a floor (rising lets through less) or a ceiling (rising lets through more)."""
        falling_is: Way = "more" if rising_is == "less" else "less"
        way: Way
        if any(one is not ABSENT and type(one) not in (int, float) for one in (before, after)):
            way = "unclear"  # draft-04 had booleans there
        elif before is ABSENT or after is ABSENT:
            way = "less" if before is ABSENT else "more"
        else:
            way = rising_is if after > before else falling_is
        self._note(way, where, said("changed", before, after), before, after)

    def _step(self, before: Any, after: Any, where: str) -> None:
        way: Way = "unclear"
        if before is ABSENT or after is ABSENT:
            way = "less" if before is ABSENT else "more"
        elif type(before) is int and type(after) is int and before > 0 and after > 0:
            way = "less" if after % before == 0 else "more" if before % after == 0 else "unclear"
        self._note(way, where, said("changed", before, after), before, after)

    # ---- several schemas under one keyword

    def _listed(self, before: Any, after: Any, where: str, keyword: str) -> None:
        was, now = ([] if one is ABSENT else one for one in (before, after))
        if type(was) is not list or type(now) is not list:
            self._note("unclear", where, said("changed", before, after), before, after)
        elif len(was) == len(now):
            for place, (old, new) in enumerate(zip(was, now, strict=True)):
                self._any(old, new, f"{where}.{place}")
        else:
            self._alternatives(was, now, where, keyword)

    def _alternatives(self, was: list[Any], now: list[Any], where: str, keyword: str) -> None:
        olds, news = ({canonical(one) for one in several} for several in (was, now))
        gone, came = olds - news, news - olds
        ways: dict[str, tuple[Way, Way]] = {"allOf": ("more", "less"), "anyOf": ("less", "more")}
        if not was:
            ways["anyOf"] = ways["oneOf"] = ("less", "less")  # the first alternatives there are: before, anything went
        elif not now:
            ways["anyOf"] = ways["oneOf"] = ("more", "more")
        if_gone, if_came = ways.get(keyword, ("unclear", "unclear"))
        if gone:
            self._note(if_gone, where, "has lost alternatives" if keyword != "allOf" else "has lost parts", was, now)
        if came:
            self._note(if_came, where, "has new alternatives" if keyword != "allOf" else "has new parts", was, now)
        if not gone and not came:
            self._note("unclear", where, "changed", was, now)

    def _named(self, before: Any, after: Any, where: str) -> None:
        was, now = (one if type(one) is dict else {} for one in (before, after))
        for name in sorted(was.keys() | now.keys()):
            self._any(was.get(name, True), now.get(name, True), f"{where}.{name}")


_in_order = msgspec.json.Encoder(order="deterministic").encode
_TOLD_ELSEWHERE = _SHELVES | {"$ref", "properties", "required", "type", "enum", "const"}


def _followed(schema: Schema, root: Schema) -> Schema:
    """The schema with what its reference names, as far as that is in the document. A chain is followed to its end."""
    met: set[str] = set()
    rest: Schema = {name: value for name, value in schema.items() if name != "$ref"}
    reference = schema.get("$ref")
    while type(reference) is str:
        target = root if reference == "#" else pointed(root, reference[1:]) if reference.startswith("#/") else None
        if target is None or reference in met:
            return {**rest, "$dynamicRef": reference}  # compared as it is written
        met.add(reference)
        rest = {**{name: value for name, value in target.items() if name != "$ref"}, **rest}
        reference = target.get("$ref")
    return rest


def _quick(schema: Schema) -> bytes:
    """Equal only for what is the same. Not always the other way round: 1 is not 1.0 here."""
    try:
        return _in_order(schema)
    except (OverflowError, ValueError, TypeError):  # an integer of more than 64 bits
        return canonical(schema)


def _names(schema: Schema) -> Schema:
    found = schema.get("properties")
    return found if type(found) is dict else {}


def _required(schema: Schema) -> frozenset[str]:
    found = schema.get("required")
    return frozenset(one for one in found if type(one) is str) if type(found) is list else frozenset()


def _types(value: Any) -> frozenset[str]:
    """An integer is a number: whoever takes numbers takes integers."""
    found = [value] if type(value) is str else value
    if type(found) is not list:
        return _TYPES
    types = frozenset(one for one in found if type(one) is str)
    return types | {"integer"} if "number" in types else types


def _choices(schema: Schema) -> dict[bytes, Any] | None:
    """The only values it takes, if it names them."""
    if "const" in schema:
        return {canonical(schema["const"]): schema["const"]}
    found = schema.get("enum")
    return {canonical(one): one for one in found} if type(found) is list else None
