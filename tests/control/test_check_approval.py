"""`approval` and `approvals`: what may stand there, and what `narthex check` says of it."""

from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError

SERVERS = "servers: [{name: crm, upstream: 'https://crm.example/mcp'}]\n"


def loaded(tmp_path: Path, text: str) -> Loaded:
    path = tmp_path / "narthex.yaml"
    path.write_text(SERVERS + text)
    return load(path, {})


@pytest.mark.parametrize(
    "wrong",
    [
        "approval: {}",
        "approval: {by: model}",
        "approval: {by: caller, expires_seconds: 0}",
        "approval: {by: caller, wait_seconds: 301}",
        "approval: {by: caller, approved: true}",
        "approvals: {webhook: {url: 'https://x.example'}}",
        "approvals: {webhook: {url: 'ftp://x.example', secret: 0123456789abcdef}}",
        "approvals: {webhook: {url: 'https://', secret: 0123456789abcdef}}",
    ],
)
def test_what_is_no_rule_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="approval"):
        loaded(tmp_path, wrong)


def test_what_has_no_effect_is_pointed_at(tmp_path: Path) -> None:
    [nobody] = loaded(tmp_path, "approval: {by: nobody, reason: why}").warnings
    [waits] = loaded(tmp_path, "approval: {by: operator, wait_seconds: 60, expires_seconds: 60}").warnings

    assert "nobody is asked here" in str(nobody)
    assert "expires before" in str(waits)
    assert not loaded(tmp_path, "approval: {by: operator}").warnings


def test_no_secret_is_shown(tmp_path: Path) -> None:
    text = (
        "admin: {token: 0123456789abcdef}\n"
        "approvals: {webhook: {url: 'https://x.example/?k=1', secret: fedcba9876543210}}"
    )
    config = loaded(tmp_path, text).config
    shown = repr(config) + repr(config.admin) + repr(config.approvals)

    assert "0123456789abcdef" not in shown
    assert "fedcba" not in shown
