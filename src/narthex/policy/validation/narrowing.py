"""A large value cut down to what is wrong with it: of each long list only the first item that does not fit.

Knows: that a list is accepted up to some item and not beyond it, which some twenty looks find among a million. Refuses
to look when even that would take too long.
"""

from dataclasses import dataclass, field
from typing import Any

from narthex.limits import narrowed_ns_max
from narthex.policy.validation.checked import Checked

Path = tuple[str | int, ...]

_LONG = 8  # items
_LISTS = 4  # that are cut


@dataclass(slots=True)
class Narrowed:
    """A smaller value that is not accepted either, and where its parts come from."""

    value: Any
    moved: dict[Path, int] = field(default_factory=dict)  # a list with one item left -> that item's place; -1: none

    def original(self, path: Path) -> Path | None:
        """The path in the value as it came; None for what is only wrong because something was cut off."""
        if path in self.moved:
            return None
        steps: list[str | int] = []
        for place, step in enumerate(path):
            kept = self.moved.get(path[:place])
            steps.append(step if kept is None else kept)
        return tuple(steps)


def narrowed(checked: Checked, value: Any) -> Narrowed | None:
    found = Narrowed(value)
    if checked.effort(value, narrowed_ns_max) > narrowed_ns_max:
        return None
    for _ in range(_LISTS):
        path = _longest(found)
        if path is None:
            break
        _cut(checked, found, path, _at(found.value, path))
    return found if found.moved else None


def _cut(checked: Checked, found: Narrowed, path: Path, items: list[Any]) -> None:
    """Leave the first item that is not accepted behind those before it; none where the fault is somewhere else."""
    accepted, refused = -1, len(items)  # how many items may be there; with none of them nothing is known yet
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        if checked.accepts(_with(found.value, path, items[:middle])):
            accepted = middle
        else:
            refused = middle
    kept = items[refused - 1 : refused] if refused else []
    smaller = _with(found.value, path, kept)
    if not checked.accepts(smaller):
        found.value, found.moved[path] = smaller, refused - 1


def _longest(found: Narrowed) -> Path | None:
    """The longest list that was not cut yet, and is long."""
    best: Path | None = None
    length = _LONG
    stack: list[tuple[Path, Any]] = [((), found.value)]
    while stack:
        path, value = stack.pop()
        if type(value) is list:
            if len(value) > length and path not in found.moved:
                best, length = path, len(value)
            stack.extend(((*path, place), inner) for place, inner in enumerate(value) if type(inner) in (dict, list))
        elif type(value) is dict:
            stack.extend(((*path, name), inner) for name, inner in value.items() if type(inner) in (dict, list))
    return best


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(value: Any, path: Path, there: Any) -> Any:
    """A copy of the value with something else at one place; all the rest is shared."""
    if not path:
        return there
    step, rest = path[0], path[1:]
    copy: Any = dict(value) if type(value) is dict else list(value)
    copy[step] = _with(value[step], rest, there)
    return copy
