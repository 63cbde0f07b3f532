"""The customers of Brightwater Kites: contacts, accounts, notes.

Knows: the address book of an invented company. Refuses to know: the protocol.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from narthex.libraries.demo.people import CONTACTS, Contact
from narthex.libraries.server import Answer, Call, NotFound, Refusal, Server, gives, takes, text
from narthex.libraries.stdio_server import run

Tree = dict[str, Any]

_TEMPLATE = "contact://{id}"
notes_per_contact_max = 200  # a demonstration that is left running must not grow for ever
_CONTACT = gives(
    id={"type": "string"},
    name={"type": "string"},
    role={"type": "string"},
    account={"type": "string"},
    city={"type": "string"},
    email={"type": "string"},
    phone={"type": "string"},
    notes={"type": "array", "items": {"type": "string"}},
)
_FOUND = gives(id={"type": "string"}, name={"type": "string"}, account={"type": "string"}, city={"type": "string"})


class AddressBook:
    """Contacts by id, and as resources."""

    def __init__(self) -> None:
        self.contacts = {contact.id: contact for contact in CONTACTS}

    def accounts(self) -> list[str]:
        return sorted({contact.account for contact in self.contacts.values()})

    def find(self, query: str) -> list[Contact]:
        words = query.casefold().split()
        return [contact for contact in self.contacts.values() if all(word in contact.searched() for word in words)]

    def contact(self, contact_id: str) -> Contact:
        try:
            return self.contacts[contact_id]
        except KeyError:
            raise Refusal(f"There is no contact '{contact_id}'. search_contacts gives the ids.") from None

    def list(self) -> Sequence[Tree]:
        return [
            {
                "uri": f"contact://{contact.id}",
                "name": contact.id,
                "title": contact.name,
                "description": f"{contact.role} at {contact.account}",
                "mimeType": "application/json",
            }
            for contact in self.contacts.values()
        ]

    def templates(self) -> Sequence[Tree]:
        contact = {"uriTemplate": _TEMPLATE, "name": "contact", "title": "A contact", "mimeType": "application/json"}
        return [contact | {"description": "Everything known about one contact, as JSON."}]

    def read(self, uri: str) -> Sequence[Tree]:
        contact = self.contacts.get(uri.removeprefix("contact://"))
        if contact is None or not uri.startswith("contact://"):
            raise NotFound(uri)
        said = msgspec.json.format(msgspec.json.encode(contact)).decode("utf-8")
        return [{"uri": uri, "mimeType": "application/json", "text": said}]

    def complete(self, template: str, argument: str, start: str) -> Sequence[str]:
        return [contact_id for contact_id in self.contacts if contact_id.startswith(start)]


book = AddressBook()
server = Server(
    name="brightwater-crm",
    title="Brightwater CRM",
    version="1.0.0",
    instructions="The customers of Brightwater Kites. Look a person up with search_contacts before anything else.",
    resources=book,
    page_items_max=20,
)


@server.tool(
    "search_contacts",
    title="Search contacts",
    description="Find customers by any part of their name, role, company or city.",
    takes=takes(
        ["query"],
        query={"type": "string", "description": "Words that must all occur", "maxLength": 200},
        limit={"type": "integer", "description": "At most this many", "minimum": 1, "maximum": 50, "default": 5},
    ),
    gives=gives(total={"type": "integer"}, contacts={"type": "array", "items": _FOUND}),
    readOnlyHint=True,
    idempotentHint=True,
)
def search_contacts(call: Call, query: str, limit: int = 5) -> Answer:
    found = book.find(query)
    lines = [f"{contact.id}: {contact.name}, {contact.account}, {contact.city}" for contact in found[:limit]]
    said = "\n".join(lines) if lines else f"Nobody matches '{query}'."
    short = [{name: getattr(contact, name) for name in ("id", "name", "account", "city")} for contact in found[:limit]]
    return Answer([text(said)], {"total": len(found), "contacts": short})


@server.tool(
    "get_contact",
    title="Get a contact",
    description="Everything known about one customer, with the notes taken so far.",
    takes=takes(["id"], id={"type": "string", "description": "For example c-1001", "maxLength": 40}),
    gives=_CONTACT,
    readOnlyHint=True,
    idempotentHint=True,
)
def get_contact(call: Call, id: str) -> Answer:  # noqa: A002 - the argument's name is part of the tool
    contact = book.contact(id)
    return Answer([text(msgspec.json.encode(contact).decode("utf-8"))], msgspec.to_builtins(contact))


@server.tool(
    "create_note",
    title="Create a note",
    description="Write down what was said with a customer. Everybody in the company reads it.",
    takes=takes(
        ["contact_id", "text"],
        contact_id={"type": "string", "description": "For example c-1001", "maxLength": 40},
        text={"type": "string", "minLength": 1, "maxLength": 2000},
    ),
    gives=gives(contact_id={"type": "string"}, notes={"type": "integer"}),
    readOnlyHint=False,
    destructiveHint=False,
    idempotentHint=False,
)
def create_note(call: Call, contact_id: str, **arguments: str) -> Answer:
    contact = book.contact(contact_id)
    if len(contact.notes) >= notes_per_contact_max:
        raise Refusal(f"{contact.name} has {notes_per_contact_max} notes already; nobody reads that many.")
    contact.notes.append(arguments["text"])
    said = f"Noted for {contact.name}; that makes {len(contact.notes)} notes."
    return Answer([text(said)], {"contact_id": contact_id, "notes": len(contact.notes)})


def _accounts_from(start: str) -> list[str]:
    return [account for account in book.accounts() if account.casefold().startswith(start.casefold())]


@server.prompt(
    "summarize_account",
    title="Summarize an account",
    description="A briefing on one customer company before a visit.",
    arguments=[{"name": "account", "title": "Account", "description": "The company's name", "required": True}],
    account=_accounts_from,
)
def summarize_account(account: str) -> Sequence[Tree]:
    people = [contact for contact in book.contacts.values() if contact.account == account]
    if not people:
        raise Refusal(f"There is no account '{account}'. These are: {', '.join(book.accounts())}.")
    lines = [f"- {person.name}, {person.role}: {' '.join(person.notes) or 'no notes'}" for person in people]
    said = f"Summarize our relationship with {account} in five sentences, for a visit tomorrow.\n" + "\n".join(lines)
    return [{"role": "user", "content": text(said)}]


if __name__ == "__main__":
    run(server)
