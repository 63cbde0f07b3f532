"""`${…}`: what it may refer to, and that nothing it stands for is ever shown."""

from pathlib import Path

import pytest

from narthex.control.substitute import Missing, Substitution


def substitution(tmp_path: Path, **environ: str) -> Substitution:
    return Substitution(environ, tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${env:A}", "1"),
        ("${B:-two}", "two"),
        ("${EMPTY:-two}", "two"),
        ("${EMPTY}", ""),
        ("${B:-}", ""),
        ("${A:-two}", "1"),
        ("${B:-a:-b}", "a:-b"),
        ("$${A}", "${A}"),
        ("$A", "$A"),
        ("a$b", "a$b"),
        ("${SELF}", "${SELF}"),
        ("nothing", "nothing"),
    ],
)
def test_forms_are_filled_once(tmp_path: Path, text: str, expected: str) -> None:
    assert expected == substitution(tmp_path, A="1", EMPTY="", SELF="${SELF}").fill(text)


def test_a_file_gives_its_text_without_the_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"se cret\r\n")
    (tmp_path / "two").write_bytes(b"a\nb\n\n")
    asked = substitution(tmp_path)

    assert asked.fill("Bearer ${file:token}") == "Bearer se cret"
    assert asked.fill(f"${{file:{tmp_path / 'two'}}}") == "a\nb\n"
    assert asked.read == [tmp_path / "token", tmp_path / "two"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${MISSING}", "the environment variable MISSING is not set"),
        ("${file:absent}", "the file absent cannot be read: No such file or directory"),
        ("${file:.}", "cannot be read"),
        ("${file:large}", "is larger than"),
        ("${file:binary}", "is not UTF-8 text"),
        ("${A", "is not closed"),
        ("${}", "not understood"),
        ("${a b}", "not understood"),
        ("${input:my-key}", "asked for by the editor"),
    ],
)
def test_what_cannot_be_filled_says_why_and_what_to_do(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "large").write_bytes(b"x" * 100_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(Missing) as caught:
        substitution(tmp_path, A="secret").fill(text)

    assert expected in caught.value.what
    assert "secret" not in caught.value.what + caught.value.remedy


def test_an_input_of_vs_code_comes_from_the_environment_or_its_default(tmp_path: Path) -> None:
    asked = Substitution({"NARTHEX_INPUT_MY_KEY": "k"}, tmp_path, inputs={"other": "o"})

    assert asked.fill("${input:my-key}${input:other}") == "ko"


def test_places_of_the_editor_are_known(tmp_path: Path) -> None:
    asked = Substitution({"HOME": "/home/ana"}, tmp_path / ".vscode", workspace=tmp_path)

    assert asked.fill("${workspaceFolder}:${userHome}") == f"{tmp_path}:/home/ana"
    assert asked.fill("${workspaceFolderBasename}") == tmp_path.name
