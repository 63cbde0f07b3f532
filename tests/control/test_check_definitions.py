"""`definitions`: where it may stand, and what `narthex check` says of it."""

from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError
from narthex.model.rules.definitions import Definitions

SERVERS = "servers: [{name: crm, upstream: 'https://crm.example/mcp'}]\n"


def loaded(tmp_path: Path, text: str) -> Loaded:
    path = tmp_path / "narthex.yaml"
    path.write_text(SERVERS + text)
    return load(path, {})


def test_the_defaults_are_safe_for_what_was_approved() -> None:
    rule = Definitions()
    assert (rule.new, rule.changed, rule.text, rule.breaking) == ("announce", "quarantine", None, "quarantine")
    assert (rule.poisoned, rule.suspicious, rule.score, rule.results) == (None, 0.5, 0.8, "ignore")


def test_a_definition_is_for_all_tenants(tmp_path: Path) -> None:
    text = "authentication: {type: keys}\ntenants: {acme: {definitions: {new: accept}}}"
    with pytest.raises(ConfigError, match="cannot differ between tenants"):
        loaded(tmp_path, text)


def test_texts_that_pass_where_nothing_else_does_are_pointed_at(tmp_path: Path) -> None:
    [warning] = loaded(tmp_path, "definitions: {changed: quarantine, text: announce}").warnings
    assert "most attacks are in texts" in str(warning)
    assert not loaded(tmp_path, "definitions: {changed: quarantine, text: hold}").warnings


@pytest.mark.parametrize("wrong", ["new: hold", "breaking: hold", "score: 0", "score: 1.5", "changes: hold"])
def test_what_is_no_choice_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="definitions"):
        loaded(tmp_path, f"definitions: {{{wrong}}}")


def test_a_warning_that_would_come_after_the_deed_is_pointed_at(tmp_path: Path) -> None:
    [warning] = loaded(tmp_path, "definitions: {suspicious: 0.9}").warnings
    assert "is higher than 'score'" in str(warning)
