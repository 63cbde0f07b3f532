"""The compiled schemas of the tools that are called: made beside the loop when one is first needed, kept while room is.

Knows: which schema belongs to which tool, and how many bytes all of them may take. Refuses to know: how a value is
held against one (`policy/validation`), and what becomes of a call (`policy/schema`, `policy/result_schema`).
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from narthex.limits import compilations_max, compiled_schemas_bytes_max, sentences_told_max, weighed_bytes_min
from narthex.model.call import Call
from narthex.model.endpoint import Tool
from narthex.model.rules.validation import Validation
from narthex.policy.validation.checked import NOTHING_DECLARED, Checked, Ready, Unchecked
from narthex.policy.validation.compiling import compiled

Key = tuple[bytes, str, bool]

_INPUT, _OUTPUT = "inputSchema", "outputSchema"
_read = msgspec.json.Decoder(dict[str, Any]).decode


class Checking:
    """One for the gateway."""

    def __init__(self, tell: Callable[[str], None], bytes_max: int = compiled_schemas_bytes_max) -> None:
        self._tell = tell
        self._max = bytes_max
        self._known: dict[Key, Ready] = {}  # the oldest first; a call should not have to write down that it looked
        self._bytes = 0
        self._told: dict[Key, None] = {}
        self._turns = asyncio.Semaphore(compilations_max)
        self._making: dict[Key, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def bytes(self) -> int:
        """What all of them take, about."""
        return self._bytes

    def ready(self, call: Call) -> bool:
        """Give the call the schemas that it is held against, if they are here. Does not wait."""
        rule, tool = call.settled.validation, call.tool
        if tool is None:
            return True
        if rule.arguments != "off":
            call.input_schema = self._known.get((tool.encoded, _INPUT, rule.formats))
            if call.input_schema is None:
                return False
        if rule.results != "off":
            call.output_schema = self._known.get((tool.encoded, _OUTPUT, rule.formats))
            if call.output_schema is None:
                return False
        return True

    async def fetch(self, call: Call) -> None:
        """The same; what is not here yet is made, in a thread."""
        tool = call.tool
        if tool is None:
            return
        if not self.ready(call):
            for key in _keys(tool, call.settled.validation):
                _give(call, key, self._known.get(key) or await self._make(key, tool))
        ready = call.input_schema
        if call.bytes_in > weighed_bytes_min and type(ready) is Checked and not ready.cheap(call.bytes_in):
            call.weighed = await asyncio.to_thread(ready.affordable, call.params.get("arguments"))

    async def promise(self, call: Call) -> Ready:
        """What the results of its tool have to match, whether or not anybody holds them against it."""
        if call.tool is None:
            return NOTHING_DECLARED
        key = (call.tool.encoded, _OUTPUT, call.settled.validation.formats)
        return self._known.get(key) or await self._make(key, call.tool)

    def look(self, call: Call) -> None:
        """The same at once, for an operator who asks about a call that is not made."""
        if call.tool is not None:
            for key in _keys(call.tool, call.settled.validation):
                _give(call, key, self._known.get(key) or self._keep(key, _compiled(key), call.tool))

    def unchecked(self, tool: Tool, rule: Validation) -> list[str]:
        """What of this tool is not checked although it should be, and why. Compiles what is not here; keeps nothing."""
        made = ((key[1], self._known.get(key) or _compiled(key)) for key in _keys(tool, rule))
        return [sentence(tool, member, one.why) for member, one in made if type(one) is Unchecked and one.why]

    async def _make(self, key: Key, tool: Tool) -> Ready:
        """Whoever needs it first makes it; the others wait for that."""
        while (others := self._making.get(key)) is not None:
            await others.wait()
            if (found := self._known.get(key)) is not None:
                return found
        done = self._making[key] = asyncio.Event()
        try:
            async with self._turns:
                return self._keep(key, await asyncio.to_thread(_compiled, key), tool)
        finally:
            del self._making[key]
            done.set()

    def _keep(self, key: Key, made: Ready, tool: Tool) -> Ready:
        self._known[key] = made
        self._bytes += made.weight
        while self._bytes > self._max and len(self._known) > 1:
            self._bytes -= self._known.pop(next(iter(self._known))).weight
        if type(made) is Unchecked and made.why and key not in self._told:
            self._told[key] = None
            if len(self._told) > sentences_told_max:
                del self._told[next(iter(self._told))]
            self._tell(sentence(tool, key[1], made.why))
        return made


def sentence(tool: Tool, member: str, why: str) -> str:
    """What the operator is told of a schema that nothing is held against."""
    what = "arguments" if member == _INPUT else "results"
    return f"The {what} of '{tool.private[:100]}' of server '{tool.server}' are not checked: of its {member}, {why}."


def _give(call: Call, key: Key, found: Ready) -> None:
    if key[1] == _INPUT:
        call.input_schema = found
    else:
        call.output_schema = found


def _keys(tool: Tool, rule: Validation) -> list[Key]:
    wanted = ((_INPUT, rule.arguments), (_OUTPUT, rule.results))
    return [(tool.encoded, member, rule.formats) for member, strictness in wanted if strictness != "off"]


def _compiled(key: Key) -> Ready:
    encoded, member, formats = key
    if member not in _read(encoded):
        return NOTHING_DECLARED
    return compiled(lambda: _read(encoded)[member], formats=formats)
