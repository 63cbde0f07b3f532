"""What a server asks for when it refuses a call, where the operator says what that means: the caller is told, the tool
is hidden from whoever lacks it, also after a restart, and until the operator takes it back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from credentials_kit import started
from test_credentials_gateway import Client, bearer

from process_kit import SECONDS_MAX, Far, Gateway, gateway, until

BACKS = ("modern", "legacy")
CLIENTS = {"poor": {"secret": "p"}, "rich": {"secret": "r"}, "gateway": {"secret": "g"}}
SCOPES = {"poor": "", "rich": "crm:admin"}


class Stage:
    """A gateway that can be started again with another configuration."""

    def __init__(self, issuer: Far, backs: dict[str, Far], home: Path) -> None:
        self.issuer, self.backs, self.home = issuer, backs, home
        self.clients: list[Client] = []

    def config(self, *, means: dict[str, Any], **more: Any) -> dict[str, Any]:
        """`means`: by server."""
        return {
            "authentication": {"type": "oauth2", "issuers": [{"issuer": self.issuer.origin, "audience": ["front"]}]},
            "servers": [
                {"name": name, "upstream": f"{back.origin}/mcp", "challenge_scopes": means.get(name, {}), **more}
                for name, back in self.backs.items()
            ],
        }

    def write(self, means: dict[str, Any]) -> None:
        path = self.home / "narthex.json"
        other = path.with_suffix(".new")
        other.write_text(json.dumps({"state": str(self.home / "state"), **self.config(means=means)}))
        other.replace(path)

    def client(self, running: Gateway, name: str) -> Client:
        form = {"grant_type": "client_credentials", "resource": "front", "client_id": name, "scope": SCOPES[name]}
        body = urlencode({**form, "client_secret": CLIENTS[name]["secret"]}).encode()
        with urlopen(Request(f"{self.issuer.origin}/token", body), timeout=SECONDS_MAX) as answer:
            token = json.load(answer)["access_token"]
        self.clients.append(Client(running, bearer(token)))
        return self.clients[-1]

    def kept(self, server: str) -> str:
        """What is on disk of a server's catalogue."""
        path = self.home / "state" / "catalogue" / f"{server}.json"
        return path.read_text() if path.exists() else ""

    def own_scopes(self) -> list[str]:
        """The scopes for which the gateway itself has asked the issuer."""
        return [one["form"].get("scope", "") for one in self.issuer.seen if one["authorization"].startswith("Basic ")]


@pytest.fixture(scope="module")
def far() -> Iterator[tuple[Far, dict[str, Far]]]:
    with (
        started("credentials_issuer.py") as issuer,
        started("credentials_server.py") as modern,
        started("credentials_server.py") as legacy,
    ):
        issuer.always = {"clients": CLIENTS}
        modern.always, legacy.always = {"open": True}, {"open": True, "legacy": True}
        yield issuer, {"modern": modern, "legacy": legacy}


@pytest.fixture
def stage(far: tuple[Far, dict[str, Far]], tmp_path: Path) -> Iterator[Stage]:
    issuer, backs = far
    for one in (issuer, *backs.values()):
        one.order({})
    found = Stage(issuer, backs, tmp_path)
    yield found
    for client in found.clients:
        client.close()


def tools(who: Client) -> set[str]:
    return {one["name"] for one in who.post("tools/list", {})[2]["result"]["tools"]}


def call(who: Client, tool: str) -> tuple[int, dict[str, str], Any]:
    return who.post("tools/call", {"name": tool, "arguments": {}})


def asked(running: Gateway, path: str, question: dict[str, Any] | None = None) -> dict[str, Any]:
    body = None if question is None else json.dumps(question).encode()
    request = Request(f"{running.admin}{path}", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=SECONDS_MAX) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def explained(running: Gateway, tool: str) -> dict[str, Any]:
    """Why somebody without any scope would be let in, or not."""
    return asked(running, "/api/explain", {"scopes": [], "tool": tool})


EVERYTHING = {f"{back}__{tool}" for back in BACKS for tool in ("whoami", "admin")}
MEANS = {back: {"admin": ["crm:admin"]} for back in BACKS}


@pytest.mark.parametrize("warm", [False, True])
def test_a_refusal_with_scopes_becomes_ours(stage: Stage, warm: bool) -> None:
    """`warm`: on a connection that is used already, so that the call goes the express way."""
    with gateway(stage.home, stage.config(means=MEANS)) as running:
        poor, rich = stage.client(running, "poor"), stage.client(running, "rich")
        until(lambda: tools(poor) == EVERYTHING)
        left = set(EVERYTHING)
        for back in BACKS:
            admin = f"{back}__admin"
            assert explained(running, admin)["allowed"]
            for _ in range(3 if warm else 0):
                call(poor, f"{back}__whoami")

            status, headers, answer = call(poor, admin)
            assert status == 403
            assert 'error="insufficient_scope"' in headers["www-authenticate"]
            assert 'scope="crm:admin"' in headers["www-authenticate"]
            assert answer["error"]["message"] == (
                f"Permission denied: '{admin}' requires the scope 'crm:admin'; this session has no scopes."
            )

            left.remove(admin)
            until(lambda: tools(poor) == left)
            assert tools(rich) == EVERYTHING
            before = len(stage.backs[back].seen)
            assert call(poor, admin)[0] == 403
            assert len(stage.backs[back].seen) == before
            assert call(poor, f"{back}__whoami")[0] == 200

            # Who has it is let through, and told that the server has something against it.
            status, _, answer = call(rich, admin)
            assert status == 200
            assert "refused" in json.dumps(answer)

            found = explained(running, admin)
            assert (found["allowed"], found["decided_by"], found["listed"]) == (False, "scopes", False)
            where = f"asked for by the server '{back}' (servers.{back}.challenge_scopes['admin'])"
            assert {"where": where, "scopes": ["crm:admin"]} in found["required_by"]
            assert explained(running, f"{back}__whoami")["allowed"]
        running.until("callers need crm:admin for it from now on")


def test_it_survives_a_restart_and_is_forgotten_when_it_is_taken_back(stage: Stage) -> None:
    admin = "modern__admin"
    with gateway(stage.home, stage.config(means=MEANS)) as running:
        poor = stage.client(running, "poor")
        until(lambda: tools(poor) == EVERYTHING)
        call(poor, admin)
        until(lambda: '"learnt":{"admin":["admin"]}' in stage.kept("modern"))

    with gateway(stage.home, stage.config(means=MEANS)) as running:
        poor = stage.client(running, "poor")
        until(lambda: tools(poor) == EVERYTHING - {admin})
        # Taken back while it runs, and given again: nothing of it is left.
        stage.write({})
        until(lambda: tools(poor) == EVERYTHING)
        until(lambda: '"learnt":{}' in stage.kept("modern"))
        serial = asked(running, "/api/snapshot")["serial"]
        stage.write(MEANS)
        until(lambda: asked(running, "/api/snapshot")["serial"] > serial)
        assert tools(poor) == EVERYTHING


def test_a_word_without_a_meaning_requires_nothing(stage: Stage) -> None:
    with gateway(stage.home, stage.config(means={"legacy": {"other": ["crm:admin"]}})) as running:
        poor = stage.client(running, "poor")
        until(lambda: tools(poor) == EVERYTHING)
        for back in BACKS:
            status, headers, answer = call(poor, f"{back}__admin")
            assert (status, "www-authenticate" in headers) == (200, False)
            assert "crm:admin" not in json.dumps(answer)
            assert explained(running, f"{back}__admin")["allowed"]
        assert tools(poor) == EVERYTHING


def test_no_better_token_is_got_for_a_caller_who_lacks_what_it_takes(stage: Stage) -> None:
    """The gateway's own token could be had with more scopes: not on behalf of just anybody."""
    shown = {
        "type": "client_credentials",
        "issuer": stage.issuer.origin,
        "client_id": "gateway",
        "client_secret": CLIENTS["gateway"]["secret"],
    }
    for back in stage.backs.values():
        back.order({"open": False})
    with gateway(stage.home, stage.config(means=MEANS, credentials=shown)) as running:
        poor, rich = stage.client(running, "poor"), stage.client(running, "rich")
        until(lambda: tools(poor) == EVERYTHING)
        for back in BACKS:
            for _ in range(2):
                assert call(poor, f"{back}__admin")[0] == 403
        assert set(stage.own_scopes()) == {""}

        for back in BACKS:
            assert call(rich, f"{back}__admin")[2]["result"]["content"][0]["text"].startswith("admin")
            assert call(poor, f"{back}__admin")[0] == 403
        assert set(stage.own_scopes()) == {"", "admin"}
