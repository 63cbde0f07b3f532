"""One table changes, the comments and the order of the file stay."""

import pytest

from narthex.cli.edit_json import EditError
from narthex.cli.edit_toml import remove_table, set_table

KEYS = ("mcp_servers", "narthex")
ENTRY: dict[str, str | list[str]] = {"url": "http://127.0.0.1:8080/mcp"}
TABLE = '[mcp_servers.narthex]\nurl = "http://127.0.0.1:8080/mcp"\n'
FILE = """\
# my settings
model = "gpt"  # the good one

[mcp_servers.docs]
command = "npx"

# profiles
[profiles.fast]
x = 1
"""


def test_a_new_table_stands_at_the_end_and_can_be_taken_out_again() -> None:
    after = set_table(FILE, KEYS, ENTRY)

    assert after == FILE + "\n" + TABLE
    assert remove_table(after, KEYS) == FILE


def test_an_empty_file_becomes_one() -> None:
    assert set_table("", KEYS, ENTRY) == TABLE
    assert remove_table(TABLE, KEYS) == ""


@pytest.mark.parametrize(
    "old",
    [
        '[mcp_servers.narthex]\ncommand = "x"\n',
        '[ mcp_servers . "narthex" ] # here\ncommand = "x"\n[mcp_servers.narthex.env]\nA = "b"\n',
    ],
)
def test_the_table_is_replaced_where_it_stands(old: str) -> None:
    before = "a = 1\n\n" + old + "\n# next\n[other]\nb = 2\n"
    after = "a = 1\n\n" + TABLE + "\n# next\n[other]\nb = 2\n"

    assert set_table(before, KEYS, ENTRY) == after
    assert set_table(after, KEYS, ENTRY) == after
    assert remove_table(after, KEYS) == "a = 1\n\n# next\n[other]\nb = 2\n"


def test_lists_and_line_ends_are_kept() -> None:
    entry: dict[str, str | list[str]] = {"command": "C:\\n.exe", "args": ["stdio", "a b"]}
    after = set_table("a = 1\r\n", ("mcp_servers", "my gw"), entry)

    assert after == 'a = 1\r\n\r\n[mcp_servers."my gw"]\r\ncommand = "C:\\\\n.exe"\r\nargs = ["stdio", "a b"]\r\n'


def test_nothing_to_remove_changes_nothing() -> None:
    assert remove_table(FILE, KEYS) == FILE


@pytest.mark.parametrize(
    "text",
    [
        'mcp_servers = { docs = { command = "x" } }\n',
        'mcp_servers.narthex.url = "x"\n',
        "a = \n",
        'text = """\n[mcp_servers.narthex]\n"""\n',
    ],
)
def test_a_file_that_writes_it_otherwise_is_left_alone(text: str) -> None:
    with pytest.raises(EditError):
        set_table(text, KEYS, ENTRY)
