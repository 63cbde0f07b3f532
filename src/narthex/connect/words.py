"""The pages in words: rows, facts, buttons.

Knows: HTML with values in it, all of them escaped. Refuses to know: requests, and what a button does.
"""

import time
from html import escape
from urllib.parse import urlsplit

from narthex.connect.visitor import Visitor
from narthex.issuer.page import Html
from narthex.model.config import ServerConfig
from narthex.model.connection import Connection

_NOT_SAID = frozenset({"offline_access"})  # it says how long, not what


def escaped(text: str) -> str:
    return escape(text, quote=True)


def row(base: str, server: ServerConfig, state: str, *, connected: bool, can: bool) -> str:
    """One server in the list of all."""
    name = escaped(server.name)
    about = f'<p class="quiet">{escaped(server.description)}</p>' if server.description else ""
    kind, label = ("second button", "Change") if connected else ("button", "Connect")
    where = f"{base}/connect/{name}"
    button = f'<a id="connect-{name}" class="{kind}" href="{where}">{label}</a>' if can else ""
    said = f'<p id="state-{name}" class="quiet">{escaped(state)}</p>'
    return f'<li id="server-{name}"><div><strong>{name}</strong>{about}{said}</div>{button}</li>'


def state_of(found: Connection | None) -> str:
    if found is None:
        return "Not connected"
    account = f" as {found.account}" if found.account else ""
    return f"Connected{account} since {day(found.since)}"


def facts(server: ServerConfig, found: Connection | None) -> Html:
    """What is known of the grant, as terms and what they are."""
    pairs = [("Address", _code(_place(server.address or "")))]
    if found is not None:
        pairs.append(("Agreed to at", _code(_place(found.issuer))))
        if found.account:
            pairs.append(("Account", escaped(found.account)))
        scopes = sorted(found.scopes - _NOT_SAID)
        if scopes:
            pairs.append(("It may", " ".join(_code(scope) for scope in scopes)))
        pairs.append(("Since", escaped(day(found.since))))
    said = "".join(f"<dt>{term}</dt><dd>{what}</dd>" for term, what in pairs)
    return Html(f'<dl id="facts">{said}</dl>')


def buttons(found: Connection | None) -> Html:
    again = '<button id="connect" type="submit" name="do" value="connect">{}</button>'
    if found is None:
        return Html(again.format("Connect"))
    leave = '<button id="disconnect" class="second" type="submit" name="do" value="disconnect">Disconnect</button>'
    return Html(f'<div class="choice">{leave}{again.format("Connect again")}</div>')


def note(text: str, kind: str) -> Html:
    """`kind`: `done` or `problem`, which is its id too."""
    role, look = ("status", "good") if kind == "done" else ("alert", "bad")
    return Html(f'<p id="{kind}" class="note {look}" role="{role}">{escaped(text)}</p>')


def leave_button(visitor: Visitor) -> Html:
    if visitor.stays:
        return Html("")
    return Html('<button id="logout" class="link" type="submit" name="do" value="leave">Use another account</button>')


def day(seconds: float) -> str:
    return time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(seconds)).lstrip("0")


def _place(url: str) -> str:
    """Where it is, without what else an address may hold."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


def _code(text: str) -> str:
    return f"<code>{escaped(text)}</code>"
