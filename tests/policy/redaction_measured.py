"""How much of what is there is found, and how much is found that is not there."""

import json
from collections import Counter
from typing import NamedTuple

from redaction_corpus import BEHIND_THEIR_NAME, bare, lookalikes, planted

from narthex.model.rules.redaction import Redaction
from narthex.policy.redaction.compiling import compiled_rule
from narthex.policy.redaction.engine import Engine, Work
from narthex.policy.redaction.matcher import Budget, TooMuch

COUNT = 400


class Rate(NamedTuple):
    found: int
    of: int

    @property
    def share(self) -> float:
        return self.found / self.of if self.of else 0.0


class Measured(NamedTuple):
    hidden: dict[str, Rate]  # by kind: texts in which nothing of the value is left
    named: dict[str, Rate]  # and that were called by the right name
    bare: dict[str, Rate]  # by kind: the same without their names
    false: dict[str, Rate]  # by kind of lookalike: texts in which something was found
    false_kinds: Counter[str]  # which kinds they were taken for
    beside: Rate  # texts in which something else was found beside what is there


def everything() -> Engine:
    return compiled_rule(Redaction(detect=("all",))).engine


def looked_at(engine: Engine, text: str) -> tuple[str, dict[str, int]]:
    """What is left of a text, and what was found, as a model would see both."""
    raw = json.dumps([{"type": "text", "text": text}]).encode()
    work = Work(Budget(len(raw)), lambda kind, *_: f"[{kind}]")
    try:
        left = json.loads(engine.json(raw, work))[0]["text"]
    except TooMuch:
        return "", {"withheld": 1}
    return left, work.counts


def hides(left: str, value: str) -> bool:
    """Nothing of the value is left: neither as a whole, nor in a piece of eight signs."""
    return not any(value[start : start + 8] in left for start in range(max(1, len(value) - 7)))


def measured(count: int = COUNT) -> Measured:
    engine = everything()
    hidden, named, kinds_of, beside = Counter[str](), Counter[str](), Counter[str](), 0
    for one in planted(count):
        left, counts = looked_at(engine, one.text)
        gone = hides(left, one.value)
        hidden[one.kind] += gone
        named[one.kind] += one.kind in counts
        beside += sum(counts.values()) > 1
        kinds_of[one.kind] += 1
    alone = Counter[str]()
    for one in bare(count):
        alone[one.kind] += hides(looked_at(engine, one.text)[0], one.value)
    false, kinds = Counter[str](), Counter[str]()
    per: Counter[str] = Counter()
    for thing in lookalikes(count):
        counts = looked_at(engine, thing.text)[1]
        per[thing.kind] += 1
        false[thing.kind] += bool(counts)
        kinds.update(counts)
    return Measured(
        {kind: Rate(hidden[kind], of) for kind, of in kinds_of.items()},
        {kind: Rate(named[kind], of) for kind, of in kinds_of.items()},
        {kind: Rate(alone[kind], count) for kind in BEHIND_THEIR_NAME},
        {kind: Rate(false[kind], of) for kind, of in per.items()},
        kinds,
        Rate(beside, sum(kinds_of.values())),
    )


if __name__ == "__main__":
    shown = measured()
    for name in ("hidden", "named", "bare", "false"):
        print(
            name,
            {
                kind: f"{rate.share:.1%}"
                for kind, rate in getattr(shown, name).items()
                if rate.share != (0 if name == "false" else 1)
            },
        )
    print(shown.false_kinds, shown.beside)
