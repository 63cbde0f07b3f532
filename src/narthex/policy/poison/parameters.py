"""Parameters that a model fills by itself with what is nobody's business.

Knows: names that models take for theirs. Refuses to know: what the tool says it does with them.
"""

import re

_NAMES = (
    "sidenote|side note|system prompt|system message|conversation history|chat history|message history|full "
    "conversation|conversation|"
    "chain of thought|previous messages|user messages|prior messages|tool list|tools list|available tools|all tools|"
    "previous tool calls|tool call history|user private \\w+|full context|model instructions|hidden notes?|secret "
    "notes?|"
    "ssh (?:private )?key|private key contents?|env contents?|env file contents?|file contents of \\w+"
)
_OF_THE_MODEL = re.compile(rf"(?:{_NAMES})s?", re.IGNORECASE)


def of_the_model(spoken_name: str) -> bool:
    return len(spoken_name) < 64 and _OF_THE_MODEL.fullmatch(spoken_name) is not None
