"""The file of people who sign in with a password."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from argon2.low_level import Type

from narthex.store.users import User
from narthex.store.users_file import BadUsers, add, change_password, read, remove

LIGHT = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
HASH, OTHER = LIGHT.hash("one"), LIGHT.hash("two")
TEXT = f"""# Who may sign in.
- {{name: ana, password: '{HASH}', scopes: [mcp:tools]}}   # the boss

# Block style is fine too.
- name: bo
  password: {HASH}
  roles:
    - seller
# The end.
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users.yaml"
    path.write_text(TEXT)
    return path


def test_people_are_read_in_either_style(file: Path) -> None:
    assert read(file) == [
        User(name="ana", password=HASH, scopes=("mcp:tools",)),
        User(name="bo", password=HASH, roles=("seller",)),
    ]


def test_somebody_is_added_at_the_end_and_the_rest_stays(file: Path) -> None:
    add(
        file,
        User(name="cy", password=OTHER, scopes=("a",), roles=("it's",)),
    )

    assert file.read_text().startswith(TEXT)
    assert read(file)[-1] == User(name="cy", password=OTHER, scopes=("a",), roles=("it's",))


def test_the_first_one_makes_the_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"

    add(path, User(name="ana", password=HASH))

    assert [user.name for user in read(path)] == ["ana"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_nobody_is_added_twice(file: Path) -> None:
    with pytest.raises(BadUsers, match="there already"):
        add(file, User(name="bo", password=HASH))


@pytest.mark.parametrize("name", ["ana", "bo"])
def test_a_password_is_changed_in_its_place(file: Path, name: str) -> None:
    change_password(file, name, OTHER)

    found = {user.name: user.password for user in read(file)}
    assert found == {"ana": HASH, "bo": HASH} | {name: OTHER}
    assert file.read_text().count("\n") == TEXT.count("\n")
    assert "# the boss" in file.read_text()


def test_somebody_is_taken_out_and_the_comments_of_others_stay(file: Path) -> None:
    remove(file, "bo")

    assert [user.name for user in read(file)] == ["ana"]
    assert "# The end." in file.read_text()


def test_the_last_one_can_be_taken_out(file: Path) -> None:
    remove(file, "bo")
    remove(file, "ana")

    assert read(file) == []


def test_whoever_is_not_there_cannot_be_changed(file: Path) -> None:
    for change in (lambda: remove(file, "eve"), lambda: change_password(file, "eve", HASH)):
        with pytest.raises(BadUsers, match="no 'eve'"):
            change()


HEAVY = PasswordHasher(time_cost=1, memory_cost=300 * 1_024, parallelism=1).hash("x")
WEAK = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1, type=Type.I).hash("x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- {name: ana", "line"),
        ("ana: x", "list"),
        ("- {name: ana}", "password"),
        (f"- {{name: ana, password: '{HASH}', scope: [a]}}", "scope"),
        (f"- {{name: 'client:bot', password: '{HASH}'}}", "letters"),
        (f"- {{name: ana, password: '{HASH}'}}\n- {{name: ana, password: '{HASH}'}}", "twice"),
        ("- {name: ana, password: plain}", "Argon2"),
        (f"- {{name: ana, password: '{WEAK}'}}", "another kind"),
        (f"- {{name: ana, password: '{HEAVY}'}}", "more work"),
        (f"- {{name: ana, password: '{HASH}', scopes: ['a b']}}", "scopes"),
        ("[" * 10_000, "deep"),
        (f"- &x {{name: ana, password: '{HASH}'}}\n- *x", "alias"),
        ("- {name: no, password: x}", "name"),
    ],
)
def test_a_file_that_is_not_right_is_refused_with_its_place_and_without_a_hash(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(text)

    with pytest.raises(BadUsers, match=why) as refused:
        read(path)

    assert "$argon2" not in str(refused.value)
