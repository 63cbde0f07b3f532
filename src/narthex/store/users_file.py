"""People who log in with a password, in a file that the operator keeps.

Knows: the form of the file, and how one entry is added, changed or taken out while the rest stays as it was written.
Refuses to know: passwords. Every function waits for the disk.

The file is YAML, one entry for each person:

    - {name: ana, password: "$argon2id$…", scopes: [mcp:tools], roles: [admin]}
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from argon2.low_level import Type

from narthex.limits import (
    password_memory_kib_max,
    password_rounds_max,
    user_roles_max,
    users_file_bytes_max,
    users_max,
)
from narthex.model.scope import Scope, Word
from narthex.store.folder import replace_file
from narthex.store.users import User

# No colon: what has one is a client that acts for itself.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEPTH_MAX = 4


class BadUsers(ValueError):
    """The file cannot be used as it is. The text says where and why; it shows no hash."""


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    password: str
    scopes: tuple[Scope, ...] = ()
    roles: tuple[Word, ...] = ()
    enabled: bool = True


def read(path: Path) -> list[User]:
    """Everybody in the file who may log in. Raises BadUsers, OSError."""
    tree = _loaded(_text(path))
    if tree is None:
        return []
    if not isinstance(tree, list) or len(tree) > users_max:
        raise BadUsers(f"a list of at most {users_max} people is expected: - {{name: ana, password: …}}")
    seen: set[str] = set()
    found = []
    for place, entry in enumerate(tree):
        line = _line(place, entry)
        if line.name in seen:
            raise BadUsers(f"'{line.name}' stands there twice")
        seen.add(line.name)
        if line.enabled:
            found.append(User(name=line.name, password=line.password, scopes=line.scopes, roles=line.roles))
    return found


def add(path: Path, user: User) -> None:
    """One more entry at the end; the file is made if it is not there. Raises BadUsers, OSError."""
    text = _text(path) if path.exists() else ""
    if any(_name_of(entry) == user.name for entry in _entries(text)):
        raise BadUsers(f"'{user.name}' is there already; 'narthex users password {user.name}' changes the password")
    fields = [f"name: {_quoted(user.name)}", f"password: {_quoted(user.password)}"]
    fields += [f"scopes: [{', '.join(map(_quoted, user.scopes))}]"] if user.scopes else []
    fields += [f"roles: [{', '.join(map(_quoted, user.roles))}]"] if user.roles else []
    start = text if not text or text.endswith("\n") else f"{text}\n"
    _write(path, f"{start}- {{{', '.join(fields)}}}\n")


def change_password(path: Path, name: str, password: str) -> None:
    """Raises BadUsers, OSError."""
    text = _text(path)
    for key, value in _named(_entries(text), name).value:
        if key.value == "password":
            _write(path, text[: value.start_mark.index] + _quoted(password) + text[value.end_mark.index :])
            return
    raise BadUsers(f"'{name}' has no password in it")


def remove(path: Path, name: str) -> None:
    """Raises BadUsers, OSError."""
    text = _text(path)
    entries = _entries(text)
    entry = _named(entries, name)
    lines = text.splitlines(keepends=True)
    first, last = entry.start_mark.line, max(_end_lines(entry))
    if not lines[first].lstrip().startswith("- ") or any(
        other is not entry and first <= other.start_mark.line <= last for other in entries
    ):
        raise BadUsers(f"'{name}' does not stand on lines of their own: take the entry out by hand")
    _write(path, "".join(lines[:first] + lines[last + 1 :]))


def check_hash(known: str) -> None:
    """Whether a hash that somebody wrote can be compared with in decent time. Raises BadUsers."""
    try:
        found = extract_parameters(known)
    except InvalidHashError:
        raise BadUsers("is no Argon2 hash; 'narthex users add' makes one") from None
    if found.type is not Type.ID:
        raise BadUsers("is a hash of another kind than Argon2id")
    if found.memory_cost > password_memory_kib_max or found.time_cost > password_rounds_max:
        raise BadUsers("asks for more work than is taken")


def _line(place: int, entry: Any) -> _Line:
    try:
        line = msgspec.convert(entry, _Line)
    except msgspec.ValidationError as error:
        raise BadUsers(f"entry {place + 1}: {error}") from None
    if not NAME.fullmatch(line.name):
        raise BadUsers(f"entry {place + 1}: a name has letters, digits and . _ @ + -, a letter or digit first")
    try:
        check_hash(line.password)
    except BadUsers as error:
        raise BadUsers(f"'{line.name}': the password {error}") from None
    if len(line.roles) > user_roles_max or len(line.scopes) > user_roles_max:
        raise BadUsers(f"'{line.name}' has more than {user_roles_max} scopes or roles")
    return line


def _text(path: Path) -> str:
    if path.stat().st_size > users_file_bytes_max:
        raise BadUsers(f"the file is over {users_file_bytes_max} bytes")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise BadUsers("the file is not UTF-8") from None


def _loaded(text: str) -> Any:
    try:
        _check_flat(text)
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - the safe one
    except yaml.YAMLError as error:
        raise BadUsers(_where(error)) from None


def _check_flat(text: str) -> None:
    """The composer of PyYAML recurses, and an alias can stand for a thousand things: neither is needed here."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX or isinstance(event, yaml.AliasEvent):
            raise BadUsers(f"line {event.start_mark.line + 1}: too deep, or an alias")


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"no YAML{f', line {mark.line + 1}' if mark is not None else ''}"


# Entries with their places


def _entries(text: str) -> list[Any]:
    try:
        _check_flat(text)
        tree = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise BadUsers(_where(error)) from None
    if tree is None:
        return []
    if not isinstance(tree, yaml.SequenceNode) or tree.flow_style:
        raise BadUsers("the file is no list with a line for each person: change it by hand")
    return list(tree.value)


def _named(entries: list[Any], name: str) -> Any:
    found = next((entry for entry in entries if _name_of(entry) == name), None)
    if found is None:
        raise BadUsers(f"there is no '{name}' in it")
    return found


def _name_of(entry: Any) -> str:
    if not isinstance(entry, yaml.MappingNode):
        return ""
    return next((str(value.value) for key, value in entry.value if key.value == "name"), "")


def _end_lines(node: Any) -> Iterator[int]:
    """Where everything in it ends. A block ends where the next one begins, which would take comments along."""
    if isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False):
        yield node.end_mark.line
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (*_end_lines(key), *_end_lines(value))
    else:
        for value in node.value:
            yield from _end_lines(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _write(path: Path, text: str) -> None:
    """Whole or not at all; and never what could not be read again."""
    _loaded(text)
    replace_file(path, text.encode("utf-8"))
