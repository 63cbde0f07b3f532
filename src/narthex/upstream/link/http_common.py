"""What both eras of Streamable HTTP share: faults as the house names them, replies as JSON-RPC messages.

Knows: statuses and content types. Refuses to know: headers of either era.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from narthex.model.outcome import Outcome, UpstreamFault
from narthex.upstream.credentials.challenge import scopes_asked
from narthex.upstream.credentials.face import GRANT_NEEDED, CredentialFault, GrantNeeded
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.link.ask import Ask, Begun, response_of
from narthex.wire.envelope import ABSENT, Incoming, encode_request, read_incoming

_REASONS = {
    "connect_failed": ("upstream_unavailable", "no connection to it"),
    "connect_timeout": ("upstream_unavailable", "it did not accept a connection in time"),
    "tls_failed": ("upstream_unavailable", "the TLS handshake with it failed"),
    "blocked_address": ("upstream_blocked", "its address is not one we may speak to"),
    "pool_full": ("upstream_busy", "too many requests to it are open"),
    "timeout": ("upstream_timeout", "it did not answer in time"),
    "lost": ("upstream_lost", "the connection was lost before an answer"),
    "truncated": ("upstream_lost", "the connection was lost in the middle of the answer"),
    "malformed": ("upstream_malformed", "its answer breaks the rules of HTTP or of event streams"),
    "too_large": ("upstream_too_large", "its answer is over the limit"),
}


async def rest_of(
    begun: Begun, http: HttpClient, headers: bytes, params_of: Callable[[Ask, int | str], dict[str, Any]]
) -> HttpReply:
    """The answer to a request that is out already. Refused, it may have to be sent once more. Raises HttpFault."""
    reply = await begun.wait()
    if reply.status not in (401, 403):
        return reply
    ask, request_id = begun.ask, begun.request_id
    return await http.repeat(
        reply,
        begun.shown,
        headers,
        encode_request(request_id, ask.method, params_of(ask, request_id)),
        deadline=ask.deadline,
        on_event=begun.reader.event,
        caller=ask.caller,
    )


def fault_of(server: str, error: HttpFault) -> UpstreamFault:
    if isinstance(error, GrantNeeded):
        return UpstreamFault(server, GRANT_NEEDED, str(error), note=error.note, scopes=error.scopes)
    if isinstance(error, CredentialFault):
        after = int(error.retry_seconds * 1000) if error.retry_seconds is not None else None
        return UpstreamFault(server, "upstream_unauthorized", str(error), note=error.note, retry_after_ms=after)
    reason, text = _REASONS.get(error.reason, ("upstream_lost", error.reason))
    return UpstreamFault(server, reason, text, sent=error.sent)


def read_outcome(server: str, reply: HttpReply, request_id: int) -> Outcome:
    """The JSON-RPC response in a JSON body, at whatever status; otherwise the status tells what went wrong."""
    incoming = _read(reply.body, request_id)
    outcome = outcome_of(incoming, request_id) if incoming is not None else None
    if outcome is not None and not (reply.status >= 400 and _of_another_era(incoming)):
        return outcome
    raise status_fault(server, reply)


def note_refusal(ask: Ask, reply: HttpReply) -> None:
    """A 403 that names scopes: what the operator makes of them is decided above."""
    if reply.status == 403 and ask.caller is not None:
        ask.caller.asked_for(scopes_asked(reply))


def outcome_of(incoming: Incoming, request_id: int) -> Outcome | None:
    """The outcome a message is for this request, or None if it is not the response to it."""
    if incoming.method is not None:
        return None
    if incoming.id != request_id and not (incoming.id is None and incoming.error is not ABSENT):
        return None
    try:
        return response_of(incoming)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def status_fault(server: str, reply: HttpReply) -> UpstreamFault:
    """An answer without a usable JSON-RPC body. Its text is never shown: it may hold what is not for clients."""
    status = reply.status
    if status in (401, 403):
        text = f"it refused our credentials (HTTP {status})"
        note = f"{text}: look at its `credentials` and `headers` in the configuration"
        return UpstreamFault(server, "upstream_unauthorized", text, note=note)
    if status in (429, 503):
        wait = reply.headers.get(b"retry-after", b"")
        after = int(wait) * 1000 if wait.isdigit() and len(wait) < 6 else None
        text = "it is too busy" + (f", retry in {after // 1000} seconds" if after else "")
        return UpstreamFault(server, "upstream_busy", text, retry_after_ms=after)
    if status >= 400:
        return UpstreamFault(server, "upstream_status", f"it answered with HTTP {status}", status=status)
    return UpstreamFault(
        server, "upstream_malformed", "its answer is not the JSON-RPC response to our request", sent=True
    )


def _of_another_era(incoming: Incoming | None) -> bool:
    """An HTTP error that does not even name our request: servers of the other era refuse us like this."""
    return incoming is not None and incoming.id is None


def _read(body: bytes, request_id: int) -> Incoming | None:
    try:
        return read_incoming(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _first_of_batch(body, request_id)


def _first_of_batch(body: bytes, request_id: int) -> Incoming | None:
    try:
        batch = msgspec.json.decode(body, type=list[Incoming])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return next((item for item in batch if item.id == request_id), None)
