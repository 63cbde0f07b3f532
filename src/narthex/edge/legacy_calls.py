"""What a client of an older revision may say in its session, whatever carries it (HTTP, HTTP+SSE, stdio).

Knows: the methods of 2024-11-05 to 2025-11-25. Refuses to know: connections; answers leave as encoded messages.
"""

import asyncio
from typing import Any

from narthex.edge.carried import carried
from narthex.edge.listening import subscribable
from narthex.limits import Limits, resource_subscriptions_max
from narthex.model.call import Call
from narthex.model.caller import NOTHING_CARRIED
from narthex.model.client import Client
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal
from narthex.model.outcome import Outcome, Result, UpstreamFault, failure_of
from narthex.relay import lists
from narthex.relay.answer import Answer, answer_of
from narthex.relay.bus import Bus, Listener
from narthex.relay.relay import Relay
from narthex.relay.session import Session, Sessions
from narthex.wire.envelope import Notification, Request, encode_result
from narthex.wire.faults import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PeerFault
from narthex.wire.revisions import LEGACY_METHODS, LOG_LEVELS, MODERN, negotiate

RELAYED = LEGACY_METHODS - {
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
}
_KINDS = ("tools", "prompts", "resources")


class LegacyCalls:
    """One for the gateway; every face of an older revision uses it."""

    def __init__(self, relay: Relay, bus: Bus, sessions: Sessions) -> None:
        self.relay, self.bus, self.sessions = relay, bus, sessions
        self._loop = asyncio.get_running_loop()

    def initialize(self, request: Request, endpoint_name: str, who: Principal) -> tuple[Session, bytes]:
        """A new session and the encoded InitializeResult. Raises `PeerFault`."""
        asked = request.params.get("protocolVersion")
        endpoint = self.relay.endpoint(endpoint_name)
        if type(asked) is not str or endpoint is None:
            raise PeerFault(INVALID_PARAMS, "params.protocolVersion must be a string.", data={"reason": "version"})
        revision = negotiate(asked)
        session = self.sessions.open(revision, request.params.get("capabilities"), endpoint_name, who)
        notes = self.relay.awaited(endpoint, who)
        return session, encode_result(request.id, lists.initialized(endpoint, revision, who, notes))

    async def answer(
        self,
        session: Session,
        request: Request,
        client: Client,
        limits: Limits,
        size: int,
        *,
        challenged: bool = False,
    ) -> Answer:
        """The encoded response to one request of a session. `challenged`: its status may be 403, for more scopes."""
        try:
            if request.method in RELAYED:
                call = self.call(session, request, client, limits, size)
                call.challenged = challenged
                return await self.relay.handle(call)
            outcome = await self._own(session, request, client, limits, size)
        except PeerFault as fault:
            outcome = failure_of(fault)
        except UpstreamFault as fault:
            outcome = fault.failure()
        return answer_of(request.id, outcome)

    def heard(self, session: Session, notification: Notification) -> None:
        if notification.method == "notifications/cancelled":
            session.cancel(notification.params)

    async def _own(self, session: Session, request: Request, client: Client, limits: Limits, size: int) -> Outcome:
        """What the gateway answers by itself."""
        method = request.method
        if method == "ping":
            return Result({})
        if method == "initialize":
            raise PeerFault(INVALID_REQUEST, "This session is initialized already.", data={"reason": "initialized"})
        if method == "logging/setLevel":
            return _set_level(session, request.params)
        if method in ("resources/subscribe", "resources/unsubscribe"):
            return await self._subscription(session, self.call(session, request, client, limits, size))
        raise PeerFault(METHOD_NOT_FOUND, f"Method {method[:128]!r} is not known here.")

    def call(self, session: Session, request: Request, client: Client, limits: Limits, size: int) -> Call:
        endpoint = self.relay.endpoint(session.endpoint)
        if endpoint is None:
            raise PeerFault(INVALID_REQUEST, "This endpoint is no longer configured.", data={"reason": "endpoint"})
        meta = request.params.get("_meta")
        token = meta.get("progressToken") if type(meta) is dict else None
        posted = getattr(client, "exchange", None)  # a channel has none: what came with its opening is long past
        names = self.relay.slot.current.carried
        return Call(
            id=request.id,
            method=request.method,
            params=request.params,
            endpoint=endpoint,
            principal=session.principal,
            revision=session.revision,
            capabilities=session.capabilities,
            client=client,
            deadline=Deadline.starting(self._loop.time(), limits.call_seconds_max, limits.call_seconds_absolute_max),
            progress_token=token if type(token) in (int, str) else None,
            # Until a client names a level, it gets what the server sends by itself.
            log_level=session.log_level or ("debug" if "logging" in endpoint.capabilities else None),
            level_said=session.log_level is not None,
            sitting=session.sitting,
            modern=False,
            carried=carried(posted.headers, names) if names and posted is not None else NOTHING_CARRIED,
            trace=posted.headers.notes.routing.trace if posted is not None else None,
            bytes_in=size,
        )

    # ---- news --------------------------------------------------------------------------------------------------

    def listener(self, session: Session) -> Listener:
        """The session's ear for changed lists and updated resources: announced to these revisions unasked."""
        if session.listener is None:
            session.listener = Listener(session.endpoint, _KINDS, (), session.tell, lambda: session.principal)
            self.bus.add(session.listener)
        return session.listener

    async def _subscription(self, session: Session, call: Call) -> Outcome:
        if call.method == "resources/unsubscribe":
            return self._unsubscribed(session, call)
        call.endpoint = await self.relay.settled(call.endpoint)
        refused = self.relay.refused(call)
        if refused is not None:
            return refused
        uri, found = call.exposed, (call.server, str(call.private["uri"]))
        if call.endpoint.server_revisions.get(call.server) == MODERN and not subscribable(call.endpoint, uri):
            # An older server is asked all the same: many keep subscriptions without declaring them.
            raise PeerFault(METHOD_NOT_FOUND, f"Server '{call.server}' offers no subscriptions to resources.")
        server = self.relay.fleet.servers.get(call.server)
        listener = self.listener(session)
        uris = listener.uris
        if uri not in uris and server is not None:
            if len(uris) >= resource_subscriptions_max:
                text = f"A session may subscribe to {resource_subscriptions_max} resources."
                raise PeerFault(INVALID_REQUEST, text, data={"reason": "resource_subscriptions"})
            refusal = await server.news.subscribe(found[1], session.sitting, session.principal)
            if refusal is not None:
                return refusal
            uris.add(uri)
            listener.held[uri] = found
        return Result({})

    def _unsubscribed(self, session: Session, call: Call) -> Outcome:
        """Whoever may not have a thing any more may still let go of it."""
        uri = call.params.get("uri")
        if type(uri) is not str:
            raise PeerFault(INVALID_PARAMS, "params.uri must be a string.", data={"reason": "uri"})
        listener = self.listener(session)
        refused = self.relay.refused(call) if uri not in listener.uris else None
        if refused is not None:
            return refused
        listener.uris.discard(uri)
        self._release(session, listener.held.pop(uri, None))
        return Result({})

    def _release(self, session: Session, held: tuple[str, str] | None) -> None:
        server = self.relay.fleet.servers.get(held[0]) if held is not None else None
        if held is not None and server is not None:
            server.news.unsubscribe(held[1], session.sitting, session.principal)

    async def leave(self, session: Session) -> None:
        """The session is over, and its token void."""
        self.sessions.end(session)
        await self.drop(session)

    async def drop(self, session: Session) -> None:
        """Release what a session holds here and at the servers. Its token may bring it back."""
        listener = session.listener
        self.sessions.forget(session)
        if listener is not None:
            for held in listener.held.values():  # its endpoint may be gone, or name them otherwise now
                self._release(session, held)
            listener.held.clear()
        await self.relay.fleet.leave(session.key)


def _set_level(session: Session, params: dict[str, Any]) -> Outcome:
    level = params.get("level")
    if level not in LOG_LEVELS:
        raise PeerFault(
            INVALID_PARAMS, f"params.level must be one of {', '.join(LOG_LEVELS)}.", data={"reason": "level"}
        )
    session.log_level = level
    return Result({})
