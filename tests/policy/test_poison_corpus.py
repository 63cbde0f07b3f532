"""What docs/definitions.md says of how much poison is found is so, or better."""

import pytest
from generate_poison import PAGE, percent, said
from poison_corpus import DEFINITIONS, TEXTS, Case, honest, poisoned
from poison_measured import COUNT, SURE, Rate, judged, rates

from narthex.limits import poison_score_alarm

FOUND_BY_NOBODY = {"persuasion", "polite"}


@pytest.fixture(scope="module")
def measured() -> dict[str, Rate]:
    return {**rates(poisoned(COUNT)), **{f"honest: {kind}": rate for kind, rate in rates(honest(COUNT)).items()}}


def test_the_page_says_what_is_measured(measured: dict[str, Rate]) -> None:
    shown = {name: (percent(rate.share), percent(rate.sure_share)) for name, rate in measured.items()}

    assert {name: (f"{low} %", f"{high} %") for name, (low, high) in said().items()} == shown, (
        f"run tests/policy/generate_poison.py: {PAGE.name} is not up to date"
    )


@pytest.mark.parametrize("kind", sorted({made.__name__ for made in (*DEFINITIONS, *TEXTS)} - FOUND_BY_NOBODY))
def test_every_known_shape_is_found(kind: str, measured: dict[str, Rate]) -> None:
    assert measured[kind].share == 1.0


def test_what_has_no_word_that_gives_it_away_is_not_found_and_is_said_so(measured: dict[str, Rate]) -> None:
    assert {kind: measured[kind].alarmed for kind in FOUND_BY_NOBODY} == dict.fromkeys(FOUND_BY_NOBODY, 0)


def test_honest_definitions_are_left_alone(measured: dict[str, Rate]) -> None:
    assert measured["honest: definition"].alarmed == 0


def test_few_honest_texts_are_called_suspicious_and_none_surely(measured: dict[str, Rate]) -> None:
    assert measured["honest: text"].share <= 0.03
    assert measured["honest: text"].sure == 0


def test_the_same_seed_makes_the_same_corpus() -> None:
    assert list(poisoned(2)) == list(poisoned(2))
    assert list(poisoned(2)) != list(poisoned(2, seed=8))


@pytest.mark.parametrize("case", list(poisoned(2)), ids=lambda case: case.kind)
def test_whatever_is_told_of_poison_is_harmless_to_read(case: Case) -> None:
    for finding in judged(case).findings:
        for words in (finding.excerpt, finding.why):
            assert words.isprintable(), words
            assert len(words) <= 200
        assert finding.excerpt.isascii()
        assert 0 < finding.weight < 1


def test_the_thresholds_are_those_of_the_page() -> None:
    assert (poison_score_alarm, SURE) == (0.5, 0.8)
