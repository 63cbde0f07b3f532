"""One parameter of a query: its schema for the model, and from an argument to the values that are bound.

Knows: enums, bounds, defaults, ranges of time. Refuses to know: statements, callers and databases.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import re2

from narthex.limits import sql_string_bytes_max
from narthex.model.sql import ParameterConfig
from narthex.upstream.sql import moments, time_range
from narthex.upstream.sql.faults import SqlConfigError
from narthex.upstream.sql.kinds import KINDS, Unfit

Tree = dict[str, Any]
Clock = Callable[[], datetime]
_NUMBERS = ("integer", "number", "decimal")
_ENUM_SHOWN_MAX = 20


class Parameter:
    """`names` are what it fills in: one, or two for a range of time."""

    def __init__(self, name: str, config: ParameterConfig, clock: Clock) -> None:
        self.name, self.config, self._clock = name, config, clock
        self.names: tuple[str, ...] = (f"{name}_start", f"{name}_end") if config.type == "time_range" else (name,)
        self.shown = config.bound is None
        self.required = self.shown and config.default is None and not config.optional
        self._zone = _zone(config.zone)
        self._pattern = _pattern(config.pattern)
        self._enum: tuple[Any, ...] | None = None
        self._read = self._reader()
        self._check()
        self._enum = self._choices()
        # Bound once, so that a default that cannot be used is told to the operator and not to the first caller.
        if config.default is not None:
            self._default(config.default)

    def schema(self) -> Tree:
        config = self.config
        schema: Tree = self._typed()
        if config.optional and "type" in schema:
            schema["type"] = [schema["type"], "null"]
        if config.enum is not None and config.type != "list":
            schema["enum"] = [*config.enum, None] if config.optional else list(config.enum)
        if config.default is not None:
            schema["default"] = list(config.default) if isinstance(config.default, tuple) else config.default
        said = " ".join(filter(None, (config.description, time_range.WORDS if config.type == "time_range" else None)))
        return schema | {"description": said} if said else schema

    def values(self, arguments: Mapping[str, Any]) -> Sequence[Any]:
        """What is bound to `names`. Raises Unfit, whose text is a whole sentence."""
        given = arguments.get(self.name)
        if given is None:
            if self.config.default is not None:
                return self._default(self.config.default)
            if self.config.optional:
                return [None] * len(self.names)
            raise Unfit(f"Missing: {self.name}.")
        return self._bound(given)

    def _default(self, default: Any) -> Sequence[Any]:
        return self._bound(list(default) if isinstance(default, tuple) else default)

    def _bound(self, given: Any) -> Sequence[Any]:
        try:
            return self._read(given)
        except time_range.NotATimeRange as fault:
            raise Unfit(f"'{self.name}' is no time range: {fault}. {time_range.WORDS}") from None
        except Unfit as fault:
            raise Unfit(f"'{self.name}' must be {fault}.") from None

    def _reader(self) -> Callable[[Any], Sequence[Any]]:
        config = self.config
        if config.type == "time_range":
            return self._range
        if config.type == "list":
            return self._list
        if config.type == "identifier":
            return lambda value: (self._among(KINDS["string"].read(value)),)
        return lambda value: (self._one(config.type, value),)

    def _one(self, kind: str, value: Any) -> Any:
        found = self._among(KINDS[kind].read(value))
        if isinstance(found, str):
            self._length(found)
        elif kind in _NUMBERS:
            self._size(found)
        elif isinstance(found, datetime):
            found = found.replace(tzinfo=self._zone) if found.tzinfo is None else found.astimezone(self._zone)
            return moments.moment(found, self.config.reaches_as)
        return found

    def _list(self, value: Any) -> Sequence[Any]:
        if not isinstance(value, list):
            raise Unfit("a list")
        if len(value) > self.config.max_items:
            raise Unfit(f"a list of at most {self.config.max_items} items")
        return ([self._one(self.config.items, item) for item in value],)

    def _range(self, value: Any) -> Sequence[Any]:
        if not isinstance(value, str):
            raise Unfit("text")
        found = time_range.read(self._among(value), self._clock(), self._zone)
        return moments.bounds(found, self.config.reaches_as, until_now=time_range.until_now(value))

    def _among(self, value: Any) -> Any:
        if self._enum is None or any(value == choice and type(value) is type(choice) for choice in self._enum):
            return value
        choices = [str(choice) for choice in self.config.enum or ()]
        more = "" if len(choices) <= _ENUM_SHOWN_MAX else f", and {len(choices) - _ENUM_SHOWN_MAX} more"
        raise Unfit(f"one of: {', '.join(choices[:_ENUM_SHOWN_MAX])}{more}")

    def _length(self, value: str) -> None:
        config = self.config
        if config.min_length is not None and len(value) < config.min_length:
            raise Unfit(f"text of at least {config.min_length} characters")
        if config.max_length is not None and len(value) > config.max_length:
            raise Unfit(f"text of at most {config.max_length} characters")
        if len(value) > sql_string_bytes_max // 4 and len(value.encode("utf-8")) > sql_string_bytes_max:
            raise Unfit(f"text of at most {sql_string_bytes_max} bytes")
        if self._pattern is not None and not self._pattern.search(value):
            raise Unfit(f"text that matches {config.pattern}")

    def _size(self, value: float | Decimal) -> None:
        config = self.config
        if config.minimum is not None and value < config.minimum:
            raise Unfit(f"at least {_whole(config.minimum)}")
        if config.maximum is not None and value > config.maximum:
            raise Unfit(f"at most {_whole(config.maximum)}")

    def _typed(self) -> Tree:
        config = self.config
        if config.type == "list":
            items = {**KINDS[config.items].schema, **self._narrowed(config.items)}
            if config.enum is not None:
                items["enum"] = list(config.enum)
            return {"type": "array", "items": items, "maxItems": config.max_items}
        if config.type == "time_range":
            return {"type": "string", "minLength": 1, "maxLength": time_range.TEXT_CHARS_MAX}
        kind = "string" if config.type == "identifier" else config.type
        return {**KINDS[kind].schema, **self._narrowed(kind)}

    def _narrowed(self, kind: str) -> Tree:
        config = self.config
        if kind == "string":
            keys: Tree = {"minLength": config.min_length, "maxLength": config.max_length, "pattern": config.pattern}
        elif kind in ("integer", "number"):
            keys = {"minimum": _whole(config.minimum), "maximum": _whole(config.maximum)}
        else:
            keys = {}
        return {key: value for key, value in keys.items() if value is not None}

    def _check(self) -> None:
        """What was written together and cannot mean anything together."""
        config = self.config
        if config.type == "identifier" and not config.enum:
            raise SqlConfigError("an identifier needs 'enum': the names to choose from")
        if config.type == "identifier" and (config.optional or config.bound is not None):
            raise SqlConfigError("an identifier is chosen by the caller, always", "Give it a 'default' instead.")
        if config.bound is not None and (config.default is not None or config.optional):
            raise SqlConfigError("what is bound to the caller has no default, and is never left out")
        if config.enum is not None and not config.enum:
            raise SqlConfigError("'enum' is empty: nothing could be given")
        if config.type == "json" and (config.enum is not None or isinstance(config.default, tuple)):
            raise SqlConfigError("JSON values have no 'enum' here, and no list as their default")

    def _choices(self) -> tuple[Any, ...] | None:
        config = self.config
        if config.enum is None:
            return None
        if config.type in ("identifier", "time_range"):
            return config.enum
        kind = config.items if config.type == "list" else config.type
        try:
            return tuple(KINDS[kind].read(choice) for choice in config.enum)
        except Unfit as fault:
            raise SqlConfigError(f"everything in 'enum' must be {fault}") from None


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SqlConfigError(f"the time zone '{name}' is not known", "Like 'UTC' or 'Europe/Berlin'.") from None


def _pattern(pattern: str | None) -> Any:
    if pattern is None:
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise SqlConfigError("'pattern' is no regular expression that is searched in linear time (RE2)") from None


def _whole(number: float | None) -> float | int | None:
    return int(number) if number is not None and number.is_integer() else number
