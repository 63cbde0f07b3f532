"""The library that the live tests put behind a gateway: one tool for each thing that can go wrong, or right."""

import asyncio
import threading
import time
from typing import Annotated, Any

from narthex import Context, Library, ToolError
from narthex.libraries.schemas import builtins

library = Library("sample", version="3.1", instructions="For tests.")
released = threading.Event()


@library.tool(read_only=True)
async def add(a: int, b: Annotated[int, "The second"] = 1) -> int:
    """Add."""
    return a + b


@library.tool
def pid() -> int:
    import os

    return os.getpid()


@library.tool
async def steps(context: Context, wait: float = 0.0) -> str:
    for step in range(3):
        context.progress(step + 1, 3, f"step {step + 1}")
        context.info(f"at {step + 1}")
        await asyncio.sleep(wait)
    return "done"


@library.tool
def blocks(seconds: float) -> str:
    """Waits in a thread that nobody can end."""
    time.sleep(seconds)
    return "late"


@library.tool
async def stubborn() -> str:
    """Ignores its cancellation for as long as it can."""
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return "late"


cancelled: list[str] = []


@library.tool
async def waits(name: str) -> str:
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        cancelled.append(name)
        raise
    return "never"


@library.tool
def ended() -> list[str]:
    return cancelled


@library.tool
def fails() -> str:
    raise RuntimeError("hunter2-and-more is what only the operator may see")


@library.tool
def refuses() -> str:
    raise ToolError("Not today. Try tomorrow.")


@library.tool
def who(context: Context) -> dict[str, Any]:
    found = context.principal
    shown = None if found is None else {"subject": found.subject, "claims": builtins(found.claims)}
    return {"who": shown, "region": context.settings.get("region"), "secret": "KEY" in context.secrets}


@library.tool
def huge(kilobytes: int) -> str:
    return "x" * (kilobytes * 1024)


@library.tool(scopes=["sample:write"])
def guarded() -> str:
    return "in"


@library.tool(rate_limit={"requests_per_hour": 2})
def seldom() -> str:
    return "ok"


@library.tool(approval={"by": "operator", "wait_seconds": 0})
def grave() -> str:
    return "done"


@library.tool
async def asks(context: Context) -> str:
    answer = await context.elicit("How many?", int)
    return f"{answer.action} {answer.data}"


@library.resource("sample://items/{number}")
def item(number: int) -> dict[str, int]:
    return {"number": number}
