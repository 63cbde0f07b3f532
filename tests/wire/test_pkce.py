"""PKCE: the challenge of a verifier."""

from narthex.wire.pkce import challenge_of


def test_the_challenge_is_that_of_the_specification() -> None:
    """RFC 7636, appendix B."""
    found = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    assert found == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
