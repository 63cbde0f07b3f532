"""The judges of `conformance/`, as tests: one test for each cell, each client, each server.

A part that is not installed yet is installed by the first test that needs it.
"""

import sys
from pathlib import Path

import pytest

# The kit of the authorization server's own tests is used here too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issuer"))

from outside.install import ensure


@pytest.fixture(scope="session")
def suite_part() -> None:
    ensure("suite")


@pytest.fixture(scope="session")
def clients_part() -> None:
    ensure("clients")


@pytest.fixture(scope="session")
def fleet_part() -> None:
    ensure("fleet")


@pytest.fixture(scope="session")
def documents_part() -> None:
    ensure("documents")


@pytest.fixture(scope="session")
def provider_part() -> None:
    ensure("provider")
