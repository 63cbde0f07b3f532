"""A function as a library sees it: its parameters, what it says of itself, how it is called.

Knows: signatures, hints, docstrings. Refuses to know: tools, prompts and resources, which are all functions.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, get_args, get_origin

import msgspec

from narthex.libraries import docstring
from narthex.libraries.context import Context
from narthex.libraries.hints import described, normal
from narthex.libraries.schemas import NoSchema, Schema, builtins, convert, schema_of
from narthex.libraries.server import Refusal

MISSING: Any = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    hint: Any
    default: Any = MISSING

    @property
    def required(self) -> bool:
        return self.default is MISSING


@dataclass(frozen=True, slots=True)
class Function:
    """`bound`: arguments that are given, and that no caller sees."""

    call: Callable[..., Any]
    name: str
    text: str
    parameters: tuple[Parameter, ...]
    returns: Any
    waits: bool  # it is a coroutine function
    context: str | None = None  # the parameter that wants the call's context
    bound: Mapping[str, Any] = field(default_factory=dict)
    taken: Any = None  # the parameters as one type

    def bind(self, given: Mapping[str, Any]) -> "Function":
        """The same with these arguments given. Raises TypeError for what it does not take."""
        known = {parameter.name: parameter for parameter in self.parameters}
        unknown = [name for name in given if name not in known]
        if unknown:
            raise TypeError(f"{self.name}() takes no {', '.join(unknown)} that could be bound")
        values = {}
        for name, value in given.items():
            try:
                values[name] = convert(builtins(value), known[name].hint)
            except (msgspec.ValidationError, TypeError) as fault:
                raise TypeError(f"{self.name}(): {name} cannot be bound to this: {fault}") from None
        left = tuple(parameter for parameter in self.parameters if parameter.name not in given)
        return replace(
            self, parameters=left, bound={**self.bound, **values}, taken=_taken(self.name, left), text=self.text
        )

    def schema(self) -> Schema:
        """Of the object with its arguments."""
        if not self.parameters:
            return {"type": "object", "properties": {}, "additionalProperties": False}
        schema = schema_of(self.taken)
        schema.pop("title", None)
        for parameter in self.parameters:
            if parameter.default is MISSING or parameter.default is None:
                continue
            try:
                schema["properties"][parameter.name]["default"] = builtins(parameter.default)
            except TypeError:
                continue  # a default that JSON cannot say is nobody's business but the function's
        return schema

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What it is called with. Raises Refusal, in words for a model."""
        if not self.parameters and not given:
            return dict(self.bound)
        try:
            taken = convert(given, self.taken)
        except msgspec.ValidationError as fault:
            raise Refusal(self._wrong(str(fault))) from None
        values = {name: getattr(taken, name) for name in given}
        return {**values, **self.bound} if self.bound else values

    def _wrong(self, said: str) -> str:
        what, _, place = said.partition(" - at `$")
        place = place.rstrip("`").removeprefix(".")
        names = ", ".join(parameter.name for parameter in self.parameters) or "no arguments"
        if not place and "field" in what:
            kind, _, name = what.partition(" field ")
            sentence = f"{'missing' if 'missing' in kind else 'unknown'}: {name.strip('`')}. It takes {names}"
        else:
            sentence = f"'{place}': {what[:1].lower()}{what[1:]}" if place else what
        return f"Wrong arguments. {sentence[:1].upper()}{sentence[1:]}."


def read(call: Callable[..., Any], name: str | None = None) -> Function:
    """Raises TypeError, in words for whoever wrote the function."""
    inner = call.func if isinstance(call, partial) else call
    plain = inspect.isroutine(inner)
    name = name or str(getattr(inner, "__name__", type(inner).__name__))
    hints = _hints(inner if plain else type(inner).__call__, name)
    said = docstring.read(inspect.getdoc(inner) if plain else inspect.getdoc(type(inner)))
    parameters, context = [], None
    for one in inspect.signature(call).parameters.values():
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD, one.POSITIONAL_ONLY):
            raise TypeError(f"{name}(): '{one}' cannot be given by name, so no client could give it")
        hint = hints.get(one.name, Any)
        if _is_context(hint):
            context = one.name
            continue
        if one.name.startswith("_"):
            raise TypeError(f"{name}(): a parameter that clients give cannot be called '{one.name}'")
        hint = normal(hint)
        if one.default is None and not _takes_none(hint):
            hint = typing.Optional[hint]  # noqa: UP045 - made at run time
        parameters.append(Parameter(one.name, described(hint, said.parameters.get(one.name, "")), one.default))
    waits = inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(getattr(inner, "__call__", None))  # noqa: B004
    found = tuple(parameters)
    returns = normal(hints.get("return", MISSING))
    return Function(call, name, said.text, found, returns, waits, context, taken=_taken(name, found))


def _hints(call: Any, name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(call, include_extras=True)
    except NameError as fault:
        raise TypeError(f"{name}(): the type '{fault.name}' in its signature is not known in its module") from None


def _taken(name: str, parameters: tuple[Parameter, ...]) -> type:
    fields: list[Any] = [
        (one.name, one.hint, *(() if one.required else (msgspec.UNSET,)))
        for one in sorted(parameters, key=lambda one: not one.required)
    ]
    try:
        taken: type = msgspec.defstruct("Arguments", fields, forbid_unknown_fields=True)
        if parameters:
            schema_of(taken)
        return taken
    except NoSchema as fault:
        raise TypeError(f"{name}(): {fault}") from None


def _is_context(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return _is_context(get_args(hint)[0])
    return hint is Context or Context in get_args(hint)


def _takes_none(hint: Any) -> bool:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return hint in (Any, None) or type(None) in get_args(hint)
