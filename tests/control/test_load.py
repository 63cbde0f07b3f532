"""From a file to a configuration: all problems at once, each with its place and a remedy, and no secret in any."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narthex.control.load import Loaded, Overrides, load
from narthex.control.problem import ConfigError
from narthex.model.config import Config

SAMPLE = """\
name: org-mcp-gateway
listen: https://mcp-gateway.internal.company.com   # https: certificate and key, or TLS ended in front (public_url)
authentication: {type: oauth2, issuer: "https://auth.company.com", required_scopes: ["mcp:tools"]}
servers:
  - {name: github,   upstream: "https://mcp-github.internal.company.com", tools: [search_repos, get_file, create_pr], rate_limit: {requests_per_minute: 60}}
  - {name: jira,     upstream: "https://mcp-jira.internal.company.com",   tools: [search_issues, create_issue, update_issue], rate_limit: {requests_per_minute: 30}}
  - {name: database, upstream: "https://mcp-db.internal.company.com",     tools: [run_query], rate_limit: {requests_per_minute: 10}, required_scopes: ["mcp:database:read"]}
metering: {backend: prometheus, metrics: [tool_calls, latency, error_rate]}
"""  # noqa: E501 - as it is published
ALL_AT_ONCE = """\
narthex.yaml:1:1: lisen: unknown key 'lisen'. Did you mean 'listen'?
narthex.yaml:3:15: servers[0].upsteam: unknown key 'upsteam'. Did you mean 'upstream'?
narthex.yaml:4:12: servers[1].name: 'a b' cannot be used here. A server's name has 1 to 32 letters, digits, '_' and '-', and begins with a letter or digit.
narthex.yaml:5:5: servers[2]: the key 'name' is missing. Give every server a name, for example 'name: github'.
narthex.yaml:6:24: servers[3].command: must not be empty.
narthex.yaml:6:45: servers[3].timeout_seconds: must be greater than 0.
narthex.yaml:7:25: servers[4].upstream: it must begin with http:// or https://, like https://host/mcp.
narthex.yaml:7:43: servers[4].tools: must be a list, and is text. Put it in brackets: [ … ].
narthex.yaml:8:5: servers[5]: the server 'e' does not say what it is. Add 'upstream: https://host/mcp', 'command: [program, argument]' for one to be started here, 'python: tools.py', 'openapi: document.yaml', 'http: https://host' or 'sql: sqlite:///file'.
narthex.yaml:9:15: log.format: 'jsn' is not one of auto, human, json. Did you mean 'json'?
narthex.yaml:10:26: limits.body_bytes_max: must be a whole number, and is text.
narthex.yaml:10:46: limits.inflight_max: must be greater than 0.
narthex.yaml:11:13: endpoints.Sales: 'Sales' cannot be a name here. An endpoint's name has 1 to 63 small letters, digits and '-', and begins with a letter or digit.
narthex.yaml:11:61: endpoints.support.names: 'bar' is not one of bare, prefixed. Did you mean 'bare'?
"""  # noqa: E501 - one line each, as they are printed
REMOTE = "upstream: 'https://x.example/mcp'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "narthex.yaml"


def loaded(path: Path, text: str, overrides: Overrides | None = None, **environ: str) -> Loaded:
    path.write_text(text, encoding="utf-8")
    return load(path, environ, overrides)


def refused(path: Path, text: str, overrides: Overrides | None = None, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(path, text, overrides, **environ)
    assert all(problem.file and problem.what for problem in caught.value.problems)
    return str(caught.value).replace(str(path), "narthex.yaml")


def test_the_sample_of_the_proposed_standard_loads_as_it_stands(path: Path) -> None:
    result = loaded(path, SAMPLE)

    assert [server.name for server in result.config.servers] == ["github", "jira", "database"]
    assert result.config.servers[2].required_scopes == ("mcp:database:read",)
    assert result.warnings == ()


def test_what_it_lacks_is_named_and_it_cannot_be_served_without(path: Path) -> None:
    result = loaded(path, SAMPLE)

    assert [problem.path for problem in result.unready] == [
        "listen",
    ]
    with pytest.raises(ConfigError, match="https needs a certificate"):
        result.require_ready()


def test_a_small_file_is_ready(path: Path) -> None:
    result = loaded(path, f"servers:\n  - {{name: a, {REMOTE}}}\n")
    result.require_ready()

    assert Config(servers=result.config.servers) == result.config
    assert result.sources == (path,)


def test_all_problems_are_told_at_once_in_the_order_of_the_file(path: Path) -> None:
    text = """\
lisen: http://127.0.0.1:1
servers:
  - {name: a, upsteam: x}
  - {name: a b, command: [x]}
  - {upstream: 'https://x/mcp'}
  - {name: c, command: [], timeout_seconds: -1}
  - {name: d, upstream: 'ftp://x', tools: one}
  - {name: e}
log: {format: jsn}
limits: {body_bytes_max: many, inflight_max: 0}
endpoints: {Sales: {}, support: {servers: [nowhere], names: bar}}
"""

    assert refused(path, text) + "\n" == ALL_AT_ONCE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        ("just words", "must be a mapping (key: value), and is text"),
        ("servers: {a: {upstream: x}}", "Write '- name: …' for each server"),
        ("servers: [{name: a, command: x, upstream: 'http://x'}]", "has both 'upstream' and 'command'"),
        ("servers: [{name: a, url: 'http://x'}]", "Here it is called 'upstream'."),
        ("servers: [{name: a, openapi: 'http://x'}]", "Add 'base_url: https://api.example.com/v1'."),
        (f"servers: [{{name: my_x, {REMOTE}}}, {{name: My-X, {REMOTE}}}]", "'My-X' is too much like the name 'my_x'"),
        (f"servers: [{{name: a, {REMOTE}}}, {{name: a, {REMOTE}}}]", "'a' is the name of two servers"),
        ("servers: [{name: a, upstream: 'https://u:pw@x/mcp'}]", "user and password do not belong in a URL"),
        ("servers: [{name: a, upstream: 'https:///mcp'}]", "there is no host in it"),
        ("servers: [{name: a, upstream: 'https://x:99999/mcp'}]", "this is not an address"),
        ("servers: [{name: a, upstream: 'https://a b/mcp'}]", "holds a blank"),
        ("servers: [{name: a, upstream: 'https://x/mcp#y'}]", "no '#…' part"),
        (f"servers: [{{name: a, {REMOTE}, headers: {{Host: b}}}}]", "the gateway's own to send"),
        (f"servers: [{{name: a, {REMOTE}, headers: {{Mcp-Name: b}}}}]", "the gateway's own to send"),
        (f'servers: [{{name: a, {REMOTE}, headers: {{X: "b\\nc"}}}}]', "a line break"),
        (f"servers: [{{name: a, {REMOTE}, headers: {{'a b': c}}}}]", "cannot be the name of a header"),
        ("servers: [{name: a, command: [x], env: {A: }}]", "For empty text write ''."),
        ("listen: 8080", "it must begin with http://"),
        ("listen: http://127.0.0.1:8080/mcp", "a scheme, a host and a port, nothing else"),
        ("listen: http://0.0.0.0:8080", "without authentication the gateway listens on the loopback only"),
        ("listen: http://gateway.example.com", "without authentication the gateway listens on the loopback only"),
        ("listen: 'http://[::]:8080'", "without authentication the gateway listens on the loopback only"),
        ("admin: {listen: 'http://0.0.0.0:8081'}", "for the loopback only"),
        ("admin: {listen: 'http://127.0.0.1:8080'}", "never shares the port"),
        ("tls: {certificate: x.pem, key: y.pem}", "the file cannot be read: No such file or directory"),
        ("tls: {certificate: x.pem}", "the key 'key' is missing"),
        ("public_url: example.com", "it must begin with http://"),
        ("public_url: 'https://tools.example.com/?x=1'", "has no user, no password and no query"),
        ("public_url: https://ana:s3cret@tools.example.com", "has no user, no password and no query"),
        ("allowed_hosts: ['https://x']", "must be a host"),
        ("allowed_origins: ['x.example']", "must be an origin"),
        (f"servers: [{{name: s, {REMOTE}, exclude: ['']}}]", "must be a tool's name, or a glob of names"),
        (f"servers: [{{name: s, {REMOTE}, exclude: rm}}]", "servers[0].exclude"),
        ("endpoints: {a: {servers: [x]}}", "there is no server 'x'"),
        ("endpoints: {a: {exclude: [x/y]}}", "there is no server 'x'"),
        ("endpoints: {a: {include: [x/]}}", "must be 'server/tool'"),
        ("endpoints: {a: {tools: {x: {name: y}}}}", "must be written as 'server/tool'"),
        (f"servers: [{{name: s, {REMOTE}}}]\nendpoints: {{a: {{tools: {{s/x: {{name: 'a b'}}}}}}}}", "name of a tool"),
        (
            f"servers: [{{name: s, {REMOTE}}}]\nendpoints: {{a: {{tools: {{s/x: {{name: y}}, s/z: {{name: y}}}}}}}}",
            "'y' is already the name of 's/x'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(path: Path, text: str, expected: str) -> None:
    assert expected in refused(path, text)


@pytest.mark.parametrize(
    "listen", ["http://127.0.0.1:0", "http://localhost:8080", "http://[::1]:9", "http://127.9.9.9:1"]
)
def test_the_loopback_needs_no_authentication(path: Path, listen: str) -> None:
    assert loaded(path, f"listen: '{listen}'").config.listen == listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("servers: []", "there are no servers"),
        ("public_url: https://tools.example.com/mcp", "find the gateway at https://tools.example.com/mcp/mcp"),
        (f"servers: [{{name: a, {REMOTE}, env: {{A: b}}}}]", "has no effect: 'a' is a remote server"),
        ("servers: [{name: a, command: [python3], headers: {A: b}}]", "has no effect: 'a' is a command"),
        ("servers: [{name: a, command: [no-such-program-anywhere]}]", "is not found on the PATH"),
        ("servers: [{name: a, command: npx -y thing}]", "Its arguments are words of their own: [npx, -y, thing]."),
        ("servers: [{name: a, command: npx 'two words'}]", 'words of their own: [npx, "two words"].'),
        ("listen: http://0.0.0.0:1\nauthentication: {type: keys}", "no name by which they call this gateway is known"),
        ("listen: 'http://[::]:1'\nauthentication: {type: keys}", "Add 'public_url: https://…' or 'allowed_hosts:"),
        ("servers: [{name: a, command: [python3], cwd: nowhere}]", "this folder does not exist"),
        ("limits: {result_bytes_max: 99999999}", "result_bytes_max is larger than sse_event_bytes_max"),
    ],
)
def test_what_will_not_work_as_meant_is_a_warning(path: Path, text: str, expected: str) -> None:
    assert expected in "\n".join(map(str, loaded(path, text, PATH="/usr/bin:/bin").warnings))


def test_a_command_may_be_a_program_and_its_arguments(path: Path) -> None:
    text = "servers: [{name: a, command: npx, args: [-y, 1.10, true]}, {name: b, command: [npx, -y]}]"

    assert [server.command for server in loaded(path, text).config.servers] == [
        ("npx", "-y", "1.10", "true"),
        ("npx", "-y"),
    ]


def test_text_is_taken_as_written_and_nothing_is_absent(path: Path) -> None:
    text = "servers: [{name: a, command: [x], env: {P: 012, ON: yes, V: 1.10, T: true}, cwd: }]\nendpoints: {e: }"
    config = loaded(path, text).config

    assert config.servers[0].env == {"P": "012", "ON": "yes", "V": "1.10", "T": "true"}
    assert config.servers[0].cwd is None
    assert set(config.endpoints) == {"e"}


def test_a_number_may_come_from_the_environment(path: Path) -> None:
    text = "limits: {inflight_max: '${N}'}\nservers: [{name: a, command: [x], env: {P: '${N}'}}]"
    config = loaded(path, text, N="7").config

    assert config.limits.inflight_max == 7
    assert config.servers[0].env == {"P": "7"}


def test_a_missing_variable_is_told_once_where_it_is_used(path: Path) -> None:
    text = "servers:\n  - {name: a, upstream: 'https://${HOST}/mcp'}\n  - {name: b, upstream: '${ALSO}'}\n"

    remedy = "is not set. Set it before starting, or give a default:"
    assert refused(path, text).splitlines() == [
        f"narthex.yaml:2:25: servers[0].upstream: the environment variable HOST {remedy} ${{HOST:-default}}.",
        f"narthex.yaml:3:25: servers[1].upstream: the environment variable ALSO {remedy} ${{ALSO:-default}}.",
    ]


def test_a_server_that_is_switched_off_needs_no_variables(path: Path) -> None:
    text = "servers:\n  - {name: a, enabled: false, upstream: 'https://x/mcp', headers: {K: '${MISSING}'}}\n"

    assert loaded(path, text).config.servers[0].enabled is False


def test_no_secret_is_in_a_problem_a_repr_or_a_warning(path: Path) -> None:
    secret = "hunter2-hunter2"
    good = """\
servers:
  - {name: a, upstream: "https://x/mcp?key=${S}", headers: {Authorization: "Bearer ${S}"}}
  - {name: b, command: [nothing-there], env: {KEY: "${S}"}, cwd: nowhere}
authentication:
  {type: oauth2, issuers: [{issuer: "https://x", introspection: {client_id: a, client_secret: "${S}"}}]}
"""
    result = loaded(path, good, S=secret)
    bad = good + 'log: {format: "${S}", level: "${S}"}\nlimits: {inflight_max: "${S}"}\nlisten: "${S}"\n'
    bad += 'public_url: "${S}"\nendpoints: {e: {servers: ["${S}"], exclude: ["${S}/x"], names: "${S}"}}\n'
    bad += 'allowed_origins: ["${S}"]\nallowed_hosts: ["${S}/"]\n'
    shown = refused(path, bad + 'tls: {certificate: "${S}", key: "${S}"}\nname: ["${S}"]\n', S=secret)

    assert secret not in repr(result) + str(result.warnings) + str(result.unready)
    assert secret not in shown
    assert "${S}" in shown


def test_relative_paths_begin_beside_the_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("x")
    text = "state: st\ntls: {certificate: c.pem, key: c.pem}\nservers: [{name: a, command: [x], cwd: sub}]"
    result = loaded(path, text)

    assert result.config.state == str(tmp_path / "st")
    assert result.config.tls == {"certificate": str(tmp_path / "c.pem"), "key": str(tmp_path / "c.pem")}
    assert result.config.servers[0].cwd == str(tmp_path / "sub")
    assert tmp_path / "c.pem" in result.sources


def test_https_needs_a_certificate_to_be_served(path: Path, tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("x")

    assert "https needs a certificate" in str(loaded(path, "listen: https://localhost:8443").unready)
    assert loaded(path, "listen: https://localhost:8443\ntls: {certificate: c.pem, key: c.pem}").unready == ()


def test_the_command_line_wins_and_its_mistakes_carry_its_name(path: Path) -> None:
    overrides = Overrides(listen="http://127.0.0.1:9", admin="http://127.0.0.1:0", log_format="json", log_level="debug")
    config = loaded(path, "listen: http://127.0.0.1:8080\nservers: []", overrides).config

    assert (config.listen, config.admin.listen) == ("http://127.0.0.1:9", "http://127.0.0.1:0")
    assert (config.log.format, config.log.level) == ("json", "debug")
    assert ": --listen: without authentication" in refused(path, "servers: []", Overrides(listen="http://0.0.0.0:1"))


def test_files_that_cannot_be_read_say_so(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load(path, {})
    path.write_bytes(b"name: a\nlisten: \xff\n")
    with pytest.raises(ConfigError, match=":2:9: the file is not UTF-8"):
        load(path, {})
    path.write_bytes(b"# " + b"x" * 9_000_000)
    with pytest.raises(ConfigError, match="larger than"):
        load(path, {})


def test_our_own_file_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "narthex.json"
    result = loaded(path, '{"servers": [{"name": "a", "upstream": "https://x/mcp"}], // ours\n}')

    assert result.config.servers[0].name == "a"


def test_keys_that_begin_with_x_are_the_owners_at_the_top_only(path: Path) -> None:
    assert loaded(path, "x-notes: [1, {a: b}]\nservers: []").config.servers == ()
    assert "unknown key 'x-a'" in refused(path, "servers: [{name: a, command: [x], x-a: 1}]")


KEYS = (
    *("name", "upstream", "command", "args", "env", "tools", "servers", "listen", "log", "tls", "endpoints", "admin"),
    *("exclude", "headers", "limits", "mcpServers", "url", "type", "inputs", "enabled", "a", "x-b"),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "a", "http://127.0.0.1:1", "${A}", "*", "a/b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_any_tree_is_either_a_configuration_or_a_list_of_problems(tmp_path: Path, value: object) -> None:
    path = tmp_path / "any.json"
    path.write_text(json.dumps(value))
    try:
        config, problems = load(path, {"A": "1"}).config, ()
    except ConfigError as error:
        config, problems = None, error.problems

    assert (config is None) == bool(problems)


@pytest.mark.parametrize(
    "kind", ["python: tools.py", "openapi: pets.yaml", "sql: 'sqlite:///x'", "upstream: https://x.example/mcp"]
)
def test_our_servers_with_names_for_keys_are_told_that_they_are_a_list(path: Path, kind: str) -> None:
    assert "servers: must be a list, and is a mapping. Write '- name: …' for each server" in refused(
        path, f"servers:\n  desk:\n    {kind}\n"
    )
