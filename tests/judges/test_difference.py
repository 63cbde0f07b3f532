"""The judge is judged: a difference that nobody expected is an error, and so is an expected one that is gone."""

from collections import Counter
from pathlib import Path

import pytest
from outside.cells import EXPECTED, SERVER_CELLS, leave_out_better
from outside.difference import Difference, Expected, compare, read_expected
from outside.suite import CLIENT_ENDED, CLIENT_SCENARIOS, Check

PASSED = Check("server-ping", "ping", "SUCCESS")
FAILED = Check("server-ping", "ping", "FAILURE")
SKIPPED = Check("server-ping", "ping", "SKIPPED")


def expecting(direct: str, gateway: str) -> list[Expected]:
    return [Expected(("2025-11-25",), ("modern",), Difference("server-ping", "ping", direct, gateway), "because")]


def test_the_same_checks_on_both_sides_are_good() -> None:
    verdict = compare(Counter({PASSED: 2}), Counter({PASSED: 2}), [])

    assert verdict.good
    assert verdict.unexpected == []


def test_no_checks_at_all_are_not_good() -> None:
    assert not compare(Counter(), Counter(), []).good


@pytest.mark.parametrize("gateway", [{}, {FAILED: 1}, {SKIPPED: 1}, {PASSED: 2}, {PASSED: 1, SKIPPED: 1}], ids=str)
def test_every_other_multiset_is_a_difference(gateway: dict[Check, int]) -> None:
    verdict = compare(Counter({PASSED: 1}), Counter(gateway), [])

    assert not verdict.good
    assert [(found.scenario, found.check, found.direct) for found in verdict.unexpected] == [
        ("server-ping", "ping", "SUCCESS")
    ]


def test_how_often_a_check_came_is_part_of_the_difference() -> None:
    (found,) = compare(Counter({PASSED: 2}), Counter({PASSED: 1, FAILED: 1}), []).unexpected

    assert (found.direct, found.gateway) == ("SUCCESSx2", "FAILURE+SUCCESS")


def test_an_expected_difference_is_good() -> None:
    verdict = compare(Counter({PASSED: 1}), Counter({FAILED: 1}), expecting("SUCCESS", "FAILURE"))

    assert verdict.good
    assert "because" in str(verdict)


def test_an_expected_difference_that_is_gone_is_an_error() -> None:
    verdict = compare(Counter({PASSED: 1}), Counter({PASSED: 1}), expecting("SUCCESS", "FAILURE"))

    assert not verdict.good
    assert "expected to differ, and does not: server-ping | ping | SUCCESS | FAILURE" in str(verdict)


def test_an_expected_check_that_came_out_differently_again_is_two_errors() -> None:
    verdict = compare(Counter({PASSED: 1}), Counter({SKIPPED: 1}), expecting("SUCCESS", "FAILURE"))

    assert (len(verdict.unexpected), len(verdict.vanished)) == (1, 1)


def test_a_line_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "expected.txt"
    file.write_text("# a comment\n2025-11-25 | modern | server-ping | ping | SUCCESS | FAILURE |\n")

    with pytest.raises(ValueError, match=r"expected\.txt:2: a line has 7 columns"):
        read_expected(file)


@pytest.mark.parametrize(("direct", "gateway", "good"), [("FAILURE", "SUCCESS", True), ("SUCCESS", "FAILURE", False)])
def test_a_client_may_end_better_than_alone_and_never_worse(direct: str, gateway: str, good: bool) -> None:
    ended = [Counter({PASSED: 1, Check("server-ping", CLIENT_ENDED, status): 1}) for status in (direct, gateway)]

    leave_out_better(*ended, "server-ping")

    assert compare(*ended, []).good is good


def test_every_expected_difference_belongs_to_a_cell_that_is_judged() -> None:
    judged = {(cell.front, cell.behind) for cell in SERVER_CELLS} | {(front, "client") for front in CLIENT_SCENARIOS}

    named = {(front, behind) for line in read_expected(EXPECTED) for front in line.fronts for behind in line.behinds}

    assert set() == named - judged
