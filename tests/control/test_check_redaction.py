"""What is wrong with a rule of redaction is said where it stands, with what to do."""

from pathlib import Path
from typing import Any

import pytest

from narthex.control.load import load
from narthex.control.problem import ConfigError


def problems(tmp_path: Path, redaction: str) -> list[str]:
    file = tmp_path / "narthex.yaml"
    file.write_text(f"servers:\n  - name: crm\n    upstream: https://crm.example.com\n    redaction: {redaction}\n")
    try:
        load(file, environ={"HOME": str(tmp_path)})
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "good",
    [
        "{}",
        "{detect: [email, secrets], action: tokenise, actions: {card: block}}",
        "{patterns: [{name: employee, pattern: 'E-[0-9]{6}'}], actions: {employee: drop}, opens: [employee]}",
        "{keep: [id, name, '$.contacts[*].company'], drop: [\"$..['free text']\"]}",
        "[{direction: results, action: tokenise}, {direction: arguments, action: block}]",
        "{direction: both, action: hash, binary: pass, other_text: pass, numbers: false, token_seconds: 60}",
    ],
)
def test_a_good_rule_loads(tmp_path: Path, good: str) -> None:
    assert problems(tmp_path, good) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{detect: [emial]}", "perhaps 'email'"),
        ("{actions: {credit: mask}}", "no kind and no group"),
        ("{opens: [nothing]}", "no kind and no group"),
        ("{action: hide}", "hide"),
        ("{patterns: [{name: a, pattern: '('}]}", "missing )"),
        ("{patterns: [{name: a, pattern: '(?=x)'}]}", "no look-around"),
        ("{patterns: [{name: a, pattern: 'x*'}]}", "matches where there is nothing"),
        ("{patterns: [{name: email, pattern: 'x'}]}", "name of another kind"),
        ("{patterns: [{name: a, pattern: 'x'}, {name: a, pattern: 'y'}]}", "name of another kind"),
        ("{keep: ['$.a[0]']}", "cannot be read"),
        ("{drop: ['a..']}", "cannot be read"),
        ("{direction: arguments, keep: [id]}", "this rule is about arguments"),
        ("{direction: both, action: tokenise}", "a token is for whoever asks"),
        ("{direction: arguments, actions: {email: tokenise}}", "a token is for whoever asks"),
        ("[{direction: results}, {direction: both}]", "about results already"),
        ("[]", "must not be empty"),
        ("{token_seconds: 0}", "token_seconds"),
        ("{findings_per_kb: 0}", "findings_per_kb"),
        ("{dtect: [email]}", "detect"),
    ],
)
def test_a_bad_rule_is_refused_with_what_to_do(tmp_path: Path, bad: str, said: str) -> None:
    found = problems(tmp_path, bad)

    assert len(found) >= 1
    assert any(said in one for one in found), found


def test_too_many_patterns_are_refused(tmp_path: Path) -> None:
    many = ", ".join(f"{{name: p{number}, pattern: 'x{number}'}}" for number in range(65))

    assert any("at most 64" in one for one in problems(tmp_path, f"{{patterns: [{many}]}}"))


def test_a_file_of_other_kinds_is_not_touched(tmp_path: Path) -> None:
    unused: Any = problems(tmp_path, "{detect: []}")

    assert unused == []
