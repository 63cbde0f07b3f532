"""SILENT. Tools of MCP for the models of any provider: definitions, calls and results in the form of each API.

    from narthex.models import Toolset

    tools = Toolset(listed, "anthropic")   # the entries of tools/list
    tools.definitions                      # goes into `tools=`
    for call in tools.calls(message):      # what the model wants called: call.params for tools/call
        ...
    tools.results([(call, result)])        # the messages that bring the results back

Knows: the forms of Anthropic, OpenAI (Chat Completions and Responses), Gemini, Llama and MCP. Refuses to know: their
SDKs, networks, and loops; it works with any of them, and imports none (docs/models.md).
"""

from narthex.models.call import Call, failure
from narthex.models.toolset import FORMATS, Format, Toolset

__all__ = ["FORMATS", "Call", "Format", "Toolset", "failure"]
