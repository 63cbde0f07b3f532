"""Who is told, over HTTP, that a call waits for somebody's yes: a webhook of the operator's own.

Knows: what is said there, how it is signed, and how often it is tried. Refuses to say what the arguments are, and to
take an answer for a decision. Redirects are not followed: it goes where the operator said, or nowhere.
"""

import asyncio
import hmac
import time
from collections.abc import Callable

from narthex.limits import approval_hook_retry_seconds, approval_hook_tries_max, approval_hooks_max
from narthex.model.approvals import Request, WebhookConfig
from narthex.store.audit.sinks.post import Post
from narthex.store.audit.sinks.sink import SinkFault
from narthex.store.audit.sinks.webhook import KEY, SIGNATURE
from narthex.store.desk import Desk
from narthex.telemetry.owned import Owned
from narthex.wire.strict import encode


class Herald:
    """One for the gateway. Whoever waits for a decision does not wait for this."""

    def __init__(self, owned: Owned, say: Callable[[str, str], None]) -> None:
        self._owned, self._say = owned, say
        self._config: WebhookConfig | None = None
        self._post: Post | None = None
        self._desk: Desk | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def adopt(self, config: WebhookConfig | None) -> None:
        if config != self._config:
            self._config = config
            self._post = Post(config.url, {}, None) if config is not None else None

    def tell(self, request: Request) -> None:
        if self._config is None or self._post is None:
            return
        if len(self._under_way) >= approval_hooks_max:
            self._say("warning", f"The webhook was not told of the approval {request.handle}: it is too slow")
            return
        task = self._owned.start(self._tell(request, self._config, self._post), "approval-webhook")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _tell(self, request: Request, config: WebhookConfig, post: Post) -> None:
        body = encode(said(request, time.time()))
        headers = {
            "Content-Type": "application/json",
            KEY: request.handle,
            SIGNATURE: "sha256=" + hmac.new(config.secret.encode(), body, "sha256").hexdigest(),
        }
        if self._desk is None:
            self._desk = Desk("approval-webhook")
        wait = approval_hook_retry_seconds
        for left in reversed(range(approval_hook_tries_max)):
            try:
                await self._desk.do(lambda: post(body, headers))
            except SinkFault as fault:
                if not left:
                    self._say("warning", f"The webhook was not told of the approval {request.handle}: {fault}")
                    return
            else:
                return
            await asyncio.sleep(wait)
            wait *= 2

    async def aclose(self) -> None:
        """What was not taken yet is not told any more."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._desk is not None:
            self._desk.close()


def said(request: Request, now: float) -> dict[str, object]:
    """No arguments: they are for whoever may decide, and are shown where that is done."""
    return {"event": "approval.pending", "sent": now, "handle": request.handle, **request.told()}
