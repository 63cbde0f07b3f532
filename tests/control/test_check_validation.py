"""What is said of `validation` that cannot be meant so, wherever it stands."""

from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError
from narthex.model.rules.validation import Validation

SERVER = """
servers:
  - {name: crm, upstream: "https://crm.example.com", rules: {"a_*": {validation: {results: warn}}}}
"""


def loaded(folder: Path, rule: str) -> Loaded:
    path = folder / "narthex.yaml"
    path.write_text(f"validation: {rule}\n{SERVER}")
    return load(path, {})


def test_it_is_read_at_every_place(tmp_path: Path) -> None:
    config = loaded(tmp_path, "{arguments: warn, coerce: true}").config

    assert config.validation == Validation(arguments="warn", coerce=True)
    assert config.servers[0].rules["a_*"].validation == Validation(results="warn")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{arguments: strict}", "validation.arguments: 'strict' is not one of enforce, off, warn"),
        ("{argument: off}", "validation.argument: unknown key 'argument'. Did you mean 'arguments'?"),
        ('{coerce: "perhaps"}', "validation.coerce: must be true or false"),
        ("enforce", "validation: must be a mapping"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, rule: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, rule)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ('{arguments: "off", coerce: true}', "coerce"),
        ('{arguments: "off", coerce: true, results: warn}', "coerce"),
        ('{arguments: "off", formats: true}', "formats"),
    ],
)
def test_what_has_no_effect_is_a_warning(tmp_path: Path, rule: str, key: str) -> None:
    warnings = loaded(tmp_path, rule).warnings

    assert [str(one).partition(f"validation.{key}: ")[2] for one in warnings] == [
        "has no effect: nothing is checked here. Remove it, or write 'arguments: enforce'."
    ]


@pytest.mark.parametrize("rule", ["{}", "{arguments: enforce}", '{arguments: "off", formats: true, results: warn}'])
def test_the_rest_is_sound(tmp_path: Path, rule: str) -> None:
    assert loaded(tmp_path, rule).warnings == ()


def test_off_may_be_written_without_quotes(tmp_path: Path) -> None:
    """YAML 1.1 would have read it as false."""
    found = loaded(tmp_path, "{arguments: off}").config.validation

    assert found == Validation(arguments="off")
