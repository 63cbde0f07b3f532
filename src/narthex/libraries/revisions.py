"""What each protocol revision knows: which fields came when, so that an older peer is sent nothing newer.

Knows: the dated lists of the schemas. Refuses to know: messages, connections.
Revisions are dates, which compare as text.
"""

from collections.abc import Mapping
from typing import Any

Tree = dict[str, Any]

MODERN = ("2026-07-28",)
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
BATCHES = "2025-03-26"  # the only revision in which an array of messages is a message

_TITLED = {"title": "2025-06-18", "_meta": "2025-06-18", "icons": "2025-11-25"}
SINCE: dict[str, dict[str, str]] = {
    "tool": _TITLED | {"annotations": "2025-03-26", "outputSchema": "2025-06-18"},
    "resource": _TITLED,
    "template": _TITLED,
    "prompt": _TITLED,
    "argument": {"title": "2025-06-18"},
    "implementation": {
        "title": "2025-06-18",
        "icons": "2025-11-25",
        "websiteUrl": "2025-11-25",
        "description": "2025-11-25",
    },
    "capabilities": {"completions": "2025-03-26"},
    "call result": {"structuredContent": "2025-06-18"},
    "contents": {"_meta": "2025-06-18"},
    "progress": {"message": "2025-03-26"},
}


def known(kind: str, item: Mapping[str, Any], revision: str) -> Tree:
    """`item` without the fields that came after `revision`."""
    since = SINCE[kind]
    return {name: value for name, value in item.items() if since.get(name, "") <= revision}


def known_prompt(prompt: Mapping[str, Any], revision: str) -> Tree:
    arguments = [known("argument", argument, revision) for argument in prompt.get("arguments", ())]
    return known("prompt", prompt, revision) | {"arguments": arguments}


def known_content(block: Tree, revision: str) -> Tree:
    """A content block; a link to a resource is said in words to those who cannot follow it."""
    if block["type"] == "resource_link" and revision < "2025-06-18":
        return {"type": "text", "text": f"{block.get('title', block['name'])}: {block['uri']}"}
    return block
