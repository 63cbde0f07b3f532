"""`subscriptions/listen` downstream: acknowledged first, then only what was asked for (basic/patterns/subscriptions).

Knows: filters and the subscription id on every message. Refuses to know: where the news come from (`relay.bus`).
"""

import asyncio
from typing import Any

from narthex.catalog.uris import private_uri
from narthex.edge.http1_exchange import Exchange
from narthex.edge.stream import Stream
from narthex.limits import Limits, item_uri_chars_max, resource_subscriptions_max
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.outcome import UpstreamFault
from narthex.relay.bus import Audience, Bus, Listener
from narthex.relay.fleet import Fleet
from narthex.relay.trial import readable
from narthex.wire.envelope import RequestId, encode_error, encode_notification, encode_result
from narthex.wire.faults import INTERNAL_ERROR, INVALID_PARAMS, PeerFault
from narthex.wire.ladder import ModernRequest
from narthex.wire.revisions import META_SUBSCRIPTION_ID
from narthex.wire.translate import modern_result

_LISTS = {"toolsListChanged": "tools", "promptsListChanged": "prompts", "resourcesListChanged": "resources"}


async def listen(
    exchange: Exchange,
    modern: ModernRequest,
    endpoint: Endpoint,
    who: Principal,
    bus: Bus,
    fleet: Fleet,
    limits: Limits,
    open_by: dict[str, int],
) -> None:
    """One subscription, until the client leaves, its time is over, or the gateway drains."""
    try:
        kinds, uris = honoured(modern.params, endpoint, who)
    except PeerFault as fault:
        exchange.respond(400, encode_error(modern.id, fault.code, str(fault), fault.data))
        return
    if open_by.get(who.key, 0) >= limits.listens_per_principal_max:
        text = f"You have {limits.listens_per_principal_max} subscriptions open, the most allowed. Close one first."
        exchange.respond(429, encode_error(modern.id, INTERNAL_ERROR, text, {"reason": "listens"}))
        return
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    exchange.on_disconnect = lambda: _settle(ended)
    stream = exchange.stream()

    def deliver(method: str, params: dict[str, Any]) -> None:
        stream.send(b"data: " + encode_notification(method, tagged(params, modern.id)) + b"\n\n")

    deliver("notifications/subscriptions/acknowledged", {"notifications": filter_of(kinds, uris)})
    listener = Listener(endpoint.name, kinds, uris, deliver, lambda: who)
    open_by[who.key] = open_by.get(who.key, 0) + 1
    try:
        async with asyncio.timeout(limits.listen_seconds_max):
            await stay(bus, listener, fleet, endpoint, ended)
    except TimeoutError:
        pass  # an hour is enough for one stream; the client listens again
    finally:
        open_by[who.key] -= 1
        finish(stream, modern.id, endpoint)


def _settle(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)


def honoured(params: dict[str, Any], endpoint: Endpoint, who: Principal) -> tuple[list[str], list[str]]:
    """The lists and URIs of a filter that can be served to this caller here. Raises `PeerFault` for a malformed one."""
    wanted = params.get("notifications")
    if type(wanted) is not dict:
        raise PeerFault(INVALID_PARAMS, "params.notifications must be an object.", data={"reason": "notifications"})
    uris = wanted.get("resourceSubscriptions") or []
    if type(uris) is not list or len(uris) > resource_subscriptions_max or not all(map(_is_uri, uris)):
        text = (
            f"resourceSubscriptions must be a list of at most {resource_subscriptions_max} URIs, "
            f"each of at most {item_uri_chars_max} characters."
        )
        raise PeerFault(INVALID_PARAMS, text, data={"reason": "resource_subscriptions"})
    kinds = [kind for name, kind in _LISTS.items() if wanted.get(name) is True and kind in endpoint.capabilities]
    return kinds, [uri for uri in uris if subscribable(endpoint, uri) and readable(endpoint, who, uri)]


def _is_uri(found: Any) -> bool:
    return type(found) is str and len(found) <= item_uri_chars_max


def subscribable(endpoint: Endpoint, uri: str) -> bool:
    found = private_uri(endpoint, uri)
    if found is None:
        return False
    resources = endpoint.server_capabilities.get(found[0], {}).get("resources")
    return type(resources) is dict and bool(resources.get("subscribe"))


def filter_of(kinds: list[str], uris: list[str]) -> dict[str, Any]:
    """The filter as the acknowledgement repeats it."""
    names = {kind: name for name, kind in _LISTS.items()}
    honoured_filter: dict[str, Any] = {names[kind]: True for kind in kinds}
    if uris:
        honoured_filter["resourceSubscriptions"] = uris
    return honoured_filter


def tagged(params: dict[str, Any], subscription: RequestId) -> dict[str, Any]:
    """Every message of a subscription carries the id of its listen request, in the type the client gave it."""
    return {**params, "_meta": {META_SUBSCRIPTION_ID: subscription}}


async def stay(bus: Bus, listener: Listener, fleet: Fleet, endpoint: Endpoint, ended: "asyncio.Future[None]") -> None:
    """Let a listener hear, until it leaves (`ended`) or the gateway drains. No server that is slow delays the end."""
    held: list[tuple[str, str]] = []
    owners: dict[str, list[str]] = {}
    for uri in listener.uris:
        if (found := private_uri(endpoint, uri)) is not None:
            owners.setdefault(found[0], []).append(found[1])
    bus.add(listener)
    try:
        async with asyncio.TaskGroup() as tasks:
            asking = [
                tasks.create_task(_hold(fleet, name, uris, held, listener.who())) for name, uris in owners.items()
            ]
            await bus.until_over(ended, Audience(listener.endpoint, listener.who, listener.uris))
            for task in asking:
                task.cancel()
    finally:
        bus.remove(listener)
        for name, uri in held:
            if (server := fleet.servers.get(name)) is not None:
                server.news.unsubscribe(uri, None, listener.who())


async def _hold(fleet: Fleet, name: str, uris: list[str], held: list[tuple[str, str]], who: Principal) -> None:
    """Ask the server for news of these URIs of its own. `held` gets what has to be released later."""
    for uri in uris:
        server = fleet.servers.get(name)
        if server is None:
            return
        try:
            refusal = await server.news.subscribe(uri, None, who)
        except UpstreamFault:
            server.news.want(uri, None, who)  # when it comes back, everything that is wanted is asked for
            refusal = None
        if refusal is None:
            held.append((name, uri))


def finish(stream: Stream, request_id: RequestId, endpoint: Endpoint) -> None:
    """The graceful end: a complete result for the listen request, then the end of the stream."""
    meta = {META_SUBSCRIPTION_ID: request_id}
    members = modern_result("subscriptions/listen", {"_meta": meta}, endpoint.server_info)
    stream.end(b"data: " + encode_result(request_id, members) + b"\n\n")
