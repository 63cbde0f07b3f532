"""What is said about the connect page before anything is served: its address, who can sign in, names in its way."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from narthex.control.load import load
from narthex.control.problem import ConfigError

FAR = {
    "name": "far",
    "upstream": "https://mcp.example.com/mcp",
    "credentials": {"type": "authorization_code"},
}
AT_ISSUER = {"type": "oauth2", "issuer": "https://auth.example.com"}
SIGN_IN = {"issuer": "https://auth.example.com", "client_id": "narthex"}


def said(folder: Path, **config: Any) -> str:
    """Problems and warnings, one a line."""
    path = folder / "narthex.json"
    path.write_bytes(msgspec.json.encode({"servers": [FAR], **config}))
    try:
        return "\n".join(str(one) for one in load(path, {}).warnings)
    except ConfigError as error:
        return "\n".join(str(one) for one in error.problems)


def test_one_person_on_one_machine_needs_nothing(tmp_path: Path) -> None:
    assert said(tmp_path) == ""


@pytest.mark.parametrize("name", ["callback", "signed-in", "Callback"])
def test_a_server_is_not_called_like_another_page(tmp_path: Path, name: str) -> None:
    found = said(tmp_path, servers=[{**FAR, "name": name}])

    assert "is the name of another page" in found
    assert "Choose another name" in found
    assert said(tmp_path, servers=[{"name": name, "upstream": FAR["upstream"]}]) == ""


def test_browsers_have_to_find_it(tmp_path: Path) -> None:
    elsewhere = {"listen": "http://10.0.0.20:8080", "authentication": {"type": "keys"}}

    assert "Add 'public_url: https://…'" in said(tmp_path, **elsewhere)
    assert "http is not taken" in said(tmp_path, public_url="http://tools.example.com", **elsewhere)
    assert "public_url" not in said(tmp_path, public_url="https://tools.example.com", **elsewhere)
    assert "public_url" not in said(tmp_path, public_url="http://localhost:8080")
    assert "the name they know" in said(tmp_path, allowed_hosts=["tools.example.com"])


def test_people_with_tokens_have_to_sign_in_somewhere(tmp_path: Path) -> None:
    without = said(tmp_path, authentication=AT_ISSUER)
    shared = {**FAR, "credentials": {"type": "authorization_code", "grant_of": "gateway"}}

    assert "cannot sign in to connect their accounts" in without
    assert "sign_in" in without
    assert said(tmp_path, authentication={**AT_ISSUER, "sign_in": SIGN_IN}) == ""
    assert said(tmp_path, authentication=AT_ISSUER, servers=[shared]) == ""
    assert said(tmp_path, authentication={"type": "keys"}) == ""


def test_people_sign_in_where_tokens_are_taken_from(tmp_path: Path) -> None:
    other = {**SIGN_IN, "issuer": "https://other.example.com"}
    keys = {"type": "keys", "sign_in": SIGN_IN}
    vague = {**SIGN_IN, "scopes": ["profile"]}

    assert "Name one of https://auth.example.com" in said(tmp_path, authentication={**AT_ISSUER, "sign_in": other})
    assert "no tokens of this issuer are taken" in said(tmp_path, authentication=keys)
    assert "Add openid" in said(tmp_path, authentication={**AT_ISSUER, "sign_in": vague})
