"""The help desk of Brightwater Kites: tickets that change, a report that takes its time.

Knows: a list of tickets in memory. Refuses to know: the protocol.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from narthex.libraries.server import Answer, Call, NotFound, Refusal, Server, gives, takes, text
from narthex.libraries.stdio_server import run

Tree = dict[str, Any]

STATUSES = ["open", "waiting", "closed"]
PRIORITIES = ["low", "normal", "urgent"]
report_seconds_max = 5
report_steps = 20
tickets_max = 1_000  # a demonstration that is left running must not grow for ever
comments_max = 200


class Ticket(msgspec.Struct):
    id: str
    title: str
    status: str
    priority: str
    customer: str
    comments: list[str] = []


class Desk:
    """Tickets by id, and as resources."""

    def __init__(self) -> None:
        self.tickets = {ticket.id: ticket for ticket in _opening_day()}
        self._next = 2001 + len(self.tickets)

    def add(self, title: str, priority: str, customer: str) -> Ticket:
        if len(self.tickets) >= tickets_max:
            raise Refusal(f"The desk is full: {tickets_max} tickets. Close the day and start it again.")
        ticket = Ticket(f"t-{self._next}", title, "open", priority, customer)
        self._next += 1
        self.tickets[ticket.id] = ticket
        return ticket

    def ticket(self, ticket_id: str) -> Ticket:
        try:
            return self.tickets[ticket_id]
        except KeyError:
            raise Refusal(f"There is no ticket '{ticket_id}'. list_tickets gives the ids.") from None

    def list(self) -> Sequence[Tree]:
        return [
            {
                "uri": f"ticket://{ticket.id}",
                "name": ticket.id,
                "title": ticket.title,
                "description": f"{ticket.priority} ticket of {ticket.customer}",
                "mimeType": "application/json",
            }
            for ticket in self.tickets.values()
        ]

    def templates(self) -> Sequence[Tree]:
        ticket = {"uriTemplate": "ticket://{id}", "name": "ticket", "title": "A ticket", "mimeType": "application/json"}
        return [ticket | {"description": "One ticket with its comments, as JSON. Subscribe to hear of changes."}]

    def read(self, uri: str) -> Sequence[Tree]:
        ticket = self.tickets.get(uri.removeprefix("ticket://"))
        if ticket is None or not uri.startswith("ticket://"):
            raise NotFound(uri)
        return [{"uri": uri, "mimeType": "application/json", "text": msgspec.json.encode(ticket).decode("utf-8")}]

    def complete(self, template: str, argument: str, start: str) -> Sequence[str]:
        return [ticket_id for ticket_id in self.tickets if ticket_id.startswith(start)]


def _opening_day() -> list[Ticket]:
    rows = (
        ("The tail of the Comet came off", "open", "urgent", "Ana Reyes"),
        ("Two invoices for one order", "waiting", "normal", "Agnieszka Żak"),
        ("Which line for a 3 m² delta?", "open", "low", "Tom Bell"),
        ("Spar broken in the parcel", "open", "urgent", "Mateo Cruz"),
        ("請求書の宛名を変えてください", "closed", "normal", "田中 美咲"),
        ("Gift wrapping for forty kites", "waiting", "normal", "Grace Okafor"),
    )
    return [Ticket(f"t-{2001 + place}", *row) for place, row in enumerate(rows)]


desk = Desk()
server = Server(
    name="brightwater-tickets",
    title="Brightwater Tickets",
    version="1.0.0",
    instructions="The help desk of Brightwater Kites. Subscribe to ticket://{id} to follow a ticket.",
    resources=desk,
    ttl_ms=5_000,
    subscribable=True,
    logs=True,
)

_STATUS: Tree = {"type": "string", "enum": STATUSES}
_PRIORITY: Tree = {"type": "string", "enum": PRIORITIES}
_ID: Tree = {"type": "string", "description": "For example t-2001", "maxLength": 40}
_TICKET = gives(
    id={"type": "string"},
    title={"type": "string"},
    status=_STATUS,
    priority=_PRIORITY,
    customer={"type": "string"},
    comments={"type": "array", "items": {"type": "string"}},
)


@server.tool(
    "list_tickets",
    title="List tickets",
    description="The tickets of the help desk, all of them or those of one status.",
    takes=takes(status=_STATUS | {"description": "Only these"}),
    gives=gives(tickets={"type": "array", "items": _TICKET}),
    readOnlyHint=True,
    idempotentHint=True,
)
def list_tickets(call: Call, status: str | None = None) -> Answer:
    found = [ticket for ticket in desk.tickets.values() if status in (None, ticket.status)]
    lines = [f"{ticket.id} [{ticket.status}, {ticket.priority}] {ticket.title}" for ticket in found]
    return Answer([text("\n".join(lines) or "No tickets.")], {"tickets": msgspec.to_builtins(found)})


@server.tool(
    "create_ticket",
    title="Create a ticket",
    description="Write down a customer's problem so that somebody takes care of it.",
    takes=takes(
        ["title"],
        title={"type": "string", "minLength": 1, "maxLength": 200},
        priority=_PRIORITY | {"default": "normal"},
        customer={"type": "string", "description": "The customer's name", "maxLength": 200},
    ),
    gives=_TICKET,
    readOnlyHint=False,
    destructiveHint=False,
    idempotentHint=False,
)
def create_ticket(call: Call, title: str, priority: str = "normal", customer: str = "unknown") -> Answer:
    ticket = desk.add(title, priority, customer)
    server.resource_list_changed()
    return Answer([text(f"Created {ticket.id}: {title}")], msgspec.to_builtins(ticket))


@server.tool(
    "update_ticket",
    title="Update a ticket",
    description="Change the status of a ticket, add a comment, or both. Whoever follows it is told.",
    takes=takes(["id"], id=_ID, status=_STATUS, comment={"type": "string", "minLength": 1, "maxLength": 2000}),
    gives=_TICKET,
    readOnlyHint=False,
    destructiveHint=False,
    idempotentHint=False,
)
def update_ticket(
    call: Call,
    id: str,  # noqa: A002 - the argument's name is part of the tool
    status: str | None = None,
    comment: str | None = None,
) -> Answer:
    ticket = desk.ticket(id)
    if status is None and comment is None:
        raise Refusal("Nothing to change: give a status, a comment, or both.")
    if comment is not None and len(ticket.comments) >= comments_max:
        raise Refusal(f"{id} has {comments_max} comments already; create another ticket.")
    ticket.status = status or ticket.status
    if comment is not None:
        ticket.comments.append(comment)
    server.resource_changed(f"ticket://{id}")
    return Answer(
        [text(f"{id} is {ticket.status}, with {len(ticket.comments)} comments.")], msgspec.to_builtins(ticket)
    )


@server.tool(
    "run_report",
    title="Run the report",
    description="Count the tickets, slowly: tells its progress while it works, and can be cancelled.",
    takes=takes(
        seconds={
            "type": "number",
            "description": "How long to take",
            "minimum": 0,
            "maximum": report_seconds_max,
            "default": 2,
        }
    ),
    gives=gives(total={"type": "integer"}, **{status: {"type": "integer"} for status in STATUSES}),
    readOnlyHint=True,
    idempotentHint=True,
)
async def run_report(call: Call, seconds: float = 2) -> Answer:
    call.log("info", f"The report begins; it takes {seconds:g} seconds.")
    for step in range(1, report_steps + 1):
        await asyncio.sleep(seconds / report_steps)
        call.progress(step, report_steps, f"Page {step} of {report_steps}")
    counts = {status: sum(ticket.status == status for ticket in desk.tickets.values()) for status in STATUSES}
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    call.log("debug", "The report is done.")
    return Answer([text(f"{len(desk.tickets)} tickets: {said}.")], {"total": len(desk.tickets), **counts})


if __name__ == "__main__":
    run(server)
