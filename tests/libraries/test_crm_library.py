"""The contacts that ship: found in any spelling, never all at once, and without a way to reach anybody."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from narthex.libraries.crm import library
from narthex.libraries.crm.contacts import PRIVATE, create, key
from narthex.libraries.crm.people import PEOPLE, companies, people
from narthex.testing import CallFailed, Client, call, connect

PERSON = next(iter(people()))


async def found(client: Client, **arguments: Any) -> dict[str, Any]:
    result = await client.call("crm_search_contacts", **arguments)
    assert not result.is_error, result.text
    return dict(result.data)


async def test_a_contact_is_found_by_name_company_and_whole_address() -> None:
    async with connect(library) as client:
        by_name = await found(client, query=PERSON.name, limit=20)
        by_company = await found(client, query=PERSON.company, field="company", limit=20)
        by_email = await found(client, query=PERSON.email.upper(), field="email")

    assert PERSON.name in [one["name"] for one in by_name["contacts"]]
    assert {one["company"] for one in by_company["contacts"]} == {PERSON.company}
    assert [one["id"] for one in by_email["contacts"]] == [PERSON.id]


@pytest.mark.parametrize(
    ("said", "meant"), [("wójcik", "wojcik"), ("ZAK", "żak"), ("soren", "Søren"), ("  ana   gull ", "Ana Gull")]
)
async def test_spelling_does_not_matter(said: str, meant: str) -> None:
    async with connect(library) as client:
        one, other = await found(client, query=said), await found(client, query=meant)

    assert one == other
    assert one["found"] > 0


async def test_nothing_that_leads_to_a_person_is_read_unless_the_operator_says_so() -> None:
    async with connect(library) as client:
        kept_back = await client.call("crm_search_contacts", query=PERSON.name, limit=20)
        resource = await client.read(f"crm://contacts/{PERSON.id}")
        prompt = str(await client.prompt("prepare_visit", company=PERSON.company))
    async with connect(library, settings={"show": ["email"]}) as client:
        shown = await client.read(f"crm://contacts/{PERSON.id}")

    for said in (kept_back.text, str(resource), prompt):
        assert [value for value in (PERSON.email, PERSON.phone, PERSON.address, *PRIVATE) if value in said] == []
    assert PERSON.email in str(shown)
    assert PERSON.phone not in str(shown)


@pytest.mark.parametrize("part", ["ana.gull", "@", "@gull.example", "a%@%", "_@_", "' or 1=1 --@"])
async def test_nobody_finds_an_address_piece_by_piece(part: str) -> None:
    async with connect(library) as client:
        result = await client.call("crm_search_contacts", query=part, field="email")

    assert result.is_error or result.data["found"] == 0


async def test_what_is_too_much_is_said_with_what_to_do() -> None:
    async with connect(library) as client:
        many = await found(client, query="gull", field="company", limit=3)
        few = await found(client, query=PERSON.email, field="email")

    assert len(many["contacts"]) == 3
    assert many["found"] > 3
    assert many["note"] == f"3 of {many['found']} are shown. Say more of the company to find the others."
    assert "note" not in few


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": "a"}, "'query': expected `str` of length >= 2"),
        ({"query": "x" * 101}, "'query': expected `str` of length <= 100"),
        ({"query": "ana", "limit": 21}, "'limit': expected `int` <= 20"),
        ({"query": "ana", "limit": 0}, "'limit': expected `int` >= 1"),
        ({"query": "ana", "field": "phone"}, "'field': invalid enum value"),
        ({"query": "ana", "show": ["email"]}, "Unknown: show"),
        ({}, "Missing: query"),
        ({"query": "\u0301\u0301"}, "Give two letters or more"),
        ({"query": "   "}, "Give two letters or more"),
    ],
)
def test_a_wrong_argument_is_refused_in_words(arguments: dict[str, Any], said: str) -> None:
    refused = call(library, "crm_search_contacts", **arguments)

    assert refused.is_error
    assert said in refused.text


@pytest.mark.parametrize("hostile", ["'; drop table contacts; --", '" or ""="', "%%", "__", "\x00\x00", "name_key"])
async def test_what_looks_like_sql_is_looked_for_as_it_stands(hostile: str) -> None:
    async with connect(library) as client:
        assert (await found(client, query=hostile))["found"] == 0
        assert (await found(client, query="ana"))["found"] > 0


async def test_an_id_that_nobody_has_is_no_contact() -> None:
    async with connect(library) as client:
        with pytest.raises(CallFailed):
            await client.read("crm://contacts/c-1")
        with pytest.raises(CallFailed, match="Nobody of a company like"):
            await client.prompt("prepare_visit", company="nobody of that name")


async def test_a_setting_that_cannot_be_meant_is_told_to_the_operator_alone() -> None:
    async with connect(library, settings={"show": ["salary"]}) as client:
        failed = await client.call("crm_search_contacts", query="ana")

    assert failed.is_error
    assert "salary" not in failed.text
    assert any("`show` is a list of email, phone, address" in one for one in client.reports)


def test_the_people_are_the_same_every_time_and_nobody_real() -> None:
    once, again = list(people()), list(people())

    assert once == again
    assert len(once) == PEOPLE
    assert len({one.id for one in once}) == len({one.email for one in once}) == PEOPLE
    assert [one for one in once if not one.email.endswith(".example") or not one.email.isascii()] == []
    assert [one for one in once if " 555 01" not in one.phone] == []


def test_the_file_is_ours_alone_made_whole_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "crm.sqlite"
    create(path)
    written = path.stat().st_mtime_ns
    create(path)

    assert path.stat().st_mtime_ns == written
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["crm.sqlite"]
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from contacts").fetchone() == (PEOPLE,)
    database.close()


def test_every_spelling_has_one_key() -> None:
    assert key("  Łukasz   WÓJCIK ") == "lukasz wojcik"
    assert key("Straße") == key("STRASSE")


async def test_the_tool_says_what_it_wants_of_a_gateway() -> None:
    async with connect(library) as client:
        (tool,) = await client.tools()

    assert tool["annotations"]["readOnlyHint"]
    assert tool["_meta"]["dev.narthex/rules"] == {"rate_limit": {"requests_per_minute": 30}}


async def test_many_search_at_once_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    names = ("ana", "piet", "noor")
    async with connect(library, settings={"folder": str(tmp_path)}) as client:
        alone = [await found(client, query=name) for name in names]
        together = await asyncio.gather(*(found(client, query=names[number % 3]) for number in range(60)))

    assert together == [alone[number % 3] for number in range(60)]


async def test_a_file_that_is_no_database_is_told_to_the_operator_alone(tmp_path: Path) -> None:
    (tmp_path / "crm.sqlite").write_bytes(b"secret" * 1_000)
    async with connect(library, settings={"folder": str(tmp_path)}) as client:
        failed = await client.call("crm_search_contacts", query="ana")

    assert failed.is_error
    assert str(tmp_path) not in failed.text
    assert "secret" not in failed.text
    assert client.reports


async def test_a_folder_that_cannot_be_made_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    async with connect(library, settings={"folder": str(tmp_path / "folder")}) as client:
        failed = await client.call("crm_search_contacts", query="ana")
        (tmp_path / "folder").unlink()
        mended = await client.call("crm_search_contacts", query="ana")

    assert failed.is_error
    assert not mended.is_error


async def test_companies_are_completed() -> None:
    async with connect(library) as client:
        offered = await client.complete("prepare_visit", "company", "isla")

    assert len(offered) == 5
    assert all(one.startswith("Isla Verde ") for one in offered)
    assert {one.company for one in people()} == set(companies())


def test_it_runs_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "narthex", "run", "narthex.libraries.crm", "--check"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)

    assert ran.returncode == 0, ran.stderr
    assert "crm_search_contacts" in ran.stdout
    assert list(tmp_path.iterdir()) == []
