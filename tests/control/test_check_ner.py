"""What is wrong with `ner`, and with rules that want names, is said where it stands, with what to do."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import narthex
from names_model import made
from narthex.control.load import load
from narthex.control.problem import ConfigError


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "narthex.yaml"
    file.write_text("servers: [{name: crm, upstream: 'https://crm.example.com'}]\n" + text)
    try:
        load(file, environ={"HOME": str(tmp_path)})
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("check_ner"))


def test_the_path_of_a_model_stands_relative_to_the_file(tmp_path: Path) -> None:
    made(tmp_path)

    assert problems(tmp_path, "ner: {model: ./model}\n") == []


def test_a_model_that_is_there_and_rules_that_name_its_kinds_are_good(tmp_path: Path, model: Path) -> None:
    text = f"ner: {{model: {model}, entities: [PERSON, MEDICINE], score: 0.6, seconds: 2, when_gone: allow}}\n"
    text += "redaction: {detect: [pii, person, medicine], actions: {person: tokenise}, opens: [person]}\n"

    assert problems(tmp_path, text) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("ner: {model: en_core_web_missing}", "python -m spacy download en_core_web_missing"),
        ("ner: {model: ./elsewhere}", "/elsewhere is no folder that spaCy has written"),
        ("ner: {model: /nowhere/model}", "it has no 'config.cfg'"),
        ("ner: {model: 'a b'}", "no package 'a b'"),
        ("ner: {model: MODEL, entities: []}", "entities"),
        ("ner: {model: MODEL, entities: [person]}", "person"),
        ("ner: {model: MODEL, entities: [EMAIL]}", "by itself"),
        ("ner: {model: MODEL, memory_mb: 10}", "memory_mb"),
        ("redaction: {detect: [person]}", "Add 'ner: {model"),
        ("redaction: {actions: {location: drop}}", "Add 'ner: {model"),
        ("ner: {model: MODEL, entities: [PERSON]}\nredaction: {detect: [location]}", "Add LOCATION to 'ner.entities'"),
        ("ner: {model: MODEL}\nredaction: {patterns: [{name: person, pattern: x}]}", "name of another kind"),
        ("ner: {model: MODEL}\nredaction: {detect: [persn]}", "perhaps 'person'"),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(tmp_path: Path, model: Path, bad: str, said: str) -> None:
    found = problems(tmp_path, bad.replace("MODEL", str(model)) + "\n")

    assert len(found) == 1
    assert said in found[0]


def test_check_says_that_the_extra_is_missing(tmp_path: Path, model: Path) -> None:
    """In an interpreter that finds no Presidio, as one without the extra."""
    file = tmp_path / "narthex.yaml"
    file.write_text(f"ner: {{model: {model}}}\nservers: [{{name: crm, upstream: 'https://crm.example.com'}}]\n")
    packages = tmp_path / "packages"
    packages.mkdir()
    for one in Path(sysconfig.get_path("purelib")).iterdir():
        if not one.name.startswith(("presidio_analyzer", "spacy")):
            (packages / one.name).symlink_to(one)
    path = os.pathsep.join((str(packages), str(Path(narthex.__file__).parents[1])))
    command = [sys.executable, "-S", "-c", "import sys, narthex.cli; sys.exit(narthex.cli.main())", "check", str(file)]
    done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=50)

    assert done.returncode != 0
    assert "needs Presidio, which is not installed here" in done.stdout + done.stderr
    assert "pip install 'narthex[ner]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
