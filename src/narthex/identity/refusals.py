"""What callers are told who may not come in: each sentence says what to do about it.

Knows: the reasons that have nothing to do with one token's contents. Refuses to know: when each of them applies.
"""

from typing import Final

from narthex.model.identity import Principal, Refusal
from narthex.policy import entrance

NOBODY: Final = "This gateway must know who calls: send a token, Authorization: Bearer TOKEN."
NO_KEY: Final = "This gateway must know who calls: send an API key, Authorization: Bearer nx_KEY or X-API-Key: nx_KEY."


def _void(message: str) -> Refusal:
    return Refusal(401, "invalid_token", message)


NO_KEYS: Final = _void("API keys are not taken here: send a token of an issuer.")
NO_TOKENS: Final = _void("This is no API key, and tokens of issuers are not taken here.")
NO_ISSUER: Final = _void("The token's issuer is not one whose tokens are taken here.")
NO_KEY_OF_OURS: Final = _void("This is no API key of this gateway.")
NO_KEY_THERE: Final = _void(
    "The header X-API-Key is for API keys of this gateway; send a token as Authorization: Bearer."
)
ELSEWHERE: Final = _void(entrance.ELSEWHERE)
TAKEN_BACK: Final = _void("What this token was given for was taken back. Sign in again.")
OPAQUE: Final = _void(
    "The token is none that can be read here: it must be a signed one (a JWT). Many issuers give out such a one only "
    "when they are asked for the 'resource' or audience of this URL."
)


def lacking(required: frozenset[str], who: Principal) -> Refusal | None:
    """The scopes that every request needs, and this caller has not."""
    if required <= who.scopes:
        return None
    text = entrance.lacking(entrance.THE_GATEWAY, required, who.scopes)
    return Refusal(403, "insufficient_scope", text, scopes=required)
