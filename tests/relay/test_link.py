"""A link to the connect page is for one caller, one server and one hour."""

import time

from narthex.limits import connect_link_seconds
from narthex.model.connection import GATEWAY, Owner
from narthex.relay.link import link, meant
from narthex.wire.seal import CURSOR, Sealer

SEALER = Sealer((bytes(32),))
ANA = Owner("\x00https://auth.example.com\x00ana")


def made(owner: Owner = ANA) -> str:
    page, _, sealed = link("https://tools.example.com/connect", "far", owner, SEALER).partition("?for=")
    assert page == "https://tools.example.com/connect/far"
    return sealed


def test_it_fits_whom_it_was_made_for_and_nothing_else() -> None:
    found = meant(made(), SEALER, time.time())

    assert found is not None
    assert found.fits(ANA, "far")
    assert not found.fits(ANA, "near")
    assert not found.fits(Owner("\x00https://auth.example.com\x00bo"), "far")
    assert not found.fits(GATEWAY, "far")


def test_it_ends() -> None:
    sealed, now = made(), time.time()

    assert meant(sealed, SEALER, now + connect_link_seconds - 5) is not None
    assert meant(sealed, SEALER, now + connect_link_seconds + 5) is None


def test_nobody_makes_one_but_us() -> None:
    sealed = made()
    other = SEALER.seal(CURSOR, [b"x" * 16, "far"], time.time() + 60)

    for forged in ("", "n1.", sealed[:-2], sealed + "A", other, "x" * 10_000):
        assert meant(forged, SEALER, time.time()) is None
    assert meant(sealed, Sealer((b"1" * 32,)), time.time()) is None


def test_it_tells_nothing() -> None:
    assert "ana" not in made()
    assert made() != made()
