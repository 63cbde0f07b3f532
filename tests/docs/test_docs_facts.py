"""Figures, lists and sentences in the pages are those of the code."""

import re

import pytest
from docs_pages import HOUSE, PAGES, name_of, text_of

from narthex import limits
from narthex.cli.clients import CLIENTS
from narthex.control.admin import OPENAPI
from narthex.limits import DEFAULTS
from narthex.telemetry.families import FAMILIES
from narthex.upstream.health import State
from narthex.wire.revisions import LEGACY, MODERN

# A sentence of a page, and the number in it. When a limit changes, the sentence has to.
SAID = [
    ("docs/protocol.md", f"({limits.resumption_events_max} events, 1 MiB, five minutes)", 256),
    ("docs/protocol.md", f"at most {limits.list_ttl_ms_max // 1000} s ({limits.degraded_ttl_ms_max // 1000} s", 30),
    ("docs/protocol.md", f"a comment every {limits.keepalive_comment_seconds:.0f} seconds", 15),
    ("docs/protocol.md", f"deeper than {DEFAULTS.json_depth_max}", 64),
    ("docs/protocol.md", f"nests deeper than {limits.answer_depth_max} levels", 64),
    ("docs/protocol.md", f"at most {limits.tool_name_chars_max} characters", 64),
    ("docs/protocol.md", f"over {DEFAULTS.description_chars_max // 1024} KiB are cut", 16),
    ("docs/servers.md", f"at most {DEFAULTS.upstream_connections_max}", 256),
    ("docs/servers.md", f"`start_seconds` ({limits.start_seconds_max:.0f})", 60),
    ("docs/servers.md", f"After {limits.idle_stop_seconds / 60:.0f} minutes without a call", 15),
    ("docs/known-limits.md", f"silent for {DEFAULTS.call_seconds_max:.0f} seconds", 60),
    ("docs/known-limits.md", f"longer than {DEFAULTS.call_seconds_absolute_max / 60:.0f} minutes", 15),
]
WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 7: "seven", 8: "eight", 20: "twenty", 60: "a minute"}


@pytest.mark.parametrize(("page", "said", "number"), SAID, ids=lambda part: str(part)[:40])
def test_a_figure_in_a_page_is_that_of_the_code(page: str, said: str, number: int) -> None:
    assert str(number) in said, "the limit changed: read the sentence again"
    assert said in text_of(page)


def test_figures_in_words_are_those_of_the_code() -> None:
    servers, operations, known = (text_of(f"docs/{name}.md") for name in ("servers", "operations", "known-limits"))

    assert f"At most {WORDS[DEFAULTS.spawns_concurrent_max]} are starting at once" in servers
    assert f"(up to {WORDS[DEFAULTS.processes_per_server_max]} per server)" in servers
    assert (
        f"after {WORDS[limits.restarts_before_pause_max]} restarts in {WORDS[limits.restart_window_seconds]}" in servers
    )
    assert f"at most {WORDS[limits.stderr_lines_per_second_max]} lines a second" in servers
    assert f"for at most {WORDS[limits.first_list_seconds_max]} seconds" in servers
    assert (
        f"after {WORDS[limits.stop_stdin_seconds]} seconds comes SIGTERM, after {WORDS[limits.stop_term_seconds]} more"
        in operations
    )
    assert f"{WORDS[limits.session_token_seconds / 86_400]} days" in operations
    assert DEFAULTS.session_idle_seconds_max == 1_800
    assert "half an hour of idleness" in known


def test_every_client_of_connect_has_its_row() -> None:
    page, readme = text_of("docs/clients.md"), text_of("README.md")

    for client in CLIENTS:
        assert f"`narthex connect {client.name}" in page
        assert client.name in readme
        assert client.project is None or f"`{client.project}`" in page


def test_the_variables_a_server_sees_are_those_of_the_code() -> None:
    listed = (HOUSE / "upstream" / "stdio" / "environment.py").read_text("utf-8").split('"""')[1]
    names = set(re.findall(r"\b[A-Z][A-Z_]{2,}\*?|XDG_\*", listed.replace("AWS_*", "").replace("ENV", "")))
    proxies = {name for name in names if name.endswith("_PROXY")}

    page = text_of("docs/servers.md")

    assert "the proxy variables" in page
    spoken_of = {"TOKEN", "PASSWORD", "AUTH"}
    assert {name for name in names - proxies - spoken_of if f"`{name}`" not in page} == set()


def test_every_metric_named_in_a_page_exists() -> None:
    families = {family.name for family in FAMILIES}
    named = {
        (name_of(path), metric)
        for path in PAGES
        for metric in re.findall(r"\bnarthex_[a-z_]+", path.read_text("utf-8"))
    }

    assert {(page, one) for page, one in named if one.removesuffix("_bucket") not in families} == set()


def test_the_admin_paths_are_all_told() -> None:
    page = text_of("docs/operations.md")

    told = [(verb.upper(), path) for path, item in OPENAPI["paths"].items() for verb in item]
    assert [(verb, path) for verb, path in told if f"{verb} {path}`" not in page] == []


def test_the_states_of_a_server_are_all_told() -> None:
    sentence = next(line for line in text_of("docs/operations.md").splitlines() if line.startswith("A server is `new`"))

    assert set(re.findall(r"`([a-z]+)`", sentence)) >= {state.name.lower() for state in State}


def test_every_revision_is_named_where_it_matters() -> None:
    for page in ("README.md", "docs/protocol.md"):
        assert [revision for revision in (MODERN, *LEGACY) if revision not in text_of(page)] == []
