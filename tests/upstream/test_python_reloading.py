"""Code that is loaded anew: its own modules are, whatever else is loaded stays, and a mistake changes nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import narthex.libraries.library
from narthex.model.config import ServerConfig
from narthex.upstream.kinds import LoadFault
from narthex.upstream.python.making import built
from narthex.upstream.python.reloading import anew, folder_of

LIBRARY = "from narthex_reloaded.words import WORD\nfrom narthex import Library\nlibrary = Library(WORD)\n"


@pytest.fixture
def config(tmp_path: Path) -> Iterator[ServerConfig]:
    package = tmp_path / "narthex_reloaded"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text("WORD = 'first'\n")
    (package / "tools.py").write_text(LIBRARY)
    path = list(sys.path)
    yield ServerConfig(name="mine", python="narthex_reloaded.tools", cwd=str(tmp_path))
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith("narthex_reloaded")]:
        del sys.modules[name]


def write(config: ServerConfig, file: str, text: str) -> None:
    path = Path(config.cwd or "") / "narthex_reloaded" / file
    path.write_text(text)


def test_what_a_library_imports_of_its_own_is_loaded_anew(config: ServerConfig) -> None:
    before, house = built(config), sys.modules["narthex.libraries.library"]
    write(config, "words.py", "WORD = 'other'\n")  # of the same size, in the same second

    assert before.name == "first"
    assert built(config).name == "first"
    assert anew(config, built).name == "other"
    assert sys.modules["narthex.libraries.library"] is house


def test_a_mistake_changes_nothing(config: ServerConfig) -> None:
    built(config)
    module = sys.modules["narthex_reloaded.tools"]
    write(config, "words.py", "WORD = \n")

    with pytest.raises(LoadFault, match="is not Python: invalid syntax"):
        anew(config, built)
    assert sys.modules["narthex_reloaded.tools"] is module
    assert built(config).name == "first"


def test_the_gateway_stays_where_both_are_in_one_folder(config: ServerConfig) -> None:
    root = Path(narthex.libraries.library.__file__).parents[3]
    file = ServerConfig(name="mine", python=str(root / "any.py"))
    before = narthex.libraries.library

    with pytest.raises(LoadFault, match="there is no file"):
        anew(file, built)
    assert folder_of(file) == root
    assert sys.modules["narthex.libraries.library"] is before
