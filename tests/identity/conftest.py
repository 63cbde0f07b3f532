"""What the tests of this room share: one issuer process, and keys that take long to make."""

from collections.abc import Iterator

import pytest
from identity_kit import Realm, ec_key, issuer_process, okp_key, rsa_key
from joserfc.jwk import ECKey, OKPKey, RSAKey


@pytest.fixture(scope="session")
def issuers() -> Iterator[str]:
    with issuer_process() as base:
        yield base


@pytest.fixture
def realm(issuers: str) -> Realm:
    return Realm(issuers)


@pytest.fixture(scope="session")
def rsa_one() -> RSAKey:
    return rsa_key("rsa-1")


@pytest.fixture(scope="session")
def rsa_two() -> RSAKey:
    return rsa_key("rsa-2")


@pytest.fixture(scope="session")
def ec_one() -> ECKey:
    return ec_key("ec-1")


@pytest.fixture(scope="session")
def okp_one() -> OKPKey:
    return okp_key("okp-1")
