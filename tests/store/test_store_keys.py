"""The sealing keys: made once, the same for all who start together, replaced with overlap."""

import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from narthex.store.folder import StateFault
from narthex.store.keys import FILE, Ring, load_keys, rotate
from narthex.wire.seal import SESSION, Sealer, Unsealed


def test_the_first_start_makes_a_key_and_the_next_finds_it(tmp_path: Path) -> None:
    keys = load_keys(tmp_path)

    assert [len(key) for key in keys] == [32]
    assert load_keys(tmp_path) == keys
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


START = """
import sys
from pathlib import Path
from narthex.store.keys import load_keys, rotate
print("ready", flush=True)
sys.stdin.readline()
folder = Path(sys.argv[1])
if sys.argv[2] == "rotate":
    rotate(folder)
print([key.hex() for key in load_keys(folder)], flush=True)
"""


def together(folder: Path, what: str, gateways: int) -> list[str]:
    """What processes that start in the same moment print."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(folder), what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(gateways)
    ]
    try:
        for one in started:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in started:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        return [one.communicate(timeout=30)[0] for one in started]
    finally:
        for one in started:
            one.kill()
            one.wait(10)


def test_gateways_that_start_at_once_end_with_the_same_key(tmp_path: Path) -> None:
    printed = together(tmp_path, "load", 4)

    assert printed == [f"{[key.hex() for key in load_keys(tmp_path)]}\n"] * 4


def test_gateways_that_rotate_at_once_lose_no_key_between_them(tmp_path: Path) -> None:
    first = load_keys(tmp_path)
    printed = together(tmp_path, "rotate", 2)

    keys = load_keys(tmp_path)
    assert len(keys) == 2
    assert first[0] not in keys, "two rotations have taken place, one after the other"
    assert f"{[key.hex() for key in keys]}\n" in printed


def test_rotation_opens_what_the_last_key_sealed_and_no_more(tmp_path: Path) -> None:
    oldest = Sealer(load_keys(tmp_path)).seal(SESSION, "oldest", 10.0)
    older = Sealer(rotate(tmp_path)).seal(SESSION, "older", 10.0)
    sealer = Sealer(rotate(tmp_path))

    assert sealer.open(SESSION, older, 0.0) == "older"
    with pytest.raises(Unsealed):
        sealer.open(SESSION, oldest, 0.0)
    assert len(load_keys(tmp_path)) == 2


def test_a_rotation_before_the_first_start_makes_a_key(tmp_path: Path) -> None:
    keys = rotate(tmp_path)

    assert len(keys) == 1
    assert load_keys(tmp_path) == keys


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"format":1,"keys":["not base64!"]}', "damaged"),
        ('{"format":1,"keys":["AAAA"]}', "not of a form"),
        ('{"format":1,"keys":[]}', "not of a form"),
        ('{"format":2,"keys":["' + "A" * 43 + '="]}', "not of a form"),
    ],
)
def test_a_damaged_file_is_never_replaced_silently(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / FILE).write_text(text)

    for attempt in (load_keys, rotate):
        with pytest.raises(StateFault, match=f"{told}.*Remove the file"):
            attempt(tmp_path)
    assert (tmp_path / FILE).read_text() == text


def test_a_file_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()

    with pytest.raises(StateFault, match="cannot be read: Is a directory"):
        load_keys(tmp_path)
    with pytest.raises(StateFault, match="No such file"):
        load_keys(tmp_path / "nowhere")


def test_the_keys_are_not_printed() -> None:
    assert repr(Ring(1, ("secret", "secret"))) == "<Ring 2 keys>"
    assert "secret" not in str(msgspec.json.decode(b'{"format":1,"keys":["secret"]}', type=Ring))
