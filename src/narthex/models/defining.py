"""One MCP tool as a function definition of a provider's API.

Knows: the form each API wants, and the way from a tool's schema there. Refuses to know: names; they are given.
"""

from dataclasses import dataclass
from typing import Any

from narthex.models.dialects import DIALECTS, STRICT
from narthex.models.inlining import inlined
from narthex.models.openapi import openapi
from narthex.models.rooting import rooted
from narthex.models.shapes import sendable
from narthex.models.strict import NotStrict, Room, Strict
from narthex.models.subset import Subset
from narthex.models.told import Told
from narthex.models.way_back import Back

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition, and the way back of the arguments that are written for it."""

    definition: Tree
    back: Back


@dataclass(frozen=True, slots=True)
class _Drawn:
    parameters: Tree
    back: Back
    description: str
    strict: bool


class Definer:
    """Defines tools for one API, one after another. `strict`: where a tool has a strict form, and there is room."""

    def __init__(self, form: str, *, strict: bool) -> None:
        self._form, self._dialect = form, DIALECTS[form]
        self._strict = STRICT[form] if strict else None
        self._room = Room(self._strict) if self._strict else None

    def define(self, tool: Tree, name: str, told: Told) -> Defined:
        if self._form == "mcp":
            return Defined(tool, Back())
        drawn = self._drawn(tool, told)
        description, parameters = self._described(drawn, told)
        return Defined(_FORMS[self._form](name, description, parameters, strict=drawn.strict), drawn.back)

    def _drawn(self, tool: Tree, told: Told) -> _Drawn:
        schema = tool.get("inputSchema")
        whole = inlined(schema if isinstance(schema, dict) else {}, told)
        root, said = rooted(whole, told)
        said = [*_said_of(tool), *([root.pop("description")] if "description" in root else []), *said]
        strict = self._strictly(root, told)
        if strict is not None:
            return _drawn_of(*strict, said, strict=True)
        return _drawn_of(*Subset(self._dialect, told).of(root), said, strict=False)

    def _strictly(self, root: Tree, told: Told) -> tuple[Tree, Back] | None:
        """The strict form, where it is wanted, there is one, and there is room for one more."""
        if self._strict is None or self._room is None:
            return None
        heard = Told()  # what is moved counts only if this form is taken
        maker = Strict(self._strict)
        try:
            translated, back = Subset(self._strict.dialect, heard).of(root)
            closed = maker.of(translated, back)
            full = self._room.takes(maker.weight)
        except NotStrict as error:
            told(f"it is not strict: {error}")
            return None
        if full is not None:
            told(f"it is not strict: {full}")
            return None
        told.join(heard)
        return closed, back

    def _described(self, drawn: _Drawn, told: Told) -> tuple[str, Tree]:
        """What is too long for a description of its own goes on in that of the parameters, which has no such bound."""
        parameters = drawn.parameters
        if self._form == "gemini":
            parameters = openapi(parameters, told)
        most = self._dialect.description_chars_max
        if most is None or len(drawn.description) <= most:
            return drawn.description, parameters
        told(f"{self._dialect.provider} takes {most} characters of description: the rest is in that of the parameters")
        cut = drawn.description.rfind(" ", most // 2, most - 2) + 1 or most - 2
        rest = drawn.description[cut:]
        return f"{drawn.description[:cut].rstrip()} …", {**parameters, "description": f"… {rest}"}


def _drawn_of(translated: Tree, back: Back, said: list[str], *, strict: bool) -> _Drawn:
    notes = translated.pop("description", None)
    description = "\n".join(dict.fromkeys(sendable(one) for one in [*said, *([notes] if notes else [])] if one.strip()))
    return _Drawn(translated, back, description, strict)


def _said_of(tool: Tree) -> list[str]:
    said = tool.get("description") or tool.get("title")
    return [said] if isinstance(said, str) else []


def _anthropic(name: str, description: str, parameters: Tree, *, strict: bool) -> Tree:
    out: Tree = {"name": name, **_if(description), "input_schema": {"type": "object", "properties": {}, **parameters}}
    return {**out, "strict": True} if strict else out


def _function(name: str, description: str, parameters: Tree, *, strict: bool) -> Tree:
    out: Tree = {"name": name, **_if(description), "parameters": {"type": "object", "properties": {}, **parameters}}
    return {"type": "function", "function": {**out, "strict": True} if strict else out}


def _responses(name: str, description: str, parameters: Tree, *, strict: bool) -> Tree:
    # This API makes tools strict that do not say.
    out: Tree = {"type": "function", "name": name, **_if(description), "strict": strict}
    return {**out, "parameters": {"type": "object", "properties": {}, **parameters}}


def _gemini(name: str, description: str, parameters: Tree, *, strict: bool) -> Tree:
    out: Tree = {"name": name, **_if(description)}
    # From refusals: "properties: should be non-empty for OBJECT type".
    return {**out, "parameters": parameters} if parameters.get("properties") else out


def _if(description: str) -> Tree:
    return {"description": description} if description else {}


_FORMS = {
    "anthropic": _anthropic,
    "openai": _function,
    "openai-responses": _responses,
    "gemini": _gemini,
    "llama": _function,
}
