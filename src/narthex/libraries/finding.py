"""From what somebody wrote to the library it means: a module, a file, or a name that an installed package gave.

Knows: the three forms, and which attribute of a module is meant where none is named. Refuses to know: what a library
can do.

`package.module`, `package.module:attribute`, `path/to/file.py[:attribute]`, or the name of an entry point of the group
`narthex.libraries`. A file is loaded under a name of its own, so that two of one name stand side by side.
"""

import hashlib
import importlib
import importlib.util
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from narthex.libraries.library import of_module
from narthex.libraries.server import Server
from narthex.libraries.surroundings import Surroundings

GROUP = "narthex.libraries"
_HERE = Path(__file__).parent  # what declares functions; libraries that ship have folders of their own
_USUAL = ("library", "server", "mcp")


class NotALibrary(Exception):
    """What was named leads to no library. The text says why, and names files."""


def find(target: str, folder: Path | None = None) -> Any:
    """The library or server. `folder`: where files are, and modules that stand on no path. Raises NotALibrary."""
    place, _, attribute = target.partition(":")
    module = load(place, folder)
    found = _named(module, attribute, place) if attribute else only(module, place)
    if not is_library(found):
        raise NotALibrary(f"'{target}' is {type(found).__name__}, not a Library")
    return found


def module_name(place: str) -> str:
    """The module in which a library is: an entry point's, or the place itself."""
    found = next(iter(entry_points(group=GROUP, name=place)), None)
    return found.module if found is not None else place


def server_of(found: Any, given: Surroundings) -> Server:
    """What is found, as a server that has been given this."""
    server = found if isinstance(found, Server) else found.to_server(given)
    assert isinstance(server, Server), "a library makes a server"
    return server


def is_library(thing: Any) -> bool:
    return not isinstance(thing, type) and (isinstance(thing, Server) or callable(getattr(thing, "to_server", None)))


def load(place: str, folder: Path | None) -> Any:
    """The module, or what an entry point leads to."""
    try:
        if place.endswith(".py"):
            return load_file((folder or Path()) / Path(place).expanduser())
        found = next(iter(entry_points(group=GROUP, name=place)), None)
        if found is not None:
            return found.load()
        if folder is not None:
            _look_in(folder)
        return importlib.import_module(place)
    except NotALibrary:
        raise
    except ModuleNotFoundError as fault:
        if fault.name is not None and (place == fault.name or place.startswith(fault.name + ".")):
            raise NotALibrary(f"there is no module '{place}' (looked in {folder or 'the usual places'})") from None
        raise NotALibrary(f"'{place}' needs the module '{fault.name}', which is not installed") from fault
    except SyntaxError as fault:  # it has no line of code on the way: the line is the fault's own
        raise NotALibrary(f"'{place}' is not Python: {fault.msg} ({fault.filename}:{fault.lineno})") from fault
    except (Exception, SystemExit) as fault:  # it is somebody's code: anything may happen there
        raise NotALibrary(f"'{place}' could not be imported: {fault!r}{_where(fault)}") from fault


def load_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise NotALibrary(f"there is no file {path}")
    name = f"narthex_file_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    _look_in(path.parent)  # for what it imports of its neighbours
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a file that ends with .py has a loader"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses look themselves up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _look_in(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: nothing that is installed is put in the shade by it


def _named(module: Any, attribute: str, place: str) -> Any:
    found = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise NotALibrary(f"there is no '{attribute}' in '{place}'")
        found = getattr(found, part)
    return found


def only(module: Any, place: str) -> Any:
    """The library of a module that is meant where none is named. Raises NotALibrary where that is not clear."""
    if not isinstance(module, ModuleType):
        return module  # of an entry point
    for name in _USUAL:
        if is_library(getattr(module, name, None)):
            return getattr(module, name)
    found = {id(value): name for name, value in vars(module).items() if is_library(value)}
    if len(found) == 1:
        return getattr(module, *found.values())
    if found:
        names = ", ".join(f"'{place}:{name}'" for name in found.values())
        raise NotALibrary(f"'{place}' has several libraries: say {names}")
    try:
        # The name under which a file was loaded is ours, and says nothing to anybody.
        return of_module(module, Path(place).stem if place.endswith(".py") else "")
    except (TypeError, ValueError) as fault:  # a function without a schema, a module without functions
        raise NotALibrary(str(fault)) from None


def _where(fault: BaseException) -> str:
    """The last line of somebody's code that was on the way."""
    frame, found = fault.__traceback__, ""
    while frame is not None:
        name = frame.tb_frame.f_code.co_filename
        if "importlib" not in name and not name.startswith("<frozen") and Path(name).parent != _HERE:
            found = f" ({name}:{frame.tb_lineno})"
        frame = frame.tb_next
    return found
