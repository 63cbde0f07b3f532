"""How a Python client tells what it saw: the names of the tools and the texts of the answers, as one line of JSON."""

import json
from collections.abc import Iterable
from typing import Any


def tell(names: Iterable[str], *answers: str) -> None:
    print(json.dumps({"tools": sorted(names), "answers": answers}))


def tell_all(tools: Iterable[Any], *results: Any) -> None:
    """The same of a client whose tools and results look like those of the protocol."""
    tell((tool.name for tool in tools), *(result.content[0].text for result in results))
