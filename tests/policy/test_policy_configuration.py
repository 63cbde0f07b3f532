"""What callers need, as it is written in a file: every mistake has its line and its remedy."""

import subprocess
import sys
from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError, Problem
from narthex.limits import policy_file_bytes_max

KEYS = "authentication: {type: keys}\n"
ALL = "permit(principal, action, resource);"


def loaded(folder: Path, text: str) -> Loaded:
    path = folder / "narthex.yaml"
    path.write_text(text)
    return load(path, {})


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as refused:
        loaded(folder, text)
    return refused.value.problems


def server(keys: str) -> str:
    return f"servers:\n  - {{name: crm, upstream: 'https://crm.example/mcp', {keys}}}\n"


def test_scopes_of_every_kind_load_and_can_be_served(tmp_path: Path) -> None:
    text = KEYS + server(
        "required_scopes: [a], scopes: {'create_*': [b], drop: []}, trusted: true, concealed: true, "
        "scopes_by_annotation: {read_only: [], other: [c]}, declared_scopes: accept"
    )
    found = loaded(tmp_path, text + "endpoints: {desk: {required_scopes: [d], scopes: {'crm/*': [e]}}}\n")
    found.require_ready()
    (crm,) = found.config.servers

    assert (crm.required_scopes, crm.scopes) == (("a",), {"create_*": ("b",), "drop": ()})
    assert found.config.endpoints["desk"].scopes == {"crm/*": ("e",)}
    assert found.warnings == ()


def test_an_empty_list_is_not_an_absent_one(tmp_path: Path) -> None:
    assert loaded(tmp_path, KEYS + server("required_scopes: []")).config.servers[0].required_scopes == ()
    assert loaded(tmp_path, KEYS + server("enabled: true")).config.servers[0].required_scopes is None


@pytest.mark.parametrize("keys", ["required_scopes: [a]", "scopes: {x: [a]}", "declared_scopes: accept"])
def test_without_authentication_nobody_has_a_scope_and_nothing_is_served(tmp_path: Path, keys: str) -> None:
    found = loaded(tmp_path, server(keys))

    assert [problem.what for problem in found.unready] == ["without 'authentication' nobody has any scope"]
    with pytest.raises(ConfigError):
        found.require_ready()


def test_to_ignore_what_a_library_declares_needs_no_authentication(tmp_path: Path) -> None:
    """It opens, for those who can have no scope, what would be shut otherwise."""
    assert loaded(tmp_path, server("declared_scopes: ignore")).unready == ()


@pytest.mark.parametrize("scope", ["'a b'", "''", "'\"'", "'\\'", "é", f"'{'x' * 257}'"])
def test_what_no_token_could_say_is_no_scope(tmp_path: Path, scope: str) -> None:
    (problem,) = problems(tmp_path, KEYS + server(f"required_scopes: [{scope}]"))

    assert problem.path == "servers[0].required_scopes[0]"
    assert "visible ASCII" in problem.remedy


def test_a_server_that_is_not_trusted_decides_nothing(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, KEYS + server("scopes_by_annotation: {other: [a]}"))

    assert problem.path == "servers[0].scopes_by_annotation"
    assert "trusted: true" in problem.remedy


def test_what_has_no_effect_is_said(tmp_path: Path) -> None:
    found = loaded(tmp_path, KEYS + server("concealed: true, exclude: [drop], scopes: {drop: [a]}"))

    assert [problem.path for problem in found.warnings] == ["servers[0].concealed", "servers[0].scopes.drop"]


@pytest.mark.parametrize("pattern", ["''", "'/x'", "'crm/'", "nope/x"])
def test_patterns_of_endpoints_are_those_of_include(tmp_path: Path, pattern: str) -> None:
    text = KEYS + server("enabled: true") + f"endpoints: {{desk: {{scopes: {{{pattern}: [a]}}}}}}\n"
    (problem,) = problems(tmp_path, text)

    assert problem.path.startswith("endpoints.desk.scopes")


# ---- rules


def with_rules(folder: Path, text: bytes) -> str:
    (folder / "rules.cedar").write_bytes(text)
    return "authentication: {type: keys, policies: rules.cedar}\n" + server("enabled: true")


def test_rules_stand_beside_the_file_and_are_followed(tmp_path: Path) -> None:
    found = loaded(tmp_path, with_rules(tmp_path, ALL.encode()))
    found.require_ready()

    assert found.config.authentication is not None
    assert found.config.authentication.policies == str(tmp_path / "rules.cedar")
    assert tmp_path / "rules.cedar" in found.sources


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"permit(principal action, resource);", "unexpected token"),
        (b"\xff", "is not UTF-8"),
        (b"//" + b"x" * policy_file_bytes_max, "is larger than"),
    ],
)
def test_rules_nobody_can_keep_are_refused(tmp_path: Path, text: bytes, said: str) -> None:
    (problem,) = problems(tmp_path, with_rules(tmp_path, text))

    assert problem.path == "authentication.policies"
    assert said in problem.what


def test_without_the_extra_the_remedy_is_named(tmp_path: Path) -> None:
    with_rules(tmp_path, ALL.encode())
    (tmp_path / "narthex.yaml").write_text(with_rules(tmp_path, ALL.encode()))
    without = "import sys; sys.modules['cedarpy'] = None; from narthex.cli import main; main()"
    command = [sys.executable, "-c", without, "check", str(tmp_path / "narthex.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert "Install it: pip install 'narthex[cedar]'." in done.stdout


def test_rules_that_are_not_there_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "authentication: {type: keys, policies: none.cedar}\n" + server("enabled: true"))

    assert "cannot be read: No such file" in problem.what


def test_scopes_of_single_prompts_and_resources_load(tmp_path: Path) -> None:
    single = "prompt_scopes: {'report_*': [b]}, resource_scopes: {'file:///plans/*': [c], 'memo://one': []}"
    desk = "endpoints: {desk: {prompt_scopes: {'crm/x': [d]}, resource_scopes: {'crm/file:///a': [e], 'memo://*': []}}}"
    found = loaded(tmp_path, KEYS + server(f"{single}, challenge_scopes: {{'repo': [a, b]}}") + desk)
    found.require_ready()
    (crm,) = found.config.servers

    assert (crm.prompt_scopes, crm.challenge_scopes) == ({"report_*": ("b",)}, {"repo": ("a", "b")})
    assert crm.resource_scopes == {"file:///plans/*": ("c",), "memo://one": ()}
    assert found.config.endpoints["desk"].resource_scopes == {"crm/file:///a": ("e",), "memo://*": ()}
    assert found.warnings == ()


@pytest.mark.parametrize(
    "keys", ["prompt_scopes: {x: [a]}", "resource_scopes: {'a://b': [a]}", "challenge_scopes: {r: [a]}"]
)
def test_these_need_somebody_who_has_scopes_too(tmp_path: Path, keys: str) -> None:
    found = loaded(tmp_path, server(keys))

    assert [problem.what for problem in found.unready] == ["without 'authentication' nobody has any scope"]


LOST = "has '.' or '..' behind a sign of a glob, so it would meet no URI in its usual form"


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("prompt_scopes: {'': [a]}", "must be a prompt's name, or a glob of names"),
        ("resource_scopes: {'': [a]}", "must be a URI, or a glob of URIs"),
        ("resource_scopes: {'note://{id}': [a]}", "must name URIs, and not a template of them"),
        ("resource_scopes: {'file:///*/../a': [a]}", LOST),
    ],
)
def test_a_line_that_could_protect_nothing_is_refused(tmp_path: Path, keys: str, what: str) -> None:
    (problem,) = problems(tmp_path, KEYS + server(keys))

    assert (problem.what, problem.line) == (what, 3)


@pytest.mark.parametrize("text", ["crn/x", "crn/file:///a"])
def test_at_an_endpoint_a_misspelt_server_is_refused(tmp_path: Path, text: str) -> None:
    key = "resource_scopes" if ":" in text else "prompt_scopes"
    desk = f"endpoints: {{desk: {{{key}: {{'{text}': [a]}}}}}}"
    (problem,) = problems(tmp_path, KEYS + server("enabled: true") + desk)

    assert problem.what == "there is no server 'crn'"


def test_only_a_server_under_a_url_can_refuse_with_a_status(tmp_path: Path) -> None:
    text = "servers:\n  - {name: crm, command: [crm-server], challenge_scopes: {repo: [a]}}\n"
    (problem,) = problems(tmp_path, KEYS + text)

    assert problem.what == "only a server under a URL can refuse a call with HTTP 403"
