"""The names under which tools and prompts of several servers stand side by side: `<server>__<name>`.

Knows: the grammar that all model providers accept, and how a name that breaks it becomes one that does not, always the
same one. Refuses to take a public name apart: what leads where stands in the endpoint's table (R16).
"""

import base64
import hashlib
import re

from narthex.limits import tool_name_chars_max

SEPARATOR = "__"
PUBLIC = re.compile(rf"[A-Za-z0-9_-]{{1,{tool_name_chars_max}}}")
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_TAG_CHARS = 8  # forty bits: among ten thousand changed names of one server a clash is one chance in twenty thousand


def prefixed(server: str, private: str) -> str:
    """The public name. A name that had to be changed ends in a tag of the original, so two never become one."""
    whole = f"{server}{SEPARATOR}{private}"
    if PUBLIC.fullmatch(whole):
        return whole
    kept = _FOREIGN.sub("_", whole)[: tool_name_chars_max - _TAG_CHARS - 1]
    return f"{kept}_{tag(f'{server}/{private}')}"


def tag(text: str) -> str:
    """Eight signs of `[a-z2-7]` that stand for a text, the same on every machine."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).digest()
    return base64.b32encode(digest).decode("ascii").lower()
