"""Whatever bytes a file holds, the answer is a configuration or problems with their places; nothing else escapes."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_load import SAMPLE

from narthex.control import jsonc, toml, yaml
from narthex.control.document import flatten
from narthex.control.load import load
from narthex.control.problem import ConfigError

PIECES = st.lists(
    st.sampled_from([*"{}[]:,-?&*!|>'\"#%@`\n\t \\<~=.$", "a", "1", "&a ", "*a", "<<: ", "- ", ": ", "${", "//", "/*"])
    | st.text(max_size=2),
    max_size=30,
).map("".join)
NAMES = ["narthex.yaml", "mcp.json", "config.toml", "plain"]
VSCODE = '{"inputs": [{"id": "k"}], "servers": {"a": {"url": "https://x/mcp", "headers": {"K": "${input:k}"}}}}'
CODEX = '[mcp_servers.a]\ncommand = "x"\nargs = ["y"]\n[mcp_servers.a.env]\nK = "v"\n'


@pytest.mark.parametrize("syntax", [yaml, jsonc, toml], ids=lambda module: module.__name__)
@settings(max_examples=400, deadline=None)
@given(text=PIECES)
def test_any_text_is_a_tree_or_a_problem_with_its_place(syntax: object, text: str) -> None:
    try:
        problems = ()
        flatten("f", syntax.parse("f", text))  # type: ignore[attr-defined]
    except ConfigError as error:
        problems = error.problems

    assert all(problem.file == "f" and problem.what for problem in problems)
    assert all(problem.line <= len(text.splitlines()) + 1 for problem in problems)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    good=st.sampled_from([(SAMPLE, "narthex.yaml"), (VSCODE, "mcp.json"), (CODEX, "config.toml")]),
    at=st.integers(0, 2_000),
    cut=st.integers(0, 20),
    put=PIECES,
)
def test_a_good_file_with_a_wound_is_refused_with_a_place_or_still_good(
    tmp_path: Path, good: tuple[str, str], at: int, cut: int, put: str
) -> None:
    text, name = good
    place = at % (len(text) + 1)
    wounded = text[:place] + put + text[place + cut :]
    path = tmp_path / name
    path.write_bytes(wounded.encode("utf-8", "surrogatepass"))
    try:
        config, problems = load(path, {"NARTHEX_INPUT_K": "s3cret-value"}).config, ()
    except ConfigError as error:
        config, problems = None, error.problems

    assert (config is None) == bool(problems)
    assert all(problem.file == str(path) and problem.line >= 0 for problem in problems)
    assert "s3cret-value" not in "\n".join(map(str, problems))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), name=st.sampled_from(NAMES))
def test_any_bytes_are_a_configuration_or_problems(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        config, problems = load(path, {}).config, ()
    except ConfigError as error:
        config, problems = None, error.problems

    assert (config is None) == bool(problems)
