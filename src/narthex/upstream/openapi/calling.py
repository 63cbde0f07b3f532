"""A tool that is a request: from arguments to an answer, page by page where the operator said so.

Knows: the order of things. Refuses to know: how a request is written, sent, read or shaped; that is beside it.
"""

import time
from collections.abc import Mapping
from typing import Any

from narthex.libraries.server import Answer, Call, Refusal, text
from narthex.limits import http_answer_bytes_max
from narthex.upstream.http.fault import HttpFault, TooLarge
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.link.http_common import fault_of
from narthex.upstream.openapi.answers import ABSENT, answer_of, read
from narthex.upstream.openapi.operation import HttpTool, Pages
from narthex.upstream.openapi.pages import Paging, hint
from narthex.upstream.openapi.refusals import broke_off, said_no
from narthex.upstream.openapi.request import Request, request_of
from narthex.upstream.openapi.selecting import Shaping
from narthex.upstream.openapi.sending import Sender
from narthex.upstream.openapi.standing import Standing


class HttpCall:
    """What a tool runs."""

    def __init__(self, server: str, tool: HttpTool, sender: Sender) -> None:
        """Raises BadPath."""
        self._server, self._operation, self._sender = server, tool.operation, sender
        self._shaping = Shaping(tool.shape) if tool.shape is not None else None
        self._paging = Paging(tool.pages, _first_page(tool, tool.pages)) if tool.pages is not None else None

    async def __call__(self, call: Call, /, **arguments: Any) -> Answer:
        """Raises Refusal."""
        request = request_of(self._operation, arguments, self._sender.base)
        reply = await self._fetched(call, request)
        found = read(reply, self._operation.title, self._sender.hide)
        if found.value is ABSENT:
            return Answer(found.blocks)
        if self._paging is not None and self._paging.most > 1:
            value, more = await self._all(call, self._paging, request, reply, found.value, arguments)
        else:
            value, more = found.value, hint(reply, self._operation, arguments)
        if self._shaping is not None:
            value = self._shaping.of(value)
        answer = answer_of(value)
        return answer if more is None else Answer([*answer.content, text(more)], answer.structured)

    async def _all(
        self,
        call: Call,
        paging: Paging,
        request: Request,
        reply: HttpReply,
        value: Any,
        arguments: Mapping[str, Any],
    ) -> tuple[list[Any], str | None]:
        """The items of all pages, up to the number that one call fetches, and what is to be said of the rest."""
        items, size = paging.items(value), len(reply.body)
        for number in range(1, paging.most + 1):
            onward = paging.next(reply, value, arguments)
            if onward is None:
                return items, None
            if number == paging.most or size > http_answer_bytes_max:
                said = hint(reply, self._operation, arguments)
                return items, said or f"There is more: these are the first {number} pages."
            if isinstance(onward, str):
                target = self._sender.below(onward, request.target)
                if target is None:
                    return items, "There is more, at an address outside of this API, which is not followed."
                request = request._replace(target=target)
            else:
                arguments = onward
                request = request_of(self._operation, arguments, self._sender.base)
            call.progress(number, paging.most, f"page {number + 1}")
            try:
                reply = await self._fetched(call, request)
                value = read(reply, self._operation.title, self._sender.hide).value
            except Refusal as fault:  # some APIs say so that there are no more; what was brought is brought
                return items, f"Page {number + 1} could not be fetched: {fault}"
            if value is ABSENT:
                return items, None
            size += len(reply.body)
            items += paging.items(value)
        return items, None

    async def _fetched(self, call: Call, request: Request) -> HttpReply:
        standing = Standing(call)
        sender, title = self._sender, self._operation.title
        caller = standing.caller() if sender.client.personal else None
        try:
            reply = await sender.send(request, standing.deadline, caller)
        except HttpFault as fault:
            # A server that is not there is the gateway's business; one answer that is too large is the model's.
            if not isinstance(fault, TooLarge):
                standing.lose(fault_of(self._server, fault))
            raise Refusal(broke_off(fault, title, reads=request.method in ("GET", "OPTIONS"))) from None
        if not 200 <= reply.status < 300:
            raise Refusal(said_no(reply, title, time.time(), sender.hide))
        return reply


def _first_page(tool: HttpTool, pages: Pages) -> int:
    """The number of the page that comes where none is asked for; some APIs begin with 0 and say so."""
    schema = tool.schema.get("properties", {}).get(pages.parameter)
    default = schema.get("default") if type(schema) is dict else None
    return default if type(default) is int else 1
