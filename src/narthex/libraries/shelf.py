"""The resources and prompts that functions make.

Knows: which function has which URI, and what a reader is given. Refuses to know: the protocol.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from narthex.libraries.content import MEDIA, File, contents
from narthex.libraries.function import Function
from narthex.libraries.hints import choices
from narthex.libraries.home import Home
from narthex.libraries.schemas import convert, encode
from narthex.libraries.server import NotFound, Prompt, Refusal, Tree, text
from narthex.libraries.uri_template import UriTemplate

Completing = Callable[[str], Any]  # the beginning -> values, or something that can be awaited for them
values_max = 100


@dataclass(frozen=True, slots=True)
class Resource:
    """`template` has no names where there is one URI alone."""

    definition: Tree
    template: UriTemplate
    function: Function
    mime_type: str
    completers: dict[str, Completing] = field(default_factory=dict)


class Shelf:
    """What a server offers to read."""

    def __init__(self, found: Sequence[tuple[Resource, Home]]) -> None:
        self._single = {one.template.text: (one, home) for one, home in found if not one.template.names}
        self._several = {one.template.text: (one, home) for one, home in found if one.template.names}
        self._narrowest_first = sorted(self._several.values(), key=lambda pair: pair[0].template.wide)

    def list(self) -> Sequence[Tree]:
        return [one.definition for one, _ in self._single.values()]

    def templates(self) -> Sequence[Tree]:
        return [one.definition for one, _ in self._several.values()]

    async def read(self, uri: str) -> Sequence[Tree]:
        single = self._single.get(uri)
        if single is not None:
            return await _made(*single, uri, {})
        refused: Refusal | None = None
        for one, home in self._narrowest_first:
            found = one.template.match(uri)
            if found is None:
                continue
            try:
                given = _read(one.function, found)
            except Refusal as refusal:
                refused = refused or refusal  # another one may be meant
                continue
            return await _made(one, home, uri, given)
        raise refused or NotFound(uri)

    async def complete(self, template: str, argument: str, start: str) -> Sequence[str]:
        resource, _ = self._several[template]
        return await completed(resource.function, resource.completers, argument, start)


async def completed(function: Function, completers: dict[str, Completing], argument: str, start: str) -> Sequence[str]:
    """What could stand there: by its completer, else the choices its type leaves."""
    completer = completers.get(argument)
    if completer is not None:
        made = completer(start)
        return [str(value) for value in (await made if inspect.isawaitable(made) else made)][:values_max]
    hint = next((one.hint for one in function.parameters if one.name == argument), None)
    return [value for value in choices(hint) if value.casefold().startswith(start.casefold())]


def prompt_of(definition: Tree, function: Function, home: Home, completers: dict[str, Completing]) -> Prompt:
    async def render(**given: Any) -> Sequence[Tree]:
        return messages_of(await home.call(function, None, _read(function, given)))

    def completer(name: str) -> Callable[[str], Awaitable[Sequence[str]]]:
        return lambda start: completed(function, completers, name, start)

    return Prompt(definition, render, {one.name: completer(one.name) for one in function.parameters})


def messages_of(value: Any) -> list[Tree]:
    """Text is one message of the user; a list is one message after the other; a dict is a message as it stands."""
    found = []
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, dict) and "role" in one and "content" in one:
            content = one["content"]
            found.append({"role": one["role"], "content": text(content) if isinstance(content, str) else content})
        elif isinstance(one, MEDIA):
            found.append({"role": "user", "content": one.block()})
        else:
            found.append({"role": "user", "content": text(one if isinstance(one, str) else encode(one).decode())})
    return found


async def _made(resource: Resource, home: Home, uri: str, given: dict[str, Any]) -> Sequence[Tree]:
    value = await home.call(resource.function, None, given or dict(resource.function.bound))
    if isinstance(value, File):
        return [contents(value.uri, value.data, value.mime_type or resource.mime_type)]
    if isinstance(value, str | bytes):
        return [contents(uri, value, resource.mime_type)]
    return [contents(uri, encode(value).decode(), resource.mime_type or "application/json")]


def _read(function: Function, given: dict[str, Any]) -> dict[str, Any]:
    """Text as what the function takes. Raises Refusal."""
    hints = {one.name: one.hint for one in function.parameters}
    values = {}
    for name, value in given.items():
        try:
            values[name] = convert(value, hints[name], strict=False)
        except ValueError as fault:
            raise Refusal(f"{name}: {str(fault)[:1].lower()}{str(fault)[1:]}.") from None
    return {**values, **function.bound}
