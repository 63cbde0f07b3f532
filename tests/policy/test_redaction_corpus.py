"""What docs/redaction.md says of how much is found is so, or better."""

import pytest
from generate_redaction import PAGE, between, kinds, percent
from redaction_corpus import ANYWHERE, BEHIND_THEIR_NAME
from redaction_measured import Measured, Rate, measured

from narthex.policy.redaction.compiling import NAMES


@pytest.fixture(scope="module")
def today() -> Measured:
    return measured()


def said(heading: str) -> dict[str, list[float]]:
    """The rows of the table whose head begins so: name -> the shares in it, in percent."""
    page = between(PAGE.read_text("utf-8"), "<!-- measured: begin -->", "<!-- measured: end -->")
    table = page.partition(heading)[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return {row[0].strip("`"): [float(cell.split()[0]) for cell in row[1:] if cell.endswith("%")] for row in rows}


def short(name: str, rates: dict[str, Rate], promised: dict[str, float]) -> list[str]:
    below = (kind for kind, least in promised.items() if rates[kind].share * 100 < least)
    return [f"{name} {kind}: {percent(rates[kind])}" for kind in below]


def test_no_less_is_hidden_than_the_page_says(today: Measured) -> None:
    rows = said("| kind | group |")

    assert set(rows) == set(today.hidden)
    assert short("hidden", today.hidden, {kind: shares[0] for kind, shares in rows.items()}) == []
    assert short("named", today.named, {kind: shares[1] for kind, shares in rows.items()}) == []


def test_no_more_is_taken_for_something_than_the_page_says(today: Measured) -> None:
    rows = {kind: shares[0] for kind, shares in said("| lookalikes |").items()}

    assert set(rows) == set(today.false)
    assert [kind for kind, most in rows.items() if today.false[kind].share * 100 >= most + 0.1] == []
    assert today.beside.found == 0


def test_the_page_is_worth_reading(today: Measured) -> None:
    """What it promises is a promise: nothing is found in fewer than 98 of a hundred texts."""
    assert [kind for kind, rate in today.hidden.items() if rate.share < 0.98] == []
    assert [kind for kind, rate in today.false.items() if rate.share > 0.05] == []


def test_every_kind_is_on_the_page_and_most_are_measured() -> None:
    assert kinds() in PAGE.read_text("utf-8")
    assert {*ANYWHERE, *BEHIND_THEIR_NAME} <= set(NAMES)
