"""The `files` library: what is in the folder is read and found; nothing outside of it is, whoever moves things."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narthex.libraries.files import library
from narthex.libraries.files.folder import Folder, depth_max, path_chars_max
from narthex.libraries.files.reading import answer_chars_max, line_chars_max
from narthex.libraries.files.searching import search
from narthex.libraries.surroundings import Surroundings
from narthex.testing import Client, Result, connect

SECRET = "the secret outside"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with some files, beside something that nobody may read."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text(SECRET)
    home = tmp_path / "home"
    (home / "notes" / "old").mkdir(parents=True)
    (home / "a.txt").write_text("".join(f"line {number}\n" for number in range(1, 101)))
    (home / "notes" / "b.md").write_text("# Kites\nA kite flies.\n")
    (home / "notes" / "old" / "c.md").write_text("KITES of old\n")
    (home / ".env").write_text(SECRET)
    return home


@pytest.fixture
async def client(home: Path) -> AsyncIterator[Client]:
    async with connect(library, settings={"folder": str(home)}) as found:
        yield found


@pytest.fixture
async def writer(home: Path) -> AsyncIterator[Client]:
    async with connect(library, settings={"folder": str(home), "write": True}) as found:
        yield found


async def test_a_folder_is_listed(client: Client) -> None:
    listed = (await client.call("list_files")).data

    assert [(one["name"], one["kind"], one["bytes"]) for one in listed["entries"] if one["kind"] == "file"] == [
        ("a.txt", "file", 792)
    ]
    assert listed["entries"][1]["kind"] == "folder"
    assert listed["entries"][0]["changed"].endswith("+00:00")
    assert (await client.call("list_files", limit=1)).data["more"] == 1
    assert [one["name"] for one in (await client.call("list_files", path="notes/")).data["entries"]] == ["b.md", "old"]


@pytest.mark.parametrize(
    ("asked", "first", "last", "more"),
    [
        ({}, 1, 100, False),
        ({"lines": 10}, 1, 10, True),
        ({"first_line": 95, "lines": 3}, 95, 97, True),
        ({"first_line": 98, "lines": 3}, 98, 100, False),
        ({"first_line": -5}, 96, 100, False),
        ({"first_line": -5, "lines": 2}, 96, 97, True),
        ({"first_line": -1_000}, 1, 100, False),
        ({"first_line": 0}, 1, 100, False),
    ],
)
async def test_lines_are_read(client: Client, asked: dict[str, int], first: int, last: int, more: bool) -> None:
    found = (await client.call("read_file", path="a.txt", **asked)).data

    assert (found["first_line"], found["last_line"], found["more"]) == (first, last, more)
    assert found["text"].splitlines() == [f"line {number}" for number in range(first, last + 1)]


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"", "utf-8", ""),
        ("Zoë\r\nłódź".encode(), "utf-8", "Zoë\nłódź"),
        ("Zoë".encode("utf-8-sig"), "utf-8-sig", "Zoë"),
        ("Zoë\nx".encode("utf-16"), "utf-16", "Zoë\nx"),
        ("Zoë".encode("utf-32"), "utf-32", "Zoë"),
        ("Zoë".encode("latin-1"), "cp1252", "Zoë"),
        (b"a" * 8191 + "ë".encode(), "utf-8", None),
        (b"a\n" * 5_000 + b"\xff", "utf-8", None),
    ],
)
async def test_text_is_read_however_it_is_written_down(
    client: Client, home: Path, data: bytes, encoding: str, text: str | None
) -> None:
    (home / "x").write_bytes(data)
    found = (await client.call("read_file", path="x")).data

    assert found["encoding"] == encoding
    assert found["bytes"] == len(data)
    if text is not None:
        assert found["text"] == text


async def test_what_is_no_text_is_said_so(client: Client, home: Path) -> None:
    (home / "x.bin").write_bytes(b"\x7fELF\0\0\0")
    answer = await client.call("read_file", path="x.bin")

    assert answer.is_error
    assert answer.text == "'x.bin' is no text, but 7 bytes of something else. It cannot be read here."


async def test_long_lines_and_long_files_are_cut(client: Client, home: Path) -> None:
    (home / "long").write_text("x" * 100_000 + "\nshort\n")
    (home / "many").write_text("y" * 999 + "\n" + ("y" * 999 + "\n") * 200)
    (home / "just").write_text("z" * line_chars_max + "\nshort")
    found = (await client.call("read_file", path="long")).data
    many = (await client.call("read_file", path="many")).data

    assert found["text"].endswith(f" … ({100_000 - line_chars_max} more characters)\nshort")
    assert many["more"]
    assert len(many["text"]) <= answer_chars_max
    assert (await client.call("read_file", path="many", first_line=many["last_line"] + 1)).data["first_line"] == 101
    assert (await client.call("read_file", path="just")).data["text"] == "z" * line_chars_max + "\nshort"


async def test_beyond_the_end_is_said(client: Client) -> None:
    assert "fewer than 101 lines" in (await client.call("read_file", path="a.txt", first_line=101)).text


# Nothing leads out


PATHS = [
    "..",
    "../outside/secret.txt",
    "notes/../../outside/secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "notes/..",
    "./../x",
    "link/secret.txt",
    "link",
    "file-link",
    "notes/up/outside/secret.txt",
    ".env",
    "./.env",
    "notes/.hidden",
    "\0",
    "a.txt\0.md",
    "a.txt/b",
    "x" * path_chars_max,
    "x" * 300,
    "a/" * (depth_max + 1) + "b",
    "",
    ".",
    "pipe",
    "socket",
    "no\nsuch",
    "\x1b[2J",
    "~/x",
    "%2e%2e/outside/secret.txt",
    "..\\outside\\secret.txt",
]


@pytest.fixture
def links(home: Path) -> None:
    (home / "link").symlink_to(home.parent / "outside")
    (home / "file-link").symlink_to(home.parent / "outside" / "secret.txt")
    (home / "notes" / "up").symlink_to("../..")
    (home / "inner").symlink_to("a.txt")
    (home / "notes" / ".hidden").write_text(SECRET)
    os.mkfifo(home / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        before = Path.cwd()
        os.chdir(home)  # the name of a socket is short
        try:
            made.bind("socket")
        finally:
            os.chdir(before)


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("path", PATHS, ids=ascii)
async def test_no_path_leads_out(writer: Client, home: Path, path: str) -> None:
    before = (home.parent / "outside" / "secret.txt").stat().st_mtime_ns
    for name, more in (("read_file", {}), ("list_files", {}), ("search_files", {"text": "secret"})):
        answer = await writer.call(name, path=path, **more)
        assert SECRET not in answer.text, (name, path)
        assert "outside" not in answer.text.replace(path, "").replace(ascii(path)[1:-1], ""), (name, path)
        assert str(home) not in answer.text
    for way in ("create", "replace", "append"):
        answer = await writer.call("write_file", path=path, text="mine", way=way)
        assert answer.is_error or path in ("~/x", "%2e%2e/outside/secret.txt", "..\\outside\\secret.txt"), path

    assert not writer.reports
    assert (home.parent / "outside" / "secret.txt").stat().st_mtime_ns == before
    assert sorted(one.name for one in home.parent.iterdir()) == ["home", "outside"]


PARTS = ["..", ".", "", "link", "notes", "old", "up", "outside", "secret.txt", "home", "inner", "a.txt", ".env", "\x00"]


@pytest.mark.usefixtures("links")
@given(st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=3)), max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_path_at_all_leads_out(home: Path, parts: list[str]) -> None:
    async def read() -> list[Result]:
        async with connect(library, settings={"folder": str(home)}) as found:
            names = ("read_file", "list_files", "search_files")
            answers = [await found.call(name, path="/".join(parts)) for name in names]
            assert not found.reports
            return answers

    for answer in asyncio.run(read()):
        assert SECRET not in answer.text
        assert answer.is_error or "outside" not in answer.text.replace("/".join(parts), "")


@pytest.mark.usefixtures("links")
async def test_links_are_shown_as_links_and_passed_over(client: Client) -> None:
    kinds = {one["name"]: one["kind"] for one in (await client.call("list_files")).data["entries"]}
    inner = await client.call("read_file", path="inner")

    assert kinds == {
        "a.txt": "file", "file-link": "link", "inner": "link", "link": "link", "notes": "folder", "pipe": "other",
        "socket": "other",
    }  # fmt: skip
    assert inner.text == "'inner' is a link, and links are not followed."
    assert (await client.call("search_files", text="secret")).data["matches"] == []


async def test_hidden_names_are_there_where_the_operator_says_so(home: Path) -> None:
    async with connect(library, settings={"folder": str(home), "hidden": True}) as client:
        assert (await client.call("read_file", path=".env")).data["text"] == SECRET


async def test_names_that_are_no_text_are_passed_over(client: Client, home: Path) -> None:
    os.close(os.open(os.fsencode(home) + b"/bad\xff", os.O_CREAT))
    listed = (await client.call("list_files")).data

    assert [one["name"] for one in listed["entries"]] == ["a.txt", "notes"]
    assert not (await client.call("search_files")).is_error


async def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(client: Client, home: Path) -> None:
    """Whoever may write into the folder swaps a part of the path, as fast as it goes, while others read through it."""
    (home / "swap").mkdir()
    (home / "swap" / "secret.txt").write_text("harmless")
    (home / "other").symlink_to(home.parent / "outside")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for before, after in (("swap", "kept"), ("other", "swap"), ("swap", "other"), ("kept", "swap")):
                (home / before).rename(home / after)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        answers = [await client.call("read_file", path="swap/secret.txt") for _ in range(400)]
        found = [await client.call("search_files", text="secret", path="") for _ in range(20)]
    finally:
        done.set()
        swapping.join()

    assert {one.data["text"] for one in answers if not one.is_error} <= {"harmless"}
    assert any(not one.is_error for one in answers)
    assert not [one for one in found if SECRET in one.text]


# Searching


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        ({}, ["a.txt", "notes/b.md", "notes/old/c.md"]),
        ({"name": "*.MD"}, ["notes/b.md", "notes/old/c.md"]),
        ({"name": "notes/*.md"}, ["notes/b.md", "notes/old/c.md"]),
        ({"name": "notes/?.md"}, ["notes/b.md"]),
        ({"path": "notes/old"}, ["notes/old/c.md"]),
        ({"name": "[", "text": "x"}, []),
        ({"name": "*a" * 50}, []),
    ],
)
async def test_files_are_found_by_name(client: Client, asked: dict[str, str], paths: list[str]) -> None:
    found = (await client.call("search_files", **asked)).data

    assert [one["path"] for one in found["matches"]] == paths
    assert found["complete"]


async def test_files_are_found_by_what_is_in_them(client: Client) -> None:
    found = (await client.call("search_files", text="kites")).data

    assert found["matches"] == [
        {"path": "notes/b.md", "line": 1, "text": "# Kites"},
        {"path": "notes/old/c.md", "line": 1, "text": "KITES of old"},
    ]
    assert found["files_searched"] == 3


async def test_a_search_that_finds_too_much_says_so(client: Client) -> None:
    found = (await client.call("search_files", text="line", limit=3)).data

    assert len(found["matches"]) == 3
    assert not found["complete"]
    assert found["note"] == "There are more than 3. Look for something narrower, or raise `limit`."


# Writing


async def test_nothing_is_written_unless_the_operator_says_so(client: Client, writer: Client) -> None:
    reading = [tool["name"] for tool in await client.tools()]
    writing = {tool["name"]: tool for tool in await writer.tools()}

    assert reading == ["list_files", "read_file", "search_files"]
    assert writing["write_file"]["_meta"]["dev.narthex/required_scopes"] == ["files:write"]
    assert writing["write_file"]["annotations"]["destructiveHint"]


async def test_a_file_is_made_replaced_and_added_to(writer: Client, home: Path) -> None:
    made = await writer.call("write_file", path="new/deep/x.txt", text="Zoë\n")
    again = await writer.call("write_file", path="new/deep/x.txt", text="no")
    added = await writer.call("write_file", path="new/deep/x.txt", text="more\n", way="append")

    assert made.data == {"path": "new/deep/x.txt", "bytes": 5}
    assert again.text == "There is a 'new/deep/x.txt' already."
    assert not added.is_error
    assert (home / "new/deep/x.txt").read_text() == "Zoë\nmore\n"

    (home / "new/deep/x.txt").chmod(0o640)
    replaced = await writer.call("write_file", path="new/deep/x.txt", text="anew", way="replace")
    assert not replaced.is_error
    assert (home / "new/deep/x.txt").read_text() == "anew"
    assert (home / "new/deep/x.txt").stat().st_mode & 0o777 == 0o640
    assert [one.name for one in (home / "new/deep").iterdir()] == ["x.txt"]
    assert "There is no 'none'" in (await writer.call("write_file", path="none", text="", way="replace")).text
    assert "There is no 'none'" in (await writer.call("write_file", path="none", text="", way="append")).text


async def test_what_is_written_goes_through_no_link(writer: Client, home: Path) -> None:
    outside = home.parent / "outside" / "secret.txt"
    (home / "link").symlink_to(outside)
    os.link(outside, home / "second-name")
    for way in ("create", "replace", "append"):
        assert (await writer.call("write_file", path="link", text="mine", way=way)).is_error

    assert "second name" in (await writer.call("write_file", path="second-name", text="mine", way="append")).text
    assert not (await writer.call("write_file", path="second-name", text="mine", way="replace")).is_error
    assert outside.read_text() == SECRET


@pytest.mark.parametrize(
    "given",
    [{}, {"folder": ""}, {"folder": 7}, {"folder": "/no/such/folder"}, {"folder": "/tmp", "hidden": "yes"}],
)
async def test_settings_that_cannot_be_meant_are_told_to_the_operator(given: dict[str, object]) -> None:
    async with connect(library, settings=given) as client:
        answer = await client.call("list_files")

    assert answer.is_error
    assert answer.text.startswith("The tool failed (error ")
    assert "the setting `" in client.reports[0]


async def test_a_switch_that_is_neither_true_nor_false_keeps_the_library_from_being_served() -> None:
    with pytest.raises(ValueError, match="the setting `write` is true or false"):
        library.to_server(Surroundings({"write": "yes"}))


def test_a_tree_without_a_file_is_searched_no_longer_than_any_other(home: Path) -> None:
    for number in range(20):
        (home / f"empty{number}" / "inner").mkdir(parents=True)
    looks: list[None] = []

    search(Folder(home), "", "*", "", 5, lambda: looks.append(None))

    assert len(looks) >= 40
