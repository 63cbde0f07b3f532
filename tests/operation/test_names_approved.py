"""Approvals where names may not be shown: who is asked does not read them, and what is sent is what was approved."""

from pathlib import Path
from typing import Any

import pytest
from approval_kit import Modern, bank, ledger, text
from operation_kit import Gateway, Tree, serving, until

from names_model import made

ARGUMENTS: Tree = {"to": "Anna Schmidt", "amount": 1}
APPROVAL: Tree = {"by": "caller", "wait_seconds": 0}


@pytest.fixture(scope="module")
def ner(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    model = made(tmp_path_factory.mktemp("names_approved"))
    return {"model": str(model), "entities": ["PERSON"], "seconds": 20}


def asked_and_approved(gateway: Gateway) -> tuple[str, Tree]:
    client = Modern(gateway)
    asked = client.call(ARGUMENTS)
    (question,) = asked["result"]["inputRequests"].values()
    return question["params"]["message"], client.answered(asked, ARGUMENTS)


@pytest.mark.parametrize(
    ("show", "direction", "shown", "sent"),
    [
        ("redacted", "results", "[person]", "Anna Schmidt"),
        ("exact", "results", "Anna Schmidt", "Anna Schmidt"),
        ("redacted", "both", "[person]", "[person]"),
        ("exact", "arguments", "[person]", "[person]"),
    ],
)
def test_who_is_asked_reads_what_may_be_read(
    tmp_path: Path, ner: Tree, show: str, direction: str, shown: str, sent: str
) -> None:
    redaction: Any = {"direction": direction, "detect": ["person"]}
    server = bank(tmp_path, {**APPROVAL, "show": show}, redaction=redaction)
    with serving(tmp_path, server, ner=ner) as gateway:
        until(lambda: "transfer" in gateway.tools(), "the bank is there")
        message, done = asked_and_approved(gateway)

        assert f'"to": "{shown}"' in message
        assert text(done) == "done"
        assert ledger(tmp_path) == [{"to": sent, "amount": 1}]
