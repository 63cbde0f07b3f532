"""A library behind the gateway of the bench: the tool that all targets have, as functions.

The function takes what the others take and gives what they give; what it does itself costs next to nothing.
"""

from answers import CALLED
from narthex import Library

library = Library("bench")
TEXT = CALLED["content"][0]["text"]


@library.tool(read_only=True)
async def echo(text: str, customer: int = 1, fields: list[str] | None = None) -> str:
    """Gives back what it was given, with the figures of one imaginary customer."""
    return TEXT


@library.tool(read_only=True)
def waiting(text: str, customer: int = 1, fields: list[str] | None = None) -> str:
    """The same, in a thread."""
    return TEXT
