"""Who may decide on the administration address: whoever shows the token of the configuration.

Knows: that a program on this machine may be the very agent whose call waits, whose tool is quarantined, or who was
stopped. Refuses to know: what is decided.
"""

import hmac

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from narthex.control.answering import Tree, body_of, json_answer
from narthex.limits import decider_chars_max

# What the OpenAPI document says of each request that decides.
REFUSALS: Tree = {
    "401": {"description": "The token of `admin.token` is missing, or wrong."},
    "403": {"description": "Nobody decides here: there is no `admin.token`."},
}
# And of its body.
BODY: Tree = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"by": {"type": "string"}}, "additionalProperties": False}
        }
    },
}


class _Decision(msgspec.Struct, forbid_unknown_fields=True):
    by: str = "admin address"


class Decider:
    """`refusal` is the answer to whoever may not decide, and None for whoever may."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "<Decider>"

    async def named(self, request: Request) -> str | Response:
        """Who decides, in their own words; what lets them is the token. Or the answer to whoever may not."""
        refusal = self.refusal(request)
        if refusal is not None:
            return refusal
        try:
            return msgspec.json.decode(await body_of(request) or b"{}", type=_Decision).by[:decider_chars_max]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return json_answer({"error": str(error)}, status=400)

    def refusal(self, request: Request) -> Response | None:
        if self._token is None:
            text = (
                "Nobody decides here: 'admin.token' is not configured. On the machine itself 'narthex approvals', "
                "'narthex lock' and 'narthex resume' decide."
            )
            return json_answer({"error": text}, status=403)
        shown = request.headers.getlist("authorization")
        scheme, _, token = (shown[0] if len(shown) == 1 else "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        return json_answer({"error": "Show 'admin.token': Authorization: Bearer TOKEN."}, status=401)
