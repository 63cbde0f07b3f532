"""Templates of values: `{name}` stands for the value of an argument, everything else for itself; `{{` is a brace.

Knows: values inside of values. Refuses to know: what they are sent as.
"""

from collections.abc import Mapping
from typing import Any


def filled(template: Any, arguments: Mapping[str, Any]) -> Any:
    """The template with its arguments. Members and elements whose argument was not given are not there."""
    if type(template) is str:
        return arguments.get(argument) if (argument := argument_in(template)) is not None else unescaped(template)
    if type(template) is dict:
        return {name: filled(inner, arguments) for name, inner in template.items() if _there(inner, arguments)}
    if type(template) is list:
        return [filled(inner, arguments) for inner in template if _there(inner, arguments)]
    return template


def _there(inner: Any, arguments: Mapping[str, Any]) -> bool:
    argument = argument_in(inner) if type(inner) is str else None
    return argument is None or argument in arguments


def argument_in(text: str) -> str | None:
    """`name` of `{name}`; None for a text that is fixed."""
    inner = text[1:-1]
    return inner if text[:1] == "{" and text[-1:] == "}" and inner and not set(inner) & set("{}") else None


def unescaped(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def arguments_of(template: Any) -> set[str]:
    return {argument for text in texts_of(template) if (argument := argument_in(text)) is not None}


def texts_of(template: Any) -> list[str]:
    """All that could be an argument, or hold one."""
    found, stack = list[str](), [template]
    while stack:
        node = stack.pop()
        if type(node) is str:
            found.append(node)
        elif type(node) is dict:
            stack.extend(node.values())
        elif type(node) is list:
            stack.extend(node)
    return found
