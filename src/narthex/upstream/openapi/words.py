"""Names that every model provider takes, made of names that people gave: operations, paths, parameters.

Knows: letters, digits, `_` and `-`, and how long a name may be. Refuses to know: what is named.
"""

import re

from narthex.catalog.names import tag

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*|[0-9]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]+")


def words_of(text: str) -> list[str]:
    """`listPetsByTag`, `repos/list-pets`, `GET /pets/{petId}`: what they are made of, in lower case."""
    return [part.lower() for part in _PARTS.findall(text)]


def snake(text: str) -> str:
    return "_".join(words_of(text))


def legal(text: str, most: int) -> str:
    """The same with a `_` where something stood that no name may hold. Empty, if nothing is left."""
    made = _FOREIGN.sub("_", text).strip("_")
    return made if len(made) <= most else f"{made[: most - 9].rstrip('_-')}_{tag(text)}"


def short(words: list[str], most: int, whole: str) -> str:
    """The words in one name. One that would be too long loses words in its middle, and ends in a tag of the whole."""
    name = "_".join(words)
    if len(name) <= most:
        return name
    room = most - 9
    head, tail = list[str](), list[str]()
    source = list(words)
    while source:  # from both ends: the verb stands in front, what it is about at the end
        front = len(head) <= len(tail)
        word = source.pop(0) if front else source.pop()
        if len("_".join((*head, *tail, word))) > room:
            break
        (head if front else tail).append(word)
    tail.reverse()
    kept = "_".join((*head, *tail)) or words[0][:room]
    return f"{kept}_{tag(whole)}"
