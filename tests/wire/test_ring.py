"""Rings of keys: what was sealed long ago opens, whatever has become of the code that sealed it."""

import pytest

from narthex.wire.ring import Ring
from narthex.wire.safe import GRANT, Damaged, Safe
from narthex.wire.seal import CURSOR, Sealer, Unsealed

# Sealed by an earlier version with this key. A change that leaves them shut takes every user's grants away.
KEY, NEWER = bytes(range(32)), bytes(range(32, 64))
TOKEN = "n1.dkyscka2wkXmekp4zmMrgVlCDp7c_v_IGHAu0gRkKIOJ8Mb6xsBuS3QuL8Mfs7gd"
ROW = bytes.fromhex("01eba870ada89cbb5fe6ce56caf7e1332e345af7dddcfa0d0d393ee7e1019a8fd4fd2c65709750233e9c45fbc08c")


@pytest.mark.parametrize("keys", [(KEY,), (NEWER, KEY)], ids=["the key", "a newer key"])
def test_what_an_earlier_version_sealed_opens(keys: tuple[bytes, ...]) -> None:
    assert Sealer(keys).open(CURSOR, TOKEN, 1_800_000_000.0) == [1, "two"]
    assert Safe(keys).open(GRANT, ["x", b"y"], ROW) == b"content grant"


def test_without_its_key_it_stays_shut() -> None:
    with pytest.raises(Unsealed):
        Sealer((NEWER,)).open(CURSOR, TOKEN, 1_800_000_000.0)
    with pytest.raises(Damaged):
        Safe((NEWER,)).open(GRANT, ["x", b"y"], ROW)


def test_no_two_labels_and_no_two_purposes_share_a_key() -> None:
    one, other = (Ring(label, (KEY,), (b"a", b"b")) for label in (b"one/", b"other/"))
    nonce = b"n" * 12
    sealed = [
        ring.keys[purpose][ring.first].encrypt(nonce, b"same", None) for ring in (one, other) for purpose in ring.keys
    ]

    assert one.first != other.first
    assert len(set(sealed)) == 4
