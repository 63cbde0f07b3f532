"""A registered client whose secret a command tells: one answer serves all of its users."""

from pathlib import Path

from connections_kit import desk, user
from credentials_kit import call

from process_kit import Far

ISSUER = "connections_issuer.py"


async def test_one_answer_serves_all_users_of_a_server(issuer: Far, far: Far, tmp_path: Path) -> None:
    helper, journal = tmp_path / "helper", tmp_path / "journal"
    helper.write_text(f"#!/bin/sh\necho run >> {journal}\necho s3cret-of-the-gateway\n")
    helper.chmod(0o700)
    known = {"client_id": "gateway", "client_secret_command": [str(helper)], "issuer": issuer.origin}
    async with desk(tmp_path, far, **known) as here:
        for name in ("ana", "bo"):
            await here.connect(name)
            assert await call(here.servers["guarded"], user(name))
        hidden = here.servers["guarded"].opener.hide("it said s3cret-of-the-gateway")

    assert journal.read_text() == "run\n"
    assert hidden == "it said ***"
