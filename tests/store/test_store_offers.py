"""Catalogues on disk: what a server offered last, and never what another one did."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from narthex.limits import catalogue_file_bytes_max
from narthex.model.config import Config, ServerConfig
from narthex.model.offer import Offer
from narthex.store.definition import digest_of
from narthex.store.offers import FOLDER, load_all, save

CRM = ServerConfig(name="crm", upstream="https://crm.example.com/mcp", headers={"Authorization": "secret"})
LOCAL = ServerConfig(name="local", command=("uvx", "some-server"), env={"TOKEN": "secret"})
OFFER = Offer(
    server="crm",
    era="legacy",
    revision="2025-06-18",
    transport="http",
    capabilities={"tools": {}},
    tools=(msgspec.Raw(b'{"name":"find","inputSchema":{ },"big":100000000000000000000,"odd":"\\u2028","f":1.50}'),),
    taken_at=5.5,
    ttl_ms=7,
)


def test_what_was_saved_comes_back_marked_degraded(tmp_path: Path) -> None:
    save(tmp_path, CRM, OFFER)
    save(tmp_path, LOCAL, msgspec.structs.replace(OFFER, server="local"))

    loaded = load_all(tmp_path, Config(servers=(CRM, LOCAL)))

    assert loaded.ignored == ()
    assert loaded.offers == {
        "crm": msgspec.structs.replace(OFFER, degraded=True),
        "local": msgspec.structs.replace(OFFER, server="local", degraded=True),
    }


def test_the_last_one_counts(tmp_path: Path) -> None:
    save(tmp_path, CRM, OFFER)
    save(tmp_path, CRM, msgspec.structs.replace(OFFER, tools=()))

    assert load_all(tmp_path, Config(servers=(CRM,))).offers["crm"].tools == ()
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def test_nothing_saved_is_nothing_loaded(tmp_path: Path) -> None:
    assert load_all(tmp_path, Config(servers=(CRM,))) == ({}, ())
    assert load_all(tmp_path / "nowhere", Config(servers=(CRM,))) == ({}, ())


def test_a_disabled_or_forgotten_server_is_not_loaded(tmp_path: Path) -> None:
    save(tmp_path, CRM, OFFER)

    assert load_all(tmp_path, Config()) == ({}, ())
    assert load_all(tmp_path, Config(servers=(msgspec.structs.replace(CRM, enabled=False),))) == ({}, ())


CHANGES: list[tuple[ServerConfig, dict[str, Any], bool]] = [
    (CRM, {"upstream": "https://other.example.com/mcp"}, False),
    (CRM, {"headers": {"X-Tenant": "1"}}, False),
    (CRM, {"headers": {"authorization": "another secret"}}, True),
    (CRM, {"tools": ("find",), "timeout_seconds": 5.0, "description": "x"}, True),
    (LOCAL, {"command": ("uvx", "other-server")}, False),
    (LOCAL, {"cwd": "/elsewhere"}, False),
    (LOCAL, {"env": {"TOKEN": "secret", "MODE": "x"}}, False),
    (LOCAL, {"inherit_env": ("HOME",)}, False),
    (LOCAL, {"env": {"TOKEN": "rotated"}}, True),
]


@pytest.mark.parametrize(("server", "change", "same"), CHANGES)
def test_a_server_that_became_another_shows_nothing_of_the_old(
    tmp_path: Path, server: ServerConfig, change: dict[str, Any], *, same: bool
) -> None:
    save(tmp_path, server, msgspec.structs.replace(OFFER, server=server.name))

    loaded = load_all(tmp_path, Config(servers=(msgspec.structs.replace(server, **change),)))

    assert (server.name in loaded.offers) is same
    assert bool(loaded.ignored) is not same
    assert all("has changed since" in reason for reason in loaded.ignored)


FOREIGN = (
    b'{"format":1,"server":"crm","definition":"DIGEST","offer":'
    b'{"server":"erp","era":"modern","revision":"x","transport":"http"}}'
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FOREIGN, "belongs to another server"),
        (b"", "damaged"),
        (b"{}", "damaged"),
        (b'{"format":1,"server":"crm"', "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b'{"format":9,"server":"crm","definition":"x","offer":{}}', "has format 9, and this version reads 1"),
        (b'{"format":1,"server":"erp","definition":"x","offer":{}}', "belongs to another server"),
        (b'{"format":1,"server":"crm","definition":"DIGEST","offer":{}}', "damaged"),
        (b'{"format":1,"server":"crm","definition":"DIGEST","offer":{"server":"crm","era":"golden"}}', "damaged"),
    ],
)
def test_a_file_that_is_not_ours_is_passed_over_with_the_reason(tmp_path: Path, text: bytes, told: str) -> None:
    save(tmp_path, CRM, OFFER)
    save(tmp_path, LOCAL, msgspec.structs.replace(OFFER, server="local"))
    (tmp_path / FOLDER / "crm.json").write_bytes(text.replace(b"DIGEST", digest_of(CRM).encode()))

    loaded = load_all(tmp_path, Config(servers=(CRM, LOCAL)))

    assert list(loaded.offers) == ["local"]
    assert len(loaded.ignored) == 1
    assert loaded.ignored[0].startswith("server 'crm': its catalogue in ")
    assert told in loaded.ignored[0]


def test_a_file_too_large_is_not_even_read(tmp_path: Path) -> None:
    save(tmp_path, CRM, OFFER)
    with (tmp_path / FOLDER / "crm.json").open("r+b") as file:
        file.truncate(catalogue_file_bytes_max + 1)

    assert "bytes, and" in load_all(tmp_path, Config(servers=(CRM,))).ignored[0]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / FOLDER / "crm.json").mkdir(parents=True)

    assert "cannot be read (Is a directory)" in load_all(tmp_path, Config(servers=(CRM,))).ignored[0]


def test_names_that_differ_in_case_have_files_that_differ_without_it(tmp_path: Path) -> None:
    upper = msgspec.structs.replace(CRM, name="CRM")
    save(tmp_path, CRM, OFFER)
    save(tmp_path, upper, msgspec.structs.replace(OFFER, server="CRM", tools=()))

    files = [path.name for path in (tmp_path / FOLDER).iterdir()]
    assert len({name.lower() for name in files}) == 2
    assert load_all(tmp_path, Config(servers=(CRM, upper))).offers.keys() == {"crm", "CRM"}


def test_no_secret_is_written(tmp_path: Path) -> None:
    save(tmp_path, CRM, OFFER)
    save(tmp_path, LOCAL, msgspec.structs.replace(OFFER, server="local"))

    for path in (tmp_path / FOLDER).iterdir():
        assert b"secret" not in path.read_bytes()
        assert b"https://" not in path.read_bytes()
