"""A function as a tool: its definition, and how a call of it becomes an answer.

Knows: schemas of arguments and results. Refuses to know: where the function runs (`home`).
"""

from typing import Any, get_args, get_origin

from narthex.libraries.content import MEDIA, answer_of
from narthex.libraries.declared import Declared
from narthex.libraries.function import MISSING, Function
from narthex.libraries.home import Home
from narthex.libraries.schemas import NoSchema, Schema, schema_of
from narthex.libraries.server import Answer, Tool, Tree

_PLAIN = (str, bytes, None, type(None), MISSING, Any, Answer, *MEDIA)


def definition_of(name: str, function: Function, declared: Declared) -> Tree:
    definition: Tree = {"name": name}
    if declared.title:
        definition["title"] = declared.title
    definition["description"] = declared.description or function.text or f"{name.replace('_', ' ').capitalize()}."
    definition["inputSchema"] = function.schema()
    try:
        gives, _ = promised(function.returns)
    except NoSchema as fault:
        raise TypeError(f"{function.name}(): what it returns: {fault}") from None
    if gives is not None:
        definition["outputSchema"] = gives
    return declared.said_in(definition)


def tool_of(definition: Tree, function: Function, declared: Declared, home: Home) -> Tool:
    gives, wrapped = promised(function.returns)
    structured, on_loop = gives is not None, declared.on_loop

    async def run(call: Any, /, **given: Any) -> Answer:
        arguments = function.arguments(given)
        value = await home.call(function, call, arguments, on_loop=on_loop)
        return answer_of(value, structured=structured, wrapped=wrapped)

    return Tool(definition, run, check=_looked_at_later, asks=function.context is not None)


def promised(returns: Any) -> tuple[Schema | None, bool]:
    """The output schema, and whether the value stands under `result` in it: a schema promises an object."""
    if returns in _PLAIN or _has_media(returns):
        return None, False
    schema = schema_of(returns, said=True)
    if schema.get("type") == "object":
        return schema, False
    definitions = schema.pop("$defs", None)
    wrapped: Schema = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
    return (wrapped if definitions is None else {**wrapped, "$defs": definitions}), True


def _has_media(hint: Any) -> bool:
    if hint in (Answer, *MEDIA):
        return True
    return get_origin(hint) is not None and any(_has_media(one) for one in get_args(hint) if not isinstance(one, list))


def _looked_at_later(_: Tree) -> str | None:
    """Arguments are read by their types, which says more than a schema can."""
    return None
