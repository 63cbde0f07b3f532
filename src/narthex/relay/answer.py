"""What a client is answered, as bytes. Every face writes the same ones."""

from typing import NamedTuple

from narthex.model.outcome import Failure, Outcome, Result
from narthex.model.scope import NONE
from narthex.wire.envelope import encode_error, encode_result


class Answer(NamedTuple):
    """An encoded JSON-RPC response, and the HTTP status a modern client gets with it."""

    body: bytes
    status: int
    scopes: frozenset[str] = NONE  # with 403: what the challenge asks for, all that the operation needs


def answer_of(request_id: int | str, outcome: Outcome) -> Answer:
    """Encoded once; every face writes these bytes."""
    if type(outcome) is Result:
        return Answer(encode_result(request_id, outcome.members), 200)
    assert type(outcome) is Failure
    body = encode_error(request_id, outcome.code, outcome.message, outcome.data, has_data=outcome.has_data)
    return Answer(body, outcome.status, outcome.scopes)
