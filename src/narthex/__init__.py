"""Narthex: one URL between a company's AI agents and all its tools.

Knows: its own version, and where the names live that a library of tools is written with. Refuses to know: anything
else; importing it costs nothing, and a name is loaded when somebody asks for it.
"""

TYPE_CHECKING = False  # what type checkers take for true; `typing` itself would cost more than all else here

if TYPE_CHECKING:
    from narthex.libraries.content import Audio as Audio
    from narthex.libraries.content import File as File
    from narthex.libraries.content import Image as Image
    from narthex.libraries.context import Context as Context
    from narthex.libraries.context import Elicited as Elicited
    from narthex.libraries.declared import tool as tool
    from narthex.libraries.library import Library as Library
    from narthex.libraries.server import Answer as Answer
    from narthex.libraries.server import NotFound as NotFound
    from narthex.libraries.server import Principal as Principal
    from narthex.libraries.server import Refusal

    ToolError = Refusal  # said so, type checkers take it for a name of ours

__version__ = "0.1.0"

_NAMES = {
    "Answer": ("server", "Answer"),
    "Audio": ("content", "Audio"),
    "Context": ("context", "Context"),
    "Elicited": ("context", "Elicited"),
    "File": ("content", "File"),
    "Image": ("content", "Image"),
    "Library": ("library", "Library"),
    "NotFound": ("server", "NotFound"),
    "Principal": ("server", "Principal"),
    "ToolError": ("server", "Refusal"),
    "tool": ("declared", "tool"),
}


def __getattr__(name: str) -> object:
    if name not in _NAMES:
        raise AttributeError(f"module 'narthex' has no attribute '{name}'")
    from importlib import import_module

    module, attribute = _NAMES[name]
    found: object = getattr(import_module(f"narthex.libraries.{module}"), attribute)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
