"""A whole gateway and its users' grants: given in one process, shown by another, after a restart, listed, taken back.

Knows: what everybody saw and was told. Refuses to look inside of the gateway.
"""

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
from connections_kit import BACK, BROWSER, Desk, now, visit
from credentials_kit import House
from test_credentials_gateway import Client

from narthex.model.config import ServerConfig
from narthex.model.connection import owner_of
from narthex.model.identity import LOCAL
from process_kit import SECONDS_MAX, Far, Gateway, gateway, narthex, until

ISSUER = "connections_issuer.py"


def configuration(far: Far) -> dict[str, Any]:
    shown = {"type": "authorization_code"}
    return {"servers": [{"name": "guarded", "upstream": f"{far.origin}/mcp", "credentials": shown}]}


async def connect(home: Path, far: Far) -> None:
    """What the connect page does, in a process beside the gateway."""
    config = msgspec.convert(configuration(far)["servers"][0], ServerConfig)
    here = Desk(home / "state", [config], House(), None)
    owner = owner_of(LOCAL)
    url = await here.connections.begin(owner, "guarded", BACK, BROWSER, now())
    assert await here.finish(BROWSER, await visit(url), now(), owner) == (owner, "guarded")
    await here.aclose()


def tools_of(who: Client) -> list[str]:
    return [one["name"] for one in who.post("tools/list", {})[2]["result"]["tools"]]


def admin(running: Gateway, path: str) -> Any:
    with urlopen(f"{running.admin}{path}", timeout=SECONDS_MAX) as answer:
        return json.load(answer)


async def test_a_grant_goes_from_process_to_process_and_is_taken_back_by_the_operator(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    with gateway(tmp_path, configuration(far)) as running:
        who = Client(running, {})
        assert tools_of(who) == []
        (server,) = admin(running, "/api/servers")["servers"]
        assert (server["state"], admin(running, "/api/grants")) == ("idle", {"grants": []})
        assert "nobody is connected" in server["last_error"]
        await connect(tmp_path, far)
        until(lambda: tools_of(who))
        assert who.call("whoami") == "ana"
        assert who.call("whoami") == "ana"
        who.close()
        lines = list(running.lines)
    with gateway(tmp_path, configuration(far)) as running:
        who = Client(running, {})
        assert who.call("whoami") == "ana"
        (shown,) = admin(running, "/api/grants")["grants"]
        (listed,) = json.loads(narthex(tmp_path, "grants", "list", "narthex.json", "--json").stdout)
        told = narthex(tmp_path, "grants", "list", "narthex.json").stdout
        none = narthex(tmp_path, "grants", "revoke", "narthex.json", "--user", "somebody")
        unsaid = narthex(tmp_path, "grants", "revoke", "narthex.json")
        done = narthex(tmp_path, "grants", "revoke", "narthex.json", "--user", "local", "--server", "guarded")
        until(lambda: "isError" in json.dumps(who.post("tools/call", {"name": "whoami", "arguments": {}})[2]))
        assert narthex(tmp_path, "grants", "list", "narthex.json", "--json").stdout.strip() == "[]"
        who.close()
        lines += running.lines
    secrets = [one["token"] for one in far.seen if one.get("token")] + issuer.see()["revoked"]

    assert shown == listed
    assert (shown["user"], shown["known_by"], shown["server"], shown["state"]) == (
        "local",
        "loopback",
        "guarded",
        "given",
    )
    assert "guarded" in told
    assert (none.returncode, unsaid.returncode) == (1, 2)
    assert (done.returncode, "is revoked" in done.stdout) == (0, True)
    assert len(issuer.see()["revoked"]) == 2
    assert not any("is down" in line for line in lines)
    assert len(secrets) > 2
    assert not any(secret in line for line in lines for secret in secrets)


async def test_grants_at_servers_that_are_gone_are_taken_back_together(issuer: Far, far: Far, tmp_path: Path) -> None:
    (tmp_path / "narthex.json").write_text(json.dumps({**configuration(far), "state": "state"}))
    (tmp_path / "state").mkdir(mode=0o700)
    await connect(tmp_path, far)
    kept = narthex(tmp_path, "grants", "revoke", "narthex.json", "--gone")
    both = narthex(tmp_path, "grants", "revoke", "narthex.json", "--gone", "--user", "local")
    another = {"name": "another", "upstream": f"{far.origin}/mcp"}
    (tmp_path / "narthex.json").write_text(json.dumps({"servers": [another], "state": "state"}))
    done = narthex(tmp_path, "grants", "revoke", "narthex.json", "--gone")

    assert (kept.returncode, both.returncode) == (1, 2)
    assert (done.returncode, "at 'guarded' is revoked" in done.stdout) == (0, True)
    assert len(issuer.see()["revoked"]) == 2
