"""Contacts in a file of SQLite: made once, opened for reading alone.

Knows: its one table, and the one statement there is. Refuses to know: models, and what a caller may see beyond `show`.
"""

import os
import sqlite3
import tempfile
import unicodedata
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec

from narthex.libraries.crm.people import people

PRIVATE = ("email", "phone", "address")  # how somebody can be reached

_TABLE = """
create table contacts (
    id text primary key, name text, company text, title text, city text, owner text, since text,
    email text, phone text, address text,
    name_key text, company_key text, email_key text
)
"""
# One statement for every search. What is private is read only where the caller's setting says so.
_SEARCH = """
select id, name, company, title, city, owner, since,
       case when :email then email end as email,
       case when :phone then phone end as phone,
       case when :address then address end as address,
       count(*) over () as found
from contacts
where case :field
          when 'name' then instr(name_key, :query) > 0
          when 'company' then instr(company_key, :query) > 0
          when 'email' then email_key = :query
          else id = :query
      end
order by name_key, id
limit :limit
"""
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i"})  # letters that are no other letter with a mark


class Contact(msgspec.Struct, omit_defaults=True, kw_only=True):
    id: str
    name: str
    company: str
    title: str
    city: str
    owner: Annotated[str, "Who of us knows them"]
    since: date
    email: str | None = None
    phone: str | None = None
    address: str | None = None


class Contacts:
    """`show`: which of the private members are read at all."""

    def __init__(self, path: Path, show: frozenset[str] = frozenset()) -> None:
        self._address = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._show = {name: int(name in show) for name in PRIVATE}

    def search(self, field: str, query: str, limit: int) -> tuple[list[Contact], int]:
        """The first `limit` that match, and how many there are."""
        values = {"field": field, "query": key(query), "limit": limit, **self._show}
        # A connection for each search: they are cheap, and belong to the thread that opened them.
        with closing(sqlite3.connect(self._address, uri=True)) as database:
            database.row_factory = sqlite3.Row
            rows = [dict(row) for row in database.execute(_SEARCH, values)]
        found = rows[0]["found"] if rows else 0
        return [msgspec.convert(row, Contact) for row in rows], found

    def of_id(self, contact_id: str) -> Contact | None:
        found, _ = self.search("id", contact_id, 1)
        return found[0] if found else None


def create(path: Path) -> None:
    """The file with its contacts, if it is not there. Whole or not at all; nobody else may read it."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    os.close(handle)
    try:
        with closing(sqlite3.connect(name)) as database, database:
            database.execute(_TABLE)
            rows = [(*one, key(one.name), key(one.company), key(one.email)) for one in people()]
            database.executemany("insert into contacts values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def key(text: str) -> str:
    """The same for every spelling: no capitals, no marks on letters, one space between words."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return " ".join(letters.translate(_PLAIN).split())
