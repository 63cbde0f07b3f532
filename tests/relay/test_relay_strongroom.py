"""What tokens stand for: kept sealed, for whom and where they were given out, as long as they are good."""

from pathlib import Path
from typing import Any

import pytest

from narthex.limits import redaction_tokens_per_holder_max
from narthex.model.call import Call
from narthex.model.deadline import Deadline
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.rules.redaction import Redaction
from narthex.model.rules.rules import Rules
from narthex.model.settled import Settled
from narthex.policy import reveal
from narthex.policy.redaction.writing import Minted, token_text
from narthex.relay.strongroom import Strongroom
from narthex.store.values import Kept, Values
from narthex.upstream.link.ask import NOBODY
from narthex.wire.seal import Sealer

KEY = b"k" * 32
MAIL = "anna@example.com"
OPENING = Settled(Rules(redaction=Redaction(opens=("email",))))


class House:
    """Vaults over one folder, and what they told the operator."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o700)
        self.told: list[str] = []
        self.vaults: list[Strongroom] = []

    def vault(self, key: bytes = KEY) -> Strongroom:
        self.vaults.append(Strongroom(self.folder, Sealer((key,)), lambda _, sentence: self.told.append(sentence)))
        return self.vaults[-1]

    async def aclose(self) -> None:
        for vault in self.vaults:
            await vault.aclose()


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    found = House(tmp_path)
    yield found
    await found.aclose()


def endpoint(name: str) -> Endpoint:
    empty: dict[str, Any] = {}
    return Endpoint(name, (), False, empty, empty, empty, empty, empty, empty, empty, empty, empty, b"{}", None)


def call(who: str, *, at: str = "", arguments: Any = None, tenant: str = "") -> Call:
    params = {"name": "send", "arguments": arguments or {}}
    made = Call(
        1, "tools/call", params, endpoint(at), Principal(who, tenant=tenant), "2026-07-28", {}, NOBODY, Deadline(0.0)
    )
    made.private, made.settled, made.exposed = params, OPENING, "send"
    return made


async def given(
    vault: Strongroom, who: str, value: str = MAIL, *, at: str = "", seconds: int = 60, tenant: str = ""
) -> str:
    made = call(who, at=at, tenant=tenant)
    name = vault.pseudonyms.token(made.principal.key, at, "email", value)
    made.minted = {name: Minted("email", name, value, seconds)}
    await vault.keep(made)
    return token_text("email", name)


async def opened(vault: Strongroom, who: str, token: str, *, at: str = "", tenant: str = "") -> Any:
    made = call(who, at=at, arguments={"to": token}, tenant=tenant)
    await vault.fetch(made)
    denial = reveal.request(made)
    return made.private["arguments"]["to"] if denial is None else denial.reason


async def test_a_token_is_opened_for_whom_and_where_it_was_given_out_alone(house: House) -> None:
    vault = house.vault()
    token = await given(vault, "ana", tenant="acme")

    assert await opened(vault, "ana", token, tenant="acme") == MAIL
    assert await opened(vault, "bob", token, tenant="acme") == "unknown_token"
    assert await opened(vault, "ana", token) == "unknown_token"
    assert await opened(vault, "ana", token, at="other", tenant="acme") == "unknown_token"


async def test_no_two_callers_and_no_two_endpoints_share_a_token(house: House) -> None:
    vault = house.vault()

    assert len({await given(vault, who, at=at) for who in ("ana", "bob") for at in ("", "other")}) == 4


async def test_another_process_knows_it_at_once_and_one_with_another_key_never(house: House) -> None:
    first, second, stranger = house.vault(), house.vault(), house.vault(b"x" * 32)
    token = await given(first, "ana")

    assert await opened(second, "ana", token) == MAIL
    assert await given(second, "ana") == token
    assert await opened(stranger, "ana", token) == "unknown_token"


async def test_what_is_on_disk_is_sealed_to_the_caller(house: House) -> None:
    vault, other = house.vault(), house.vault()
    token = await given(vault, "ana")
    await given(vault, "bob", "bob@example.com")
    raw = b"".join(path.read_bytes() for path in house.folder.iterdir() if path.is_file())
    values = Values(house.folder)
    with values._database.writing() as write:  # somebody who may write to the disk gives ana's value to bob
        write.execute(
            "UPDATE tokens SET sealed = (SELECT sealed FROM tokens t WHERE t.holder <> tokens.holder LIMIT 1)"
        )
    values.close()

    assert MAIL.encode() not in raw
    assert b"ana" not in raw
    assert await opened(other, "ana", token) == "unknown_token"


async def test_it_is_over_in_time(house: House) -> None:
    vault, other = house.vault(), house.vault()
    token = await given(vault, "ana", seconds=0)

    assert await opened(vault, "ana", token) == "unknown_token"
    assert await opened(other, "ana", token) == "unknown_token"


async def test_a_disk_that_fails_is_told_and_tokens_live_on_in_memory(house: House) -> None:
    vault = house.vault()
    (house.folder / "tokens.db").mkdir()
    token = await given(vault, "ana")

    assert await opened(vault, "ana", token) == MAIL
    assert "are lost when this process ends" in house.told[0]


async def test_tokens_of_one_caller_are_bounded_and_the_oldest_make_room(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    values = Values(tmp_path)
    most = redaction_tokens_per_holder_max
    kept = [Kept(b"%08d" % place, b"ana", "sealed", 1_000.0 + place) for place in range(most + 5)]
    values.keep([*kept, Kept(b"other", b"bob", "sealed", 1.5)], now=1.0)
    found = values.find([one.digest for one in kept] + [b"other"], now=1.0)
    values.close()

    assert len(found) == most + 1
    assert kept[4].digest not in found
    assert kept[5].digest in found
