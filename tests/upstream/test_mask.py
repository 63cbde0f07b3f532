"""Planted secrets: what a server was configured with is not shown in what it says."""

import base64
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from stdio_children import Ear, python, spawner

from narthex import limits
from narthex.model.config import ServerConfig
from narthex.model.outcome import UpstreamFault
from narthex.upstream.health import Health
from narthex.upstream.mask import Discreet, Mask, mask_of
from narthex.upstream.stdio.stderr import StderrLog

PLANTED = "s3cr3t-Plänted/+value=="
KEY = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2EAAAADAQABAAABgQ\nC7vbqajDhA1234567890abcdefghij\n-----END KEY-----"


@pytest.mark.parametrize(
    ("config", "hidden"),
    [
        ({"env": {"CRM_TOKEN": PLANTED}}, [PLANTED, quote(PLANTED, safe=""), json.dumps(PLANTED)[1:-1]]),
        ({"env": {"PRIVATE_KEY": KEY}}, KEY.splitlines()[1:3]),
        ({"env": {"WHATEVER": "ghp16C7e42F292c6912E7710c838347Ae"}}, ["ghp16C7e42F292c6912E7710c838347Ae"]),
        ({"env": {"DATABASE_URL": "postgres://crm:hunter22@db/crm"}}, ["hunter22"]),
        ({"command": ("x", "--api-key", "abcdef", "--token=ghijkl")}, ["abcdef", "ghijkl"]),
        ({"command": ("x", "https://crm.example.com/?api_key=mnopqr")}, ["mnopqr"]),
        ({"headers": {"Authorization": f"Bearer {PLANTED}"}}, [f"Bearer {PLANTED}", PLANTED]),
        ({"headers": {"X-Api-Key": PLANTED}}, [PLANTED]),
        ({"upstream": "https://ada:lovelace1@crm.example.com/mcp?token=xyzzy1"}, ["lovelace1", "xyzzy1"]),
    ],
)
def test_what_looks_like_a_secret_by_its_name_or_by_itself_is_masked(
    config: dict[str, object], hidden: list[str]
) -> None:
    mask = mask_of(ServerConfig(name="crm", **config))  # type: ignore[arg-type]

    for secret in hidden:
        assert mask(f"before {secret} after,{secret}") == "before *** after,***"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "warning"),
        ("NODE_ENV", "production"),
        ("PORT", "80808080"),
        ("FOLDER", "/home/ada/files2"),
        ("REGION", "west"),
        ("TOKEN", "abc"),
        ("PUBLIC_URL", "https://crm.example.com/2"),
        ("EMPTY_TOKEN", ""),
    ],
)
def test_what_is_no_secret_stays_readable(name: str, value: str) -> None:
    said = f"{name} is {value}, it said"

    assert mask_of(ServerConfig(name="crm", command=("x",), env={name: value}))(said) == said


@pytest.mark.parametrize("before", range(limits.stderr_line_bytes_max - 40, limits.stderr_line_bytes_max + 5))
@pytest.mark.parametrize("step", [7, 5_000])
def test_a_secret_on_the_edge_of_a_long_line_is_not_shown_in_part(before: int, step: int) -> None:
    shown: list[str] = []
    stderr = StderrLog(shown.append, Mask([PLANTED]))
    text = ("x" * before + PLANTED + "y" * 5_000 + "\n").encode()
    for start in range(0, len(text), step):
        stderr.feed(text[start : start + step], 0.0)
    stderr.close()

    assert len(shown) == 1
    assert "s3c" not in shown[0]
    assert "lue==" not in shown[0]
    assert len(shown[0].encode()) <= limits.stderr_line_bytes_max + 10
    assert not any("s3c" in line for line in stderr.tail())


def test_controls_are_not_obeyed_and_do_not_hide_a_secret() -> None:
    shown: list[str] = []
    stderr = StderrLog(shown.append, Mask([PLANTED]))
    stderr.feed(f"\x1b[31mred\x07 {PLANTED}\x1b[0m\u009b\r\n".encode(), 0.0)

    assert shown == ["�[31mred� ***�[0m�"]


async def test_a_process_does_not_show_what_it_was_given() -> None:
    script = """
secret = os.environ["CRM_TOKEN"]
sys.stderr.write(f"connecting with {secret}\\n{sys.argv[1:]}\\n" + os.environ["HIDDEN_PASSWORD"] + "\\n")
sys.stderr.flush()
out(b"token is " + secret.encode() + b"\\n")
hello()
"""
    command = python(script, env={"CRM_TOKEN": PLANTED}, inherit=("HIDDEN_*",))
    command = replace(command, argv=(*command.argv, "--password", "0p3nSesame"))
    ear = Ear()
    async with spawner({"HIDDEN_PASSWORD": "inherited-one"}) as nursery:
        await nursery.spawn(command, ear.on_line, ear.on_exit, ear.on_stderr)
        report = await ear.exit()

    assert ear.shown[:3] == ["connecting with ***", "['--password', '***']", "***"]
    assert any(line.startswith("stdout (not a message): token is ***") for line in ear.shown)
    for text in (*ear.shown, *report.stderr_tail):
        for secret in (PLANTED, "0p3nSesame", "inherited-one", base64.b64encode(PLANTED.encode()).decode()):
            assert secret not in text


class Said:
    def __init__(self) -> None:
        self.said: list[str] = []

    def updated(self, server: str, uri: str, whose: str | None = None) -> None:
        self.said.append(f"{server} {uri}" if whose is None else f"{server} {uri} of {whose}")

    def say(self, server: str, level: str, sentence: str) -> None:
        self.said.append(f"{server} {level} {sentence}")


def test_no_line_about_a_server_and_no_problem_of_it_shows_its_secrets() -> None:
    mask, heard = Mask([PLANTED]), Said()
    discreet, health = Discreet(heard, mask), Health(mask)
    discreet.say("crm", "debug", f"crm: using {PLANTED}")
    discreet.updated("crm", "x:y")
    discreet.updated("crm", "x:y", "ana")
    health.down(UpstreamFault("crm", "upstream_status", f"it refused {PLANTED}", note=f"it said {PLANTED}"), 1.0)

    assert heard.said == ["crm debug crm: using ***", "crm x:y", "crm x:y of ana"]
    assert health.problem == "it said ***"
    assert PLANTED not in str(health.refusal("crm", 1.0))
