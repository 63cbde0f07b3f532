"""What this version may not do without knowing who calls: listen to others, or keep promises it cannot keep."""

import subprocess
import sys
from pathlib import Path

import pytest
from operation_kit import Gateway, get, serving, stdio

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def refusal(
    folder: Path, text: str, *options: str, verb: tuple[str, ...] = ("serve", "narthex.yaml")
) -> tuple[int, str]:
    """The exit code and stderr of a gateway that does not start."""
    (folder / "narthex.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "narthex", *verb, *options],
        cwd=folder,
        env={**ENVIRONMENT, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "address", ["http://0.0.0.0:8080", "http://[::]:8080", "http://192.0.2.1:80", "http://host.example:1"]
)
def test_other_than_the_loopback_is_refused_with_reason_and_remedy(tmp_path: Path, address: str) -> None:
    for text, options in ((f"listen: '{address}'\nservers: []", ()), ("servers: []", ("--listen", address))):
        code, said = refusal(tmp_path, text, *options)

        assert code == 2
        assert "without authentication the gateway listens on the loopback only" in said
        assert "http://127.0.0.1:8080" in said


def test_the_administration_address_is_for_the_loopback_only(tmp_path: Path) -> None:
    for text, options in (
        ("admin: {listen: 'http://0.0.0.0:1'}\nservers: []", ()),
        ("servers: []", ("--admin", "http://0.0.0.0:1")),
    ):
        code, said = refusal(tmp_path, text, *options)

        assert code == 2
        assert "loopback only" in said


def test_the_demo_is_held_to_the_same(tmp_path: Path) -> None:
    for option in ("--listen", "--admin"):
        code, said = refusal(tmp_path, "", option, "http://0.0.0.0:8080", verb=("demo", "--open"))

        assert code == 2
        assert "loopback only" in said
        assert option in said


def test_each_promise_that_cannot_be_kept_is_named(tmp_path: Path) -> None:
    text = """
metering: {backend: prometheus}
servers:
  - {name: a, upstream: "https://a.example.com", rate_limit: {requests_per_minute: 60}}
  - {name: b, upstream: "https://b.example.com", required_scopes: ["x"]}
"""
    code, said = refusal(tmp_path, text)

    assert code == 2
    assert any("narthex.yaml:5:" in row and "required_scopes" in row for row in said.splitlines()), said
    assert "rate_limit" not in said
    assert "metering" not in said


def test_a_certificate_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_text("no PEM")
    tls = "tls: {certificate: tls.crt, key: tls.key}"
    text = f"listen: https://127.0.0.1:0\nadmin: {{listen: 'http://127.0.0.1:0'}}\n{tls}\nservers: []"
    code, said = refusal(tmp_path, text)

    assert code == 2
    assert "the certificate and the key cannot be used" in said


def test_a_state_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = refusal(tmp_path, "state: file/below\nservers: []")

    assert code == 2
    assert "state folder" in said
    assert "Set `state:`" in said


def test_a_port_that_is_taken_is_said_and_nothing_stays_behind(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        (tmp_path / "second").mkdir()
        home, admin = gateway.url.removesuffix("/mcp"), gateway.admin
        for options in (("--listen", home), ("--admin", admin)):
            text = "listen: http://127.0.0.1:0\nadmin: {listen: 'http://127.0.0.1:0'}\nservers: []"
            code, said = refusal(tmp_path / "second", text, *options)

            assert code == 1
            assert "cannot be used" in said
            assert "Another gateway may be running" in said


def test_the_admin_address_answers_its_own_name_only(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        assert get(gateway.admin + "/metrics")[0] == 200
        assert get(gateway.url.removesuffix("/mcp") + "/metrics")[0] == 404
        assert get(gateway.url.removesuffix("/mcp") + "/api/servers")[0] == 404


def test_a_file_may_hold_no_servers_at_all(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        assert isinstance(gateway, Gateway)
        assert gateway.tools() == []
