"""Era records: kept by what the server is, each on its own, and lost without harm."""

import threading
from pathlib import Path

import msgspec
import pytest

from narthex.limits import era_records_max
from narthex.model.config import ServerConfig
from narthex.store.definition import digest_of
from narthex.store.eras import FILE, Eras


class Record(msgspec.Struct, frozen=True):
    era: str
    at: float


CRM = ServerConfig(name="crm", upstream="https://crm.example.com/mcp")
ERP = ServerConfig(name="erp", upstream="https://erp.example.com/mcp")
MODERN, LEGACY = Record("modern", 5.0), Record("legacy", 6.0)


def test_a_record_is_found_again_under_the_name_of_its_server(tmp_path: Path) -> None:
    eras = Eras(tmp_path, Record)
    eras.remember(CRM, LEGACY)
    eras.remember(ERP, LEGACY)
    eras.remember(CRM, MODERN)

    assert Eras(tmp_path, Record).load([ERP, CRM]) == {"erp": LEGACY, "crm": MODERN}
    assert eras.load([]) == {}


def test_a_server_that_became_another_has_no_record(tmp_path: Path) -> None:
    eras = Eras(tmp_path, Record)
    eras.remember(CRM, MODERN)

    assert eras.load([msgspec.structs.replace(CRM, upstream="https://new.example.com/mcp")]) == {}


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b'{"format":2,"records":{}}', b'{"format":1,"records":[]}', b"[" * 100_000]
)
def test_a_damaged_file_is_no_record_and_is_mended_by_the_next(tmp_path: Path, text: bytes) -> None:
    (tmp_path / FILE).write_bytes(text)
    eras = Eras(tmp_path, Record)

    assert eras.load([CRM]) == {}
    eras.remember(CRM, MODERN)
    assert eras.load([CRM]) == {"crm": MODERN}


def test_a_record_of_another_form_is_passed_over_alone(tmp_path: Path) -> None:
    eras = Eras(tmp_path, Record)
    eras.remember(CRM, MODERN)
    kept = msgspec.json.decode((tmp_path / FILE).read_bytes())
    kept["records"][digest_of(ERP)] = {"other": 1}
    (tmp_path / FILE).write_bytes(msgspec.json.encode(kept))

    assert eras.load([CRM, ERP]) == {"crm": MODERN}


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    servers = [ServerConfig(name=f"s{n}", upstream="http://x") for n in range(12)]
    threads = [threading.Thread(target=Eras(tmp_path, Record).remember, args=(server, LEGACY)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert Eras(tmp_path, Record).load(servers).keys() == {server.name for server in servers}


def test_a_disk_that_fails_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be used"):
        Eras(tmp_path / "nowhere", Record).remember(CRM, MODERN)


def test_the_oldest_records_go_first(tmp_path: Path) -> None:
    records = {f"{n:064d}": {"era": "legacy", "at": 1.0} for n in range(era_records_max)}
    (tmp_path / FILE).write_bytes(msgspec.json.encode({"format": 1, "records": records}))
    Eras(tmp_path, Record).remember(CRM, MODERN)

    kept = msgspec.json.decode((tmp_path / FILE).read_bytes())["records"]

    assert len(kept) == era_records_max
    assert f"{0:064d}" not in kept
    assert list(kept)[-1] == digest_of(CRM)
