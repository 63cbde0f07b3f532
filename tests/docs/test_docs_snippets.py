"""What a reader may copy works: configurations load, commands exist and take these options."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from docs_pages import Snippet, commands, snippets

from narthex.cli.group import VERBS, narthex
from narthex.control.load import load

VARIABLES = {
    "OIDC_SECRET": "s",
    "CRM_TOKEN": "t",
    "SEARCH_KEY": "t",
    "GITHUB_TOKEN": "t",
    "GITHUB_USERS": "t",
    "VAULT_KEY": "A" * 43,
    "REDIS_PASSWORD": "p",
    "PROMETHEUS_TOKEN": "t",
    "ADMIN_TOKEN": "t" * 16,
    "HOOK_SECRET": "h" * 16,
}
# docs/configuration.md is loaded by tests/control, with the files it refers to.
CONFIGURATIONS = [one for one in snippets("yaml", "json") if one.page != "docs/configuration.md"]
NARTHEX = [(page, line) for page, line in commands() if re.match(r"(\.venv/bin/)?narthex ", line)]
MAKE = [(page, line.partition("#")[0].split()[1]) for page, line in commands() if line.startswith("make ")]


@pytest.mark.parametrize("snippet", CONFIGURATIONS, ids=str)
def test_a_configuration_in_a_page_loads(tmp_path: Path, snippet: Snippet) -> None:
    path = tmp_path / f"narthex.{snippet.language}"
    path.write_text(snippet.text, "utf-8")
    for beside in ("server.pem", "server.key", "clients-ca.pem"):  # files that configurations refer to
        (tmp_path / beside).write_text("x")
    (tmp_path / "rules.cedar").write_text("permit(principal, action, resource);")
    (tmp_path / "models" / "en_core_web_lg").mkdir(parents=True)
    (tmp_path / "models" / "en_core_web_lg" / "config.cfg").write_text("x")

    loaded = load(path, VARIABLES)

    # An entry that leads back to the gateway is left out, and said.
    assert loaded.config.servers or "itself" in " ".join(map(str, loaded.warnings))
    loaded.require_ready()


def test_the_pages_hold_configurations() -> None:
    assert {"README.md", "docs/servers.md", "docs/endpoints.md"} <= {one.page for one in CONFIGURATIONS}


@pytest.mark.parametrize(("page", "line"), NARTHEX, ids=lambda part: str(part)[:50])
def test_a_command_in_a_page_exists_with_its_options(page: str, line: str) -> None:
    words = shlex.split(line.partition("#")[0])[1:]
    command: click.Command = narthex
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found

    known = {name for parameter in command.params for name in parameter.opts}
    assert [word for word in words if word.startswith("--") and word not in known] == []
    for parameter in command.params:
        if isinstance(parameter.type, click.Choice) and parameter.name == "client":
            assert words[0] in parameter.type.choices


@pytest.mark.parametrize(("page", "target"), MAKE, ids=str)
def test_a_make_target_in_a_page_exists(page: str, target: str) -> None:
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text("utf-8")

    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_verb_named_in_running_text_exists() -> None:
    from docs_pages import PAGES, name_of

    verbs = {verb.name for verb in VERBS}
    said = {
        (name_of(path), verb) for path in PAGES for verb in re.findall(r"`narthex ([a-z]+)", path.read_text("utf-8"))
    }

    assert {(page, verb) for page, verb in said if verb not in verbs} == set()


def test_every_json_of_a_page_is_json() -> None:
    for snippet in snippets("json"):
        assert json.loads(snippet.text), snippet
