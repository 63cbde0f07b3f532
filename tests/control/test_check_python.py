"""What a configuration says of Python libraries, and what cannot be meant."""

from pathlib import Path

import pytest

from narthex.control.load import load
from narthex.control.problem import ConfigError
from narthex.upstream.own_process import is_launched, launched


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text("raise RuntimeError('a check runs nobody\\'s code')")
    return tmp_path


def loaded(folder: Path, entry: str) -> list[str]:
    """The warnings."""
    path = folder / "narthex.yaml"
    path.write_text(f"servers: [{{name: mine, {entry}}}]")
    return [f"{warning.what} {warning.remedy}" for warning in load(path, {"TOKEN": "t"}).warnings]


@pytest.mark.parametrize(
    "entry",
    [
        "python: acme.tools",
        "python: 'acme.tools:library'",
        "python: tools.py",
        "python: 'tools.py:library'",
        "python: sample-tools",
        "python: tools.py, process: own, cwd: .",
        "python: tools.py, reload: true",
        "python: tools.py, settings: {region: eu, depth: 3}, secrets: {TOKEN: '${TOKEN}'}",
        "python: tools.py, start_seconds: 5, scopes: {x: [a]}, rules: {x: {cost: 3}}",
        "python: tools.py, process: own, env: {A: b}, resources: {memory_mb: 200}",
    ],
)
def test_a_library_loads_without_a_warning(folder: Path, entry: str) -> None:
    assert loaded(folder, entry) == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("python: nothing.py", "there is no file 'nothing.py'"),
        ("python: tools.py, env: {A: b}", "has no effect: 'mine' is a Python library"),
        ("python: tools.py, headers: {A: b}", "has no effect: 'mine' is a Python library"),
        ("python: tools.py, process: own, reload: true", "has no effect: 'mine' is a library in a process of its own"),
        ("command: [python3], settings: {a: 1}", "has no effect: 'mine' is a command"),
        ("command: [python3], process: own", "has no effect: 'mine' is a command"),
    ],
)
def test_what_has_no_effect_is_said(folder: Path, entry: str, said: str) -> None:
    assert any(said in warning for warning in loaded(folder, entry))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("python: ''", "python"),
        ("python: 'a b'", "names no library"),
        ("python: '../x'", "names no library"),
        ("python: 'a.b:c:d'", "names no library"),
        ("python: 'os; rm'", "names no library"),
        ("python: tools.py, command: [x]", "has both 'command' and 'python'"),
        ("python: tools.py, upstream: 'http://x'", "has both 'upstream' and 'python'"),
        ("python: tools.py, process: thread", "process"),
        ("python: tools.py, settings: {A: 1}, secrets: {A: b}", "'A' is a setting and a secret"),
        ("python: tools.py, secrets: {A: '${NOTHING_SET}'}", "NOTHING_SET"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, entry: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        loaded(folder, entry)

    assert said in str(refusal.value)


def test_a_process_of_its_own_is_a_command_that_anybody_could_start(folder: Path) -> None:
    path = folder / "narthex.yaml"
    path.write_text("servers: [{name: mine, python: 'tools.py:x', process: own, secrets: {A: sesame-sesame}}]")
    config = load(path, {}).config.servers[0]
    command = launched(config)

    assert command.command is not None
    assert command.command[1:] == ("-P", "-m", "narthex", "run", "tools.py:x", "--quiet")
    assert (command.kind, command.cwd) == ("command", str(folder))
    assert "sesame" in command.env["NARTHEX_LIBRARY"]
    assert "sesame" not in repr(command)
    assert is_launched(command)
    assert not is_launched(config)
    assert launched(command) is command
