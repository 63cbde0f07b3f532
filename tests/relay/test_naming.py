"""What somebody says is in a text is believed only where it can be."""

import pytest

from narthex.relay.naming import spans_in
from narthex.upstream.recogniser import Gone


def test_places_in_a_text_become_kinds_of_rules() -> None:
    assert spans_in("Zoë 🙂", ((0, 3, "PERSON"), (4, 5, "DATE_TIME"))) == ((0, 3, "person"), (4, 5, "date_time"))


@pytest.mark.parametrize("span", [(0, 6, "PERSON"), (-1, 2, "PERSON"), (2, 2, "PERSON"), (3, 1, "PERSON")])
def test_places_that_are_not_in_it_are_no_answer(span: tuple[int, int, str]) -> None:
    with pytest.raises(Gone, match="answered something else"):
        spans_in("Zoë 🙂", (span,))
