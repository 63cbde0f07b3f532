"""Tool calls in the bare text of a Llama model, for those who run one without a server that reads them.

Knows: the three ways in which these models write calls: JSON (`{"name": …, "parameters": …}`, after `<|python_tag|>` or
without, several parted by `;`), `<function=name>{…}</function>`, and lists of Python calls (`[f(a=1)]`). Refuses to
run anything: Python is only ever parsed, and only constants are taken.
"""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from narthex.limits import model_text_chars_max

_TAGGED = re.compile(r"<function=([^>\n]{1,200})>(.*?)(?:</function>|$)", re.DOTALL)
_SPECIAL = re.compile(r"<\|(?:python_tag|eom_id|eot_id|eot|python_start|python_end|begin_of_text)\|>")


def calls_in(text: str) -> Iterator[tuple[str, Any]]:
    """Names and arguments; nothing for a text that holds no call, or more than a call."""
    text = _SPECIAL.sub(" ", text[:model_text_chars_max]).strip()
    if text.startswith("<function="):
        yield from ((name.strip(), arguments) for name, arguments in _TAGGED.findall(text))
    elif text.startswith("{"):
        yield from _json_calls(text)
    elif text.startswith("["):
        yield from _python_calls(text) or _json_calls(text)


def _json_calls(text: str) -> Iterator[tuple[str, Any]]:
    decoder = json.JSONDecoder()
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            return
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                yield one["name"], one.get("parameters", one.get("arguments"))
        text = text[end:].lstrip(" \t\r\n;,")


def _python_calls(text: str) -> list[tuple[str, Any]]:
    try:
        found = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    if not isinstance(found, ast.List):
        return []
    return [call for one in found.elts if (call := _python_call(one)) is not None]


def _python_call(node: ast.expr) -> tuple[str, Any] | None:
    if not isinstance(node, ast.Call) or node.args:
        return None
    try:
        arguments = {one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg}
        return ast.unparse(node.func), json.loads(
            json.dumps(arguments, allow_nan=False)
        )  # a tuple is a list, a set is none
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
