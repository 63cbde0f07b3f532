"""What is said of `audit` and `metering` before a gateway starts."""

from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError

SERVER = "servers: [{name: a, upstream: 'https://a.example/mcp'}]\n"


def loaded(folder: Path, text: str) -> Loaded:
    path = folder / "narthex.yaml"
    path.write_text(SERVER + text)
    return load(path, {"SECRET": "s3cret"})


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return [f"{problem.path}: {problem.what}" for problem in caught.value.problems]


def warnings(folder: Path, text: str) -> list[str]:
    return [f"{problem.path}: {problem.what}" for problem in loaded(folder, text).warnings]


def test_a_file_that_says_nothing_has_a_log(tmp_path: Path) -> None:
    audit = loaded(tmp_path, "").config.audit

    assert (audit.enabled, audit.durability, audit.when_broken, audit.arguments) == (
        True,
        "process",
        "refuse",
        "digest",
    )


def test_paths_begin_beside_the_file(tmp_path: Path) -> None:
    text = "audit: {folder: log, sinks: [{type: file, path: more/audit.jsonl}]}\n"
    audit = loaded(tmp_path, text).config.audit

    assert audit.folder == str(tmp_path / "log")
    assert audit.sinks[0].path == str(tmp_path / "more" / "audit.jsonl")


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("{type: file}", "a sink of type file needs 'path'"),
        ("{type: webhook, path: x}", "a sink of type webhook needs 'url'"),
        ("{type: stdout, url: 'http://x'}", "a sink of type stdout has no 'url'"),
        ("{type: syslog, address: 'log:514'}", "an address of syslog begins with udp://, tcp:// or unix:///"),
        ("{type: otlp, url: 'ftp://x'}", "a URL of a sink begins with http:// or https://"),
        ("{type: mail}", "'mail' is not one of file, otlp, stdout, syslog, webhook"),
        ("{type: stdout, colour: red}", "unknown key 'colour'"),
    ],
)
def test_a_sink_that_cannot_be_sent_to_is_a_mistake(tmp_path: Path, sink: str, said: str) -> None:
    assert any(said in found for found in problems(tmp_path, f"audit: {{sinks: [{sink}]}}\n"))


def test_two_sinks_of_a_type_need_names(tmp_path: Path) -> None:
    two = "{type: stdout}, {type: stdout}"

    assert problems(tmp_path, f"audit: {{sinks: [{two}]}}\n") == [
        "audit.sinks[0]: there are two sinks called 'stdout'",
        "audit.sinks[1]: there are two sinks called 'stdout'",
    ]
    assert loaded(tmp_path, "audit: {sinks: [{type: stdout}, {type: stdout, name: b}]}\n")


def test_choices_that_say_nothing_are_said(tmp_path: Path) -> None:
    assert warnings(tmp_path, "audit: {enabled: false, durability: power}\n") == [
        "audit: has no effect beside 'enabled: false'"
    ]
    assert warnings(tmp_path, "audit: {keep_bytes: 70000000}\n") == [
        "audit.keep_bytes: is less than two files of the log: no more than the one that is written would be kept"
    ]
    [said] = warnings(tmp_path, "audit: {arguments: redacted}\n")
    assert "writes digests alone" in said
    redacted = "audit: {arguments: redacted}\nredaction: {direction: arguments, detect: [pii]}\n"
    assert warnings(tmp_path, redacted) == []


def test_secrets_of_sinks_are_filled_in_and_not_shown(tmp_path: Path) -> None:
    text = "audit: {sinks: [{type: webhook, url: 'https://x.example', secret: '${SECRET}'}]}\n"
    config = loaded(tmp_path, text).config

    assert config.audit.sinks[0].secret == "s3cret"
    assert "s3cret" not in repr(config) + repr(config.audit)


@pytest.mark.parametrize("text", ["metering: {backend: statsd}\n", "metering: {metrics: [speed]}\n"])
def test_what_cannot_be_counted_is_a_mistake(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)
