"""What a client asks for when it sends somebody's browser here (OAuth 2.1, 4.1.1; RFC 8707; RFC 9207).

Knows: what such a request must say, and to whom a mistake in it is told: to the client only once its address is known
to be its own. Refuses to know: who sits at the browser.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from narthex.issuer.answer import Answer, described, redirect, with_parameters
from narthex.issuer.client import CODE_GRANT, BadClient, Client
from narthex.issuer.forms import Twice, once, pairs
from narthex.issuer.office import Office
from narthex.limits import token_scopes_max
from narthex.wire.redirects import matches

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,256}")
_STATE = re.compile(r"[ -~]{1,2048}")
PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})


class BadRequest(Exception):
    """Told to the person at the browser: there is no client that it could be told to."""


class Refused(Exception):
    """Told to the client, through the browser."""

    def __init__(self, wanted: "Reply", error: str, text: str) -> None:
        super().__init__(text)
        self.reply = wanted
        self.error = error


class Reply(msgspec.Struct, frozen=True):
    """How the client is answered."""

    redirect_uri: str
    state: str
    issuer: str

    def refuse(self, error: str, text: str) -> Answer:
        return self._answer({"error": error, "error_description": described(text)})

    def allow(self, code: str) -> Answer:
        return self._answer({"code": code})

    def _answer(self, said: dict[str, str]) -> Answer:
        state = {"state": self.state} if self.state else {}
        return redirect(with_parameters(self.redirect_uri, {**said, **state, "iss": self.issuer}))


class Wanted(msgspec.Struct, frozen=True):
    """One request, found good."""

    client: Client
    reply: Reply
    challenge: str
    resource: str
    scopes: tuple[str, ...]  # as it asked; none: it leaves it to us
    prompts: frozenset[str]
    query: str


async def read(office: Office, query: str, peer: str) -> Wanted:
    """Raises BadRequest, Refused."""
    said, resources = _said(query)
    client, reply = await _who(office, said, peer)
    try:
        _check_manner(said, client, reply)
        return Wanted(
            client=client,
            reply=reply,
            challenge=_challenge(said, reply),
            resource=_resource(office, resources, reply),
            scopes=_scopes(said, reply),
            prompts=_prompts(said, reply),
            query=query,
        )
    except _Mistake as mistake:
        raise Refused(reply, mistake.error, str(mistake)) from None


class _Mistake(Exception):
    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error = error


def _said(query: str) -> tuple[Mapping[str, str], list[str]]:
    """The parameters, and the resources among them: these alone may come more than once (RFC 8707, 2)."""
    try:
        found = pairs(query)
        resources = [value for name, value in found if name == "resource" and value]
        return once(pair for pair in found if pair[0] != "resource"), resources
    except Twice as twice:
        raise BadRequest(f"The app sent '{twice.name[:64]}' twice.") from None
    except ValueError:
        raise BadRequest("The app sent something that cannot be read.") from None


async def _who(office: Office, said: Mapping[str, str], peer: str) -> tuple[Client, Reply]:
    client_id = said.get("client_id", "")
    if not client_id:
        raise BadRequest("The app did not say which app it is (client_id).")
    try:
        client = await office.client(client_id, peer)
    except BadClient as bad:
        raise BadRequest(str(bad)) from None
    asked = said.get("redirect_uri") or (client.redirect_uris[0] if len(client.redirect_uris) == 1 else "")
    if not asked or not matches(asked, client.redirect_uris):
        raise BadRequest("The app wants to be answered at an address that is not registered for it (redirect_uri).")
    return client, Reply(asked, _state(said), office.settings.issuer)


def _state(said: Mapping[str, str]) -> str:
    state = said.get("state", "")
    if state and not _STATE.fullmatch(state):
        raise BadRequest("The app sent a 'state' that is too long, or holds signs that it may not hold.")
    return state


def _check_manner(said: Mapping[str, str], client: Client, reply: Reply) -> None:
    if "request" in said or "request_uri" in said:
        name = "request" if "request" in said else "request_uri"
        raise _Mistake(f"{name}_not_supported", "Send the parameters themselves.")
    if said.get("response_type") != "code":
        error = "unsupported_response_type" if said.get("response_type") else "invalid_request"
        raise _Mistake(error, "The only response_type is 'code'.")
    if said.get("response_mode", "query") != "query":
        raise _Mistake("invalid_request", "The only response_mode is 'query'.")
    if CODE_GRANT not in client.grant_types:
        raise _Mistake("unauthorized_client", "This client acts for itself, not for people.")


def _challenge(said: Mapping[str, str], reply: Reply) -> str:
    method, challenge = said.get("code_challenge_method", "plain"), said.get("code_challenge", "")
    if not challenge:
        raise _Mistake("invalid_request", "A code_challenge is required (PKCE, RFC 7636).")
    if method != "S256":
        raise _Mistake("invalid_request", "The only code_challenge_method is 'S256'.")
    if not _CHALLENGE.fullmatch(challenge):
        raise _Mistake("invalid_request", "The code_challenge is no SHA-256 digest in base64url.")
    return challenge


def _resource(office: Office, asked: list[str], reply: Reply) -> str:
    if len(asked) > 1:
        raise _Mistake("invalid_target", "A token is for one resource: ask for one.")
    found = resource(office, asked[0] if asked else "")
    if found is None:
        raise _Mistake("invalid_target", "This resource is not one of this gateway.")
    return found


def resource(office: Office, asked: str) -> str | None:
    """The resource that is meant, in our spelling: a slash at the end is none (RFC 8707; MCP, canonical URI)."""
    if not asked:
        return office.settings.default_resource
    known = office.gateway.resources()
    plain = asked.rstrip("/")
    return plain if plain in known else (asked if asked in known else None)


def _scopes(said: Mapping[str, str], reply: Reply) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(said.get("scope", "").split(" ")))
    scopes = tuple(scope for scope in scopes if scope)
    if len(scopes) > token_scopes_max or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise _Mistake("invalid_scope", "The scopes cannot be read, or are too many.")
    return scopes


def _prompts(said: Mapping[str, str], reply: Reply) -> frozenset[str]:
    prompts = frozenset(said.get("prompt", "").split())
    if "none" in prompts and len(prompts) > 1:
        raise _Mistake("invalid_request", "The prompt 'none' goes with no other.")
    return prompts & PROMPTS
