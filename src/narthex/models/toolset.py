"""The tools of an MCP server or gateway, for the model of any provider: definitions out, calls in, results out.

Knows: the three translations, put together for one API. Refuses to know: how a model or a server is reached.
"""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from narthex.limits import DEFAULTS
from narthex.models.answering import Answered, messages_of
from narthex.models.call import Call, failure
from narthex.models.calling import Raw, calls_of
from narthex.models.defining import Definer
from narthex.models.dialects import DIALECTS, STRICT
from narthex.models.names import NameBook
from narthex.models.shapes import plain
from narthex.models.told import Told, in_one_line
from narthex.models.way_back import Back, restored
from narthex.wire.faults import PeerFault
from narthex.wire.strict import decode

Tree = dict[str, Any]
Format = Literal["anthropic", "openai", "openai-responses", "gemini", "llama", "mcp"]
FORMATS: tuple[str, ...] = get_args(Format)


class Toolset:
    """Tools for one API.

    `definitions` is what the API takes as its `tools`; `warnings` are sentences about what could not be said in its
    terms. `tools`: entries of `tools/list`, as dicts or as objects of any SDK.
    """

    def __init__(self, tools: Iterable[Any], form: Format, *, strict: bool = False) -> None:
        """Raises ValueError for a format that is unknown, or that knows no `strict`."""
        if form not in DIALECTS:
            raise ValueError(f"there is no format {form!r}; there are {', '.join(FORMATS)}")
        if strict and form not in STRICT:
            raise ValueError(f"{DIALECTS[form].provider} knows no strict tools; there are {', '.join(STRICT)}")
        warnings: list[str] = []
        known = _by_name(tools, warnings)
        self._form: Format = form
        self._book = NameBook(list(known), DIALECTS[form].name)
        self._backs: dict[str, Back] = {}
        definer = Definer(form, strict=strict)
        definitions: list[Tree] = []
        for name, tool in known.items():
            told = Told()
            shown = name if form == "mcp" else self._book.theirs(name)
            if self._book.theirs(name) != name:
                told(_renamed(form, shown, name))
            defined = definer.define(tool, shown, told)
            self._backs[name] = defined.back
            definitions.append(defined.definition)
            warnings += told.sentences(name)
        most = DIALECTS[form].tools_max
        if most is not None and len(definitions) > most:
            warnings.append(
                f"{DIALECTS[form].provider} takes {most} tools at a time, and these are {len(definitions)}."
            )
        self.warnings = tuple(warnings)
        self.definitions = [{"functionDeclarations": definitions}] if form == "gemini" and definitions else definitions

    def __repr__(self) -> str:
        return f"<Toolset of {len(self._backs)} tools for {DIALECTS[self._form].provider}>"

    def calls(self, answer: Any) -> list[Call]:
        """The calls in what a model answered: the whole answer, its message, or a list of calls.

        Raises ValueError where there are more than `model_calls_max`.
        """
        return [self._call(raw) for raw in calls_of(self._form, answer)]

    def results(self, answered: Answered) -> list[Tree]:
        """The messages that bring results back, each with the call it belongs to: append them to the conversation.

        A result may be that of `tools/call`, an error of JSON-RPC, or the exception that came instead.
        """
        return messages_of(self._form, answered)

    def _call(self, raw: Raw) -> Call:
        name = raw.name if self._form == "mcp" else self._book.ours(raw.name)
        if name not in self._backs:
            said = f"There is no tool {raw.name[:100]!r}."
            return Call(raw.name, {}, raw.id, raw.name, failure(said))
        arguments = _arguments(raw.arguments)
        if isinstance(arguments, str):
            return Call(name, {}, raw.id, raw.name, failure(arguments))
        return Call(name, restored(arguments, self._backs[name]), raw.id, raw.name)


def _by_name(tools: Iterable[Any], warnings: list[str]) -> dict[str, Tree]:
    known: dict[str, Tree] = {}
    for one in tools:
        tool = plain(one)
        name = tool.get("name") if isinstance(tool, dict) else None
        if not isinstance(name, str) or not name:
            warnings.append("A tool without a name is left out.")
        elif name in known:
            warnings.append(f"{in_one_line(name)}: there are two of this name, and the second is left out.")
        else:
            known[name] = tool
    return known


def _renamed(form: str, shown: str, name: str) -> str:
    provider = DIALECTS[form].provider
    return f"{provider} takes no such name" + ("" if shown == name else f", so it is '{shown}' there")


def _arguments(written: Any) -> Tree | str:
    """The arguments, or what is wrong with them."""
    if written is None or written == "":
        return {}
    if isinstance(written, str):
        try:
            written = decode(written.encode("utf-8", "replace"), DEFAULTS)
        except PeerFault as fault:
            return f"The arguments cannot be read: {fault} Write them again, as one JSON object."
    if not isinstance(written, dict):
        return "The arguments are no JSON object. Write them again, as one object with a member for each argument."
    return written
