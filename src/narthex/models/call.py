"""A tool call of a model, as MCP has it.

Knows: which tool, which arguments, and what is wrong with a call that cannot be made. Refuses to know: providers, and
who makes the call.
"""

from dataclasses import dataclass
from typing import Any

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """`name` and `arguments` are the tool's own; `as_called` and `id` are the model's, and go back with the result.

    `refusal`: a result for the model instead of a call, where it named no tool or wrote no JSON; else None.
    """

    name: str
    arguments: Tree
    id: str | None
    as_called: str
    refusal: Tree | None = None

    @property
    def params(self) -> Tree:
        """The `params` of `tools/call`."""
        return {"name": self.name, "arguments": self.arguments}


def failure(text: str) -> Tree:
    """A result that says what went wrong, as a tool would."""
    return {"content": [{"type": "text", "text": text}], "isError": True}
