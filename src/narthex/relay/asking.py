"""A call ends because its caller has no grant at the server: the caller is asked for one, and sent to a page (H10).

Knows: how each kind of client is asked, and how long a call waits for the answer. Refuses to know: what a grant is, and
what happens on the page. What the server said of it (`WWW-Authenticate`) never reaches a client.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Iterable
from typing import Any

from narthex.limits import (
    connect_held_seconds_max,
    connect_news_max,
    connect_notes_max,
    connect_question_seconds_max,
    connect_questions_max,
    connect_tries_max,
)
from narthex.model.call import Call
from narthex.model.client import Client
from narthex.model.connection import Owner, owner_of
from narthex.model.outcome import Denial, Failure, Outcome, Result, UpstreamFault
from narthex.relay import state
from narthex.relay.link import link
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.connections import Connections
from narthex.upstream.credentials.face import GRANT_NEEDED, CredentialFault
from narthex.wire.faults import LEGACY_URL_ELICITATION_REQUIRED
from narthex.wire.revisions import INPUT_REQUIRED, LEGACY_NEWEST
from narthex.wire.seal import Sealer
from narthex.wire.translate import modern_result

_QUESTION = "gw.connect"
_COMPLETE = "notifications/elicitation/complete"


class Asking:
    """One for the gateway. `page`: the address of the connect page, once it is known; "": there is none."""

    def __init__(self, connections: Connections, sealer: Sealer, owned: Owned) -> None:
        self.connections = connections
        self.page = ""
        self._sealer, self._owned = sealer, owned
        self._loop = asyncio.get_running_loop()
        self._news = 0  # clients that wait to be told of a grant

    def notes(self, servers: Iterable[str]) -> list[str]:
        """What a client is told before it has called anything."""
        found = [one for one in servers if self.page and self.connections.granted_by(one) == "user"]
        text = "'{0}' shows what it has once its user has connected it: open {1}/{0} in a browser."
        return [text.format(name, self.page) for name in found[:connect_notes_max]]

    async def settle(self, call: Call, fault: UpstreamFault, tries: int) -> Outcome | Denial | None:
        """What the client of this call is told, or asked. None: the grant is there now, and the call can go on.

        `tries`: how often the call went on already, in this request.
        """
        if not self.page or self.connections.granted_by(fault.server) == "gateway":
            return _for_the_operator(call, fault)
        need = _Need(call, fault, owner_of(call.principal))
        url = link(self.page, fault.server, need.owner, self._sealer)
        if call.method not in INPUT_REQUIRED or not _opens_urls(call):
            return need.told(url)
        if call.modern:
            return await self._between_requests(need, url, tries)
        return need.told(url) if tries >= connect_tries_max - 1 else await self._in_the_request(need, url)

    # A modern client: the question is the answer, and the call comes back

    async def _between_requests(self, need: "_Need", url: str, tries: int) -> Outcome | Denial | None:
        call = need.call
        if call.asked and tries == 0 and _answers(call) and await self._arrives(need, connect_held_seconds_max):
            return None
        if call.asked >= connect_questions_max:
            return need.told(url)
        try:
            sealed = state.own(call, self._sealer, call.asked + 1)
        except ValueError:
            return need.told(url)
        question = {"method": "elicitation/create", "params": {"mode": "url", "url": url, "message": need.message}}
        members = {
            "resultType": "input_required",
            "inputRequests": {_QUESTION: question},
            "requestState": sealed,
        }
        return Result(modern_result(call.method, members, call.endpoint.server_info))

    async def _arrives(self, need: "_Need", seconds: float) -> bool:
        """Whether the grant is there, or comes soon: a client may repeat its call while its user is at the page."""
        arrived = self.connections.waiting(need.owner, need.server)
        try:
            if await self._is_there(need):
                return True
            left = need.call.deadline.at - self._loop.time()
            await asyncio.wait({arrived}, timeout=max(0.0, min(seconds, left)))
            need.call.deadline.extend(self._loop.time())  # it was not the server who was silent
            return arrived.done()
        finally:
            arrived.cancel()

    async def _is_there(self, need: "_Need") -> bool:
        """It may have come before anybody waited for it."""
        try:
            found = (await self.connections.of(need.owner)).get(need.server)
        except CredentialFault:
            return False
        return found is not None and need.scopes <= found.scopes

    # A client of 2025-11-25: asked within its request, which waits

    async def _in_the_request(self, need: "_Need", url: str) -> Outcome | Denial | None:
        call, question_id = need.call, secrets.token_urlsafe(16)
        params = {"mode": "url", "elicitationId": question_id, "url": url, "message": need.message}
        arrived = self.connections.waiting(need.owner, need.server)
        asking = self._owned.start(_asked(call.client, params), "question")
        ends = min(self._loop.time() + connect_question_seconds_max, call.deadline.latest)
        try:
            await self._until(ends, arrived, asking)
            answer = asking.result() if asking.done() and not arrived.done() else None
            if isinstance(answer, Failure):
                return self._beforehand(need, params)
            if isinstance(answer, Result) and answer.members.get("action") != "accept":
                return need.declined()
            await self._until(ends, arrived)
            if not arrived.done():
                return need.told(url)
        finally:
            arrived.cancel()
            asking.cancel()
            await asyncio.wait({asking})
        call.client.notify(_COMPLETE, {"elicitationId": question_id})
        call.deadline.extend(self._loop.time())
        return None

    async def _until(self, ends: float, *any_of: "asyncio.Future[Any]") -> None:
        left = ends - self._loop.time()
        await asyncio.wait(any_of, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)

    def _beforehand(self, need: "_Need", params: dict[str, Any]) -> Failure:
        """It cannot be asked within this request: the error of that revision says what has to be opened first."""
        if need.call.sitting is not None and self._news < connect_news_max:
            self._start(self._tell_later(need, need.call.sitting.client, params["elicitationId"]))
        return Failure(LEGACY_URL_ELICITATION_REQUIRED, need.message, {"elicitations": [params]})

    async def _tell_later(self, need: "_Need", client: Client, question_id: str) -> None:
        self._news += 1
        arrived = self.connections.waiting(need.owner, need.server)
        try:
            await self._until(self._loop.time() + connect_question_seconds_max, arrived)
            if arrived.done():
                client.notify(_COMPLETE, {"elicitationId": question_id})
        finally:
            self._news -= 1
            arrived.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._owned.start(work, "news")


class _Need:
    """What one call lacks, and how its client hears of it."""

    __slots__ = ("call", "message", "owner", "scopes", "server")

    def __init__(self, call: Call, fault: UpstreamFault, owner: Owner) -> None:
        self.call, self.owner = call, owner
        self.server, self.scopes = fault.server, fault.scopes
        if fault.scopes:
            what = f"'{_name(call)}' needs more rights at '{fault.server}' than you have given"
            self.message = f"{what}. Open this page to give them."
        else:
            what = f"'{_name(call)}' works with an account of yours at '{fault.server}'"
            self.message = f"{what}. Open this page to connect it."

    def told(self, url: str) -> Denial:
        """For a client that cannot be asked: its user, or its model, has to do what the sentence says."""
        said = self.message.partition(". ")[0]
        message = f"{said}. Open {url} in a browser, connect '{self.server}' there, and call again."
        return Denial("grant", GRANT_NEEDED, message, {"server": self.server, "url": url})

    def declined(self) -> Denial:
        return declined_by(self.call, self.server)


def declined(call: Call) -> Denial | None:
    """The call came back with a no: its server is not asked."""
    if all(type(one) is dict and one.get("action") == "accept" for one in _answers(call)):
        return None
    return declined_by(call, call.server)


def _answers(call: Call) -> list[Any]:
    given = call.params.get("inputResponses")
    return list(given.values()) if type(given) is dict else []


def declined_by(call: Call, server: str) -> Denial:
    text = f"'{_name(call)}' needs an account at '{server}' to be connected, and the user declined."
    return Denial("grant", "declined", text, {"server": server})


async def _asked(client: Client, params: dict[str, Any]) -> Outcome:
    return await client.ask("elicitation/create", params)


def _name(call: Call) -> str:
    return call.exposed or call.method


def _opens_urls(call: Call) -> bool:
    """A client that said it can open addresses, in a revision that knows how to ask for it."""
    if not call.modern and call.revision != LEGACY_NEWEST:
        return False
    return "url" in call.capabilities.get("elicitation", {})


def _for_the_operator(call: Call, fault: UpstreamFault) -> Denial:
    """One grant serves everybody; or the server is newer than this process, which shows no page yet (stdio)."""
    text = f"'{_name(call)}' needs '{fault.server}' to be connected, which is for whoever runs this gateway. Tell them."
    return Denial("grant", GRANT_NEEDED, text, {"server": fault.server})
