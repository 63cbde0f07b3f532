"""One peer on one channel of messages: stdio of either era, and HTTP+SSE of 2024-11-05.

Knows: sessions of older revisions, requests in work, questions to the client. Refuses to know: what carries a message.
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import far_offers as offers
from far_brain import META, Place, RpcError, Talk
from far_offers import Tree

LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


class Session:
    """What an older client agreed on."""

    def __init__(self, place: Place, revision: str, params: Tree) -> None:
        self.place = place
        self.revision = revision
        self.capabilities: Tree = params.get("capabilities", {})
        self.level = "info"
        self.subscribed: set[str] = set()
        self.inflight: dict[Any, asyncio.Task[Any]] = {}
        self.questions: dict[Any, asyncio.Future[Tree]] = {}
        self._numbers = itertools.count(1)

    def initialized(self) -> Tree:
        return {
            "protocolVersion": self.revision,
            "capabilities": offers.CAPABILITIES,
            "serverInfo": offers.SERVER_INFO,
            "instructions": "Speak slowly. " + offers.ODD,
        }

    def wants(self, method: str, params: Tree) -> bool:
        return method != "notifications/resources/updated" or params["uri"] in self.subscribed

    async def own(self, talk: Talk, method: str, params: Tree) -> Tree:
        """Methods that belong to the session; the rest is the place's."""
        if method == "logging/setLevel":
            self.level = params["level"]
            return {}
        if method == "resources/subscribe":
            self.subscribed.add(params["uri"])
            return {}
        if method == "resources/unsubscribe":
            self.subscribed.discard(params["uri"])
            return {}
        return await self.place.answer(talk, method, params)

    def note(self, message: Tree) -> None:
        """A notification, or a response to a question of ours."""
        if message.get("method") == "notifications/cancelled":
            task = self.inflight.get(message["params"]["requestId"])
            if task is not None:
                task.cancel()
        elif "method" not in message:
            self.place.replies.append(message)
            question = self.questions.pop(message["id"], None)
            if question is not None and not question.done():
                question.set_result({name: message[name] for name in ("result", "error") if name in message})

    async def ask(self, send: Callable[[Tree], None], method: str, params: Tree) -> Tree:
        question_id: int | str = next(self._numbers)
        if question_id % 2:
            question_id = f"far-{question_id}"
        future = self.questions[question_id] = asyncio.get_running_loop().create_future()
        send({"jsonrpc": "2.0", "id": question_id, "method": method, "params": params})
        try:
            return await future
        except asyncio.CancelledError:
            self.questions.pop(question_id, None)
            send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": question_id}})
            raise


class Spoken:
    """A `Talk` whose notifications and questions go to one writer."""

    def __init__(self, send: Callable[[Tree], None], session: Session | None, params: Tree) -> None:
        meta = params.get("_meta", {})
        self.modern = META + "protocolVersion" in meta
        self.send, self.session = send, session
        self.capabilities = (
            meta.get(META + "clientCapabilities", {}) if self.modern or not session else session.capabilities
        )
        self.level = meta.get(META + "logLevel") if self.modern or not session else session.level

    async def notify(self, method: str, params: Tree) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def ask(self, method: str, params: Tree) -> Tree:
        assert self.session is not None, "only older clients are asked in mid-call"
        return await self.session.ask(self.send, method, params)

    async def part(self) -> None:
        """A channel cannot part."""


def failure(request_id: Any, error: RpcError) -> Tree:
    said: Tree = {"code": error.code, "message": error.message}
    if error.data is not None:
        said["data"] = error.data
    return {"jsonrpc": "2.0", "id": request_id, "error": said}


class Channel:
    """One peer. `take` is called per message; answers go to `send`."""

    def __init__(self, place: Place, send: Callable[[Tree], None], eras: tuple[str, ...]) -> None:
        self.place, self.send, self.eras = place, send, eras
        self.session: Session | None = None
        self.modern: dict[Any, asyncio.Task[Any]] = {}
        self.listens: dict[Any, Tree] = {}
        self.tasks: set[asyncio.Task[Any]] = set()
        place.ears.add(self.news)

    def take(self, message: Tree) -> None:
        self.place.seen.append({"message": message})
        params = message.get("params", {})
        modern = META + "protocolVersion" in params.get("_meta", {})
        if "id" not in message or "method" not in message:
            task = self.modern.get(params.get("requestId"))
            if task is not None and message.get("method") == "notifications/cancelled":
                task.cancel()
            elif self.session is not None:
                self.session.note(message)
            return
        if (modern and "modern" not in self.eras) or (not modern and "legacy" not in self.eras):
            self.send(failure(message["id"], RpcError(-32601, "not of my time")))
            return
        task = asyncio.create_task(self.serve(message, modern))
        owner = self.modern if modern or self.session is None else self.session.inflight
        owner[message["id"]] = task
        self.tasks.add(task)
        task.add_done_callback(lambda _: (owner.pop(message["id"], None), self.tasks.discard(task)))

    async def serve(self, message: Tree, modern: bool) -> None:
        try:
            result = await self.result(message, message.get("params", {}), modern)
        except RpcError as error:
            self.send(failure(message["id"], error))
        except asyncio.CancelledError:
            return
        else:
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": result})

    async def result(self, message: Tree, params: Tree, modern: bool) -> Tree:
        method = message["method"]
        if method == "initialize" and not modern:
            asked = params["protocolVersion"]
            self.session = Session(self.place, asked if asked in LEGACY else LEGACY[-1], params)
            return self.session.initialized()
        talk = Spoken(self.send, None if modern else self.session, params)
        if method == "subscriptions/listen" and modern:
            return await self.listen(message["id"], params)
        if self.session is not None and not modern:
            return await self.session.own(talk, method, params)
        return await self.place.answer(talk, method, params)

    async def listen(self, request_id: Any, params: Tree) -> Tree:
        wanted = self.listens[request_id] = params["notifications"]
        self.send(tagged("notifications/subscriptions/acknowledged", {"notifications": wanted}, request_id))
        try:
            await asyncio.Event().wait()
        finally:
            del self.listens[request_id]
        raise AssertionError("a listen ends by cancellation")

    def news(self, method: str, params: Tree) -> None:
        for request_id, wanted in self.listens.items():
            if listens_to(wanted, method, params):
                self.send(tagged(method, params, request_id))
        if self.session is not None and self.session.wants(method, params):
            self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def close(self) -> None:
        self.place.ears.discard(self.news)
        for task in list(self.tasks):
            task.cancel()


def tagged(method: str, params: Tree, subscription: Any) -> Tree:
    return {"jsonrpc": "2.0", "method": method, "params": {**params, "_meta": {META + "subscriptionId": subscription}}}


def listens_to(wanted: Tree, method: str, params: Tree) -> bool:
    if method == "notifications/resources/updated":
        return any(params["uri"].startswith(uri) for uri in wanted.get("resourceSubscriptions", []))
    kind = method.removeprefix("notifications/").removesuffix("/list_changed")
    return bool(wanted.get(f"{kind}ListChanged"))
