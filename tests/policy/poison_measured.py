"""How much of what is poisoned is found, and how much is found that is honest: of any corpus of cases."""

from collections.abc import Iterable
from typing import NamedTuple

from poison_corpus import NEIGHBOURS, Case

from narthex.limits import poison_score_alarm
from narthex.policy.poison.scoring import score, score_text
from narthex.policy.poison.shadow import Others
from narthex.policy.poison.verdict import Verdict

COUNT = 24
SURE = 0.8  # the score from which on `definitions` calls something poisoned, where the operator does not say
NEAR = Others(NEIGHBOURS)


class Rate(NamedTuple):
    alarmed: int  # scored poison_score_alarm or more
    sure: int  # scored SURE or more
    of: int

    @property
    def share(self) -> float:
        return self.alarmed / self.of if self.of else 0.0

    @property
    def sure_share(self) -> float:
        return self.sure / self.of if self.of else 0.0


def judged(case: Case, others: Others = NEAR, server: str = "new") -> Verdict:
    return score_text(case.text) if case.definition is None else score(case.definition, others, server)


def rates(cases: Iterable[Case]) -> dict[str, Rate]:
    """By kind."""
    found: dict[str, Rate] = {}
    for case in cases:
        alarmed, sure, of = found.get(case.kind, Rate(0, 0, 0))
        score_of = judged(case).score
        found[case.kind] = Rate(alarmed + (score_of >= poison_score_alarm), sure + (score_of >= SURE), of + 1)
    return found
