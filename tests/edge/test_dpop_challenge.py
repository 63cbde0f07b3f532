"""A client whose proof was not good is told so in the words of DPoP; everybody else in those of Bearer."""

from narthex.edge.challenge import Resource, challenge
from narthex.identity.binding import INVALID_PROOF
from narthex.model.authentication import ALGORITHMS
from narthex.model.identity import Refusal

HERE = Resource("https://tools.example.com", "")


def test_a_bad_proof_is_answered_with_the_scheme_it_was_for() -> None:
    ((name, value),) = challenge(Refusal(401, INVALID_PROOF, "The DPoP proof was shown before."), HERE)

    assert name == b"WWW-Authenticate"
    assert value.startswith(b'DPoP error="invalid_dpop_proof", error_description="The DPoP proof was shown before."')
    assert f'algs="{" ".join(ALGORITHMS)}"'.encode() in value
    assert HERE.metadata.encode() in value


def test_a_bad_token_is_answered_as_ever() -> None:
    ((_, value),) = challenge(Refusal(401, "invalid_token", "The token has expired."), None)

    assert value == b'Bearer error="invalid_token", error_description="The token has expired."'
