"""`narthex users`: people who sign in with a password, added, listed and removed.

Knows: options, and how a password is asked for. Refuses to know: how it is kept, and who compares it. A gateway that
runs sees every change by itself.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import click

from narthex.cli.acting import Act, acting
from narthex.cli.home import config_of
from narthex.cli.options import file_argument
from narthex.cli.say import DONE, NO, WRONG, fail, print_json
from narthex.issuer.passwords import BadPassword, hashed
from narthex.store.database import Database
from narthex.store.folder import StateFault, folder_of, prepared
from narthex.store.users import User, UsersFull, UserStore
from narthex.store.users_file import NAME, BadUsers, add, change_password, read, remove


class Book(Protocol):
    """Where people are kept."""

    def all(self) -> list[User]: ...
    def add(self, user: User) -> None: ...
    def change(self, user: User, password: str) -> None: ...
    def remove(self, name: str) -> None: ...


@click.group()
def users() -> None:
    """Add, list and remove people who sign in with a password.

    They are kept in the file that `authentication.server.users` of the configuration FILE names (absent: the file that
    NARTHEX_CONFIG names, or narthex.yaml in this folder), or in its state folder where it names none.
    """


@users.command(name="add")
@click.argument("name")
@file_argument
@click.option("--scopes", default="", metavar="A,B", help="What they may have, separated by commas.")
@click.option("--roles", default="", metavar="A,B", help="Their roles (`authentication.scopes.roles`).")
def add_user(name: str, file: Path | None, scopes: str, roles: str) -> None:
    """Add somebody. The password is asked for, or read from standard input where that is no terminal."""
    if not NAME.fullmatch(name):
        fail(f"'{name}' is no name: letters, digits and . _ @ + - are, a letter or digit first.", WRONG)
    with _book(file) as book:
        if _found(book, name) is not None:
            fail(f"There is a '{name}' already: 'narthex users password {name}' changes the password.", NO)
        user = User(name=name, password=_asked(), scopes=_words(scopes), roles=_words(roles))
        with _acting(file) as act:
            act("user.created", name, f"scopes: {' '.join(user.scopes) or 'none'}")
            book.add(user)
    click.echo(f"'{name}' can sign in now.")
    sys.exit(DONE)


@users.command(name="password")
@click.argument("name")
@file_argument
def password(name: str, file: Path | None) -> None:
    """Change somebody's password. Whoever is signed in as them has to sign in again, and so have their clients."""
    with _book(file) as book:
        user = _found(book, name) or fail(f"There is no '{name}'.", NO)
        changed = _asked()
        with _acting(file) as act:
            act("user.changed", name, "the password")
            book.change(user, changed)
    click.echo(f"'{name}' signs in with the new password from now on.")
    sys.exit(DONE)


@users.command(name="list")
@file_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_users(file: Path | None, *, as_json: bool) -> None:
    """List those who can sign in."""
    with _book(file) as book:
        found = book.all()
    if as_json:
        print_json([{"name": one.name, "scopes": list(one.scopes), "roles": list(one.roles)} for one in found])
    elif not found:
        click.echo("Nobody can sign in yet: 'narthex users add NAME'.", err=True)
    for one in [] if as_json else found:
        click.echo(
            "  ".join([one.name, f"scopes: {','.join(one.scopes) or '-'}", f"roles: {','.join(one.roles) or '-'}"])
        )
    sys.exit(DONE)


@users.command(name="remove")
@click.argument("name")
@file_argument
def remove_user(name: str, file: Path | None) -> None:
    """Remove somebody. Their clients get no new tokens; the last ones end within minutes."""
    with _book(file) as book:
        if _found(book, name) is None:
            fail(f"There is no '{name}'.", NO)
        with _acting(file, needed=False) as act:
            act("user.removed", name)
            book.remove(name)
    click.echo(f"'{name}' cannot sign in any more.")
    sys.exit(DONE)


class _Stored:
    def __init__(self, store: UserStore) -> None:
        self._store = store

    def all(self) -> list[User]:
        return self._store.all()

    def add(self, user: User) -> None:
        self._store.put(user)

    def change(self, user: User, password: str) -> None:
        self._store.put(User(name=user.name, password=password, scopes=user.scopes, roles=user.roles))

    def remove(self, name: str) -> None:
        self._store.remove(name)


class _Filed:
    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[User]:
        return read(self._path) if self._path.exists() else []

    def add(self, user: User) -> None:
        add(self._path, user)

    def change(self, user: User, password: str) -> None:
        change_password(self._path, user.name, password)

    def remove(self, name: str) -> None:
        remove(self._path, name)


@contextmanager
def _book(file: Path | None) -> Iterator[Book]:
    """Where this configuration keeps people. What cannot be done ends the command with its sentence."""
    config = config_of(file)
    server = config.authentication.server if config.authentication is not None else None
    if server is None:
        fail("This configuration has no authorization server: add 'authentication: {type: oauth2, server: {}}'.", NO)
    if server.login is not None:
        fail(f"People sign in at {server.login.issuer} here, and are added there.", NO)
    try:
        if server.users is not None:
            yield _Filed(Path(server.users))
            return
        database = Database(prepared(folder_of(config, os.environ)))
        try:
            yield _Stored(UserStore(database))
        finally:
            database.close()
    except UsersFull:
        fail("There are too many people already.", NO)
    except BadUsers as error:
        fail(f"{server.users}: {error}.", NO)
    except OSError as error:  # `StateFault` is one, with a sentence
        fail(str(error) if isinstance(error, StateFault) else f"{server.users}: {error.strerror or error}.", NO)


def _acting(file: Path | None, *, needed: bool = True) -> AbstractContextManager[Act]:
    config = config_of(file)
    return acting(folder_of(config, os.environ), config, needed=needed)


def _found(book: Book, name: str) -> User | None:
    return next((one for one in book.all() if one.name == name), None)


def _asked() -> str:
    """The hash of a password that somebody types twice, or of the first line of standard input."""
    if sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    try:
        return hashed(text)
    except BadPassword as error:
        fail(str(error), WRONG)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())
