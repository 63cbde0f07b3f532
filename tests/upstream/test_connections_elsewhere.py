"""Issuers beside the one at hand: another one that a server names, and that of a server nobody configures any more."""

from pathlib import Path
from typing import Any

import pytest
from connections_kit import BACK, BROWSER, desk, now, owner, user
from credentials_kit import House, call

from narthex.limits import issuers_tried_max
from narthex.upstream.credentials.face import CredentialFault
from process_kit import Far

NOBODY = "http://127.0.0.1:9"
ISSUER = "connections_issuer.py"


async def test_an_issuer_that_cannot_be_used_makes_room_for_the_next(issuer: Far, far: Far, tmp_path: Path) -> None:
    far.order({"issuers": [NOBODY, f"{far.origin}/without-metadata", issuer.origin]})
    async with desk(tmp_path, far) as here:
        await here.connect("ana")
        assert await call(here.servers["guarded"], user("ana")) == "ana"
        found = await here.connections.of(owner("ana"))

    assert found["guarded"].issuer == issuer.origin


async def test_not_every_issuer_of_a_long_list_is_tried(issuer: Far, far: Far, tmp_path: Path) -> None:
    far.order({"issuers": [*(f"{NOBODY}/{number}" for number in range(issuers_tried_max)), issuer.origin]})
    async with desk(tmp_path, far) as here:
        with pytest.raises(CredentialFault) as fault:
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())

    assert "127.0.0.1:9" in fault.value.note
    assert issuer.see()["asked"] == []


async def test_the_issuer_of_the_configuration_has_no_substitute(issuer: Far, far: Far, tmp_path: Path) -> None:
    far.order({"issuers": [NOBODY, issuer.origin]})
    async with desk(tmp_path, far, issuer=NOBODY) as here:
        with pytest.raises(CredentialFault):
            await here.connections.begin(owner("ana"), "guarded", BACK, BROWSER, now())

    assert issuer.see()["asked"] == []


@pytest.mark.parametrize(
    "methods", [["client_secret_basic"], ["client_secret_post"], ["none"]], ids=lambda one: str(one[0])
)
async def test_a_grant_at_a_server_that_is_gone_is_taken_back(
    issuer: Far, far: Far, tmp_path: Path, methods: list[str]
) -> None:
    issuer.order({"metadata": {"token_endpoint_auth_methods_supported": methods}})
    house = House()
    async with desk(tmp_path, far, house) as here:
        await here.connect("ana")
        here.configs.clear()
        assert await here.connections.disconnect(owner("ana"), "guarded") is True
        assert await here.connections.listed() == []

    assert [token.startswith("refresh-") for token in issuer.see()["revoked"]] == [True, False]
    assert not any("forgotten here" in said for said in house.said)


async def test_a_grant_to_a_client_whose_secret_is_gone_is_forgotten_and_that_is_said(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    house = House()
    known: dict[str, Any] = {"issuer": issuer.origin, "client_id": "narthex", "client_secret": "of-the-operator"}
    issuer.order({"clients": {"narthex": {"secret": "of-the-operator"}}})
    async with desk(tmp_path, far, house, **known) as here:
        await here.connect("ana")
        here.configs.clear()
        assert await here.connections.disconnect(owner("ana"), "guarded") is True
        assert await here.connections.listed() == []

    assert issuer.see()["revoked"] == []
    assert any("its issuer was not told" in said for said in house.said)
