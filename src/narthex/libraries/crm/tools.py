"""The contacts of a company, to be searched: who works where, and who of us knows them.

Knows: three ways to search, and what of a person stays in the house. Refuses to know: who calls, and where contacts
come from.

How a person can be reached (e-mail, phone, address) never leaves the database, unless the setting `show` names it. An
e-mail address is looked for as a whole: nobody finds one letter by letter. Every access is on record where the library
runs behind a gateway; it keeps no record of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from narthex import Context, Library, NotFound, ToolError
from narthex.libraries.crm.contacts import PRIVATE, Contact, Contacts, create, key
from narthex.libraries.crm.people import companies
from narthex.libraries.surroundings import Surroundings

FILE = "crm.sqlite"


@asynccontextmanager
async def opened(given: Surroundings) -> AsyncIterator[Contacts]:
    """The contacts in the setting `folder`, made there if need be; without one, in a folder that goes with us."""
    show = given.settings.get("show", [])
    if not isinstance(show, list) or set(show) - set(PRIVATE):
        raise ValueError(f"`show` is a list of {', '.join(PRIVATE)}")
    with ExitStack() as stack:
        folder = given.settings.get("folder") or stack.enter_context(TemporaryDirectory(prefix="narthex-crm-"))
        path = Path(folder) / FILE
        await asyncio.to_thread(create, path)
        yield Contacts(path, frozenset(show))


library = Library(
    "crm",
    version="1.0.0",
    title="Contacts",
    instructions="The contacts of the company. How a person can be reached is kept back; their owner knows.",
    rate_limit={"requests_per_minute": 30},
    tags=["crm", "personal data"],
    lifespan=opened,
)


class Found(msgspec.Struct, omit_defaults=True):
    contacts: list[Contact]
    found: Annotated[int, "How many match, also those that are not shown"]
    note: str = ""


@library.tool(title="Search contacts", read_only=True, idempotent=True, open_world=False)
def crm_search_contacts(
    query: Annotated[str, Meta(min_length=2, max_length=100)],
    context: Context,
    field: Literal["name", "company", "email"] = "name",
    limit: Annotated[int, Meta(ge=1, le=20)] = 10,
) -> Found:
    """Find contacts by their name, company or e-mail address.

    Args:
        query: A part of the name or company, in any spelling; an e-mail address as a whole.
        field: What is looked through.
        limit: At most this many.
    """
    if field == "email" and "@" not in query:
        raise ToolError("An e-mail address is looked for as a whole, with its @. Search by name or company instead.")
    if len(key(query)) < 2:
        raise ToolError("There is nothing to look for in this query. Give two letters or more.")
    contacts: Contacts = context.state
    shown, found = contacts.search(field, query, limit)
    note = f"{len(shown)} of {found} are shown. Say more of the {field} to find the others." if found > limit else ""
    return Found(shown, found, note)


@library.resource("crm://contacts/{id}", title="A contact", mime_type="application/json")
def contact(id: str, context: Context) -> Contact:  # noqa: A002 - the name in the URI
    """One contact, by the id that crm_search_contacts gives."""
    contacts: Contacts = context.state
    found = contacts.of_id(id)
    if found is None:
        raise NotFound(f"crm://contacts/{id}")
    return found


def _companies(start: str) -> list[str]:
    return [one for one in companies() if key(one).startswith(key(start))]


@library.prompt(title="Prepare a visit", complete={"company": _companies})
def prepare_visit(company: str, context: Context) -> str:
    """A briefing on one company before somebody goes there.

    Args:
        company: A part of its name.
    """
    contacts: Contacts = context.state
    people, _ = contacts.search("company", company, 20)
    if not people:
        raise ToolError(f"Nobody of a company like '{company}' is known. crm_search_contacts finds companies, too.")
    lines = "\n".join(f"- {one.name}, {one.title}, {one.company}, {one.city}; knows {one.owner}" for one in people)
    return f"Prepare a visit to {company} in five sentences: whom to ask for, and who of us knows them.\n\n{lines}"
