"""Checks of what may not be shown or sent: every name is a kind, every pattern and path can be read.

Knows: `redaction`. Refuses to know: places and their order, and how anything is found.
"""

from collections.abc import Iterable

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.limits import redaction_paths_max, redaction_patterns_max
from narthex.model.json_path import BadPath, read
from narthex.model.rules.redaction import Redaction
from narthex.model.rules.rules import Rules
from narthex.policy.redaction.automaton import BadPattern
from narthex.policy.redaction.compiling import NAMES, compiled_rule, unknown
from narthex.policy.redaction.kind import GROUPS
from narthex.policy.redaction.matcher import compiled

_KEY = "redaction"
# What models are mostly asked for (`model.ner`), where somebody names it and has no model.
_BY_MODEL = ("person", "location", "organization", "nrp", "date_time")
_NO_MODEL = "Add 'ner: {model: …}', which finds names of people and places (docs/redaction.md)."


def check_redaction(findings: Findings, path: Path, rules: Rules) -> None:
    rule = rules.redaction
    if rule is None:
        return
    if isinstance(rule, Redaction):
        _one(findings, (*path, _KEY), rule)
        return
    if not rule:
        what = "must not be empty"
        findings.problem((*path, _KEY), what, "Leave the key out, and a less specific place decides.")
    directions: set[str] = set()
    for place, one in enumerate(rule):
        inner = (*path, _KEY, place)
        mine = {"results", "arguments"} if one.direction == "both" else {one.direction}
        if directions & mine:
            what = f"another rule here is about {' and '.join(sorted(directions & mine))} already"
            findings.problem((*inner, "direction"), what, "Write one rule for each direction.")
        directions |= mine
        _one(findings, inner, one)


def _one(findings: Findings, path: Path, rule: Redaction) -> None:
    before = len(findings.problems)
    _names(findings, path, rule)
    _patterns(findings, path, rule)
    _paths(findings, path, rule)
    if rule.direction != "results" and "tokenise" in (rule.action, *rule.actions.values()):
        what = "a token is for whoever asks; a server could do nothing with one"
        remedy = "Write two rules: tokenise with 'direction: results', and another action with 'direction: arguments'."
        findings.problem((*path, "direction"), what, remedy)
    if len(findings.problems) == before:
        try:
            compiled_rule(rule)
        except BadPattern as fault:
            findings.problem((*path, "patterns"), str(fault), "Use fewer of them, or shorter ones.")


def _names(findings: Findings, path: Path, rule: Redaction) -> None:
    named: list[tuple[Path, str]] = [((*path, "detect", place), name) for place, name in enumerate(rule.detect)]
    named += [((*path, "actions", name), name) for name in rule.actions]
    named += [((*path, "opens", place), name) for place, name in enumerate(rule.opens)]
    ner = findings.config.ner
    for inner, name in named:
        what = unknown(name, rule, ner.kinds if ner is not None else frozenset())
        if what is None:
            continue
        if name in _BY_MODEL and ner is None:
            findings.problem(inner, f"'{name}' has no form that could be searched for", _NO_MODEL)
        elif name in _BY_MODEL:
            findings.problem(inner, f"'{name}' is not looked for", f"Add {name.upper()} to 'ner.entities'.")
        else:
            findings.problem(inner, what, f"There are the groups {', '.join(GROUPS)}, and their kinds.")


def _patterns(findings: Findings, path: Path, rule: Redaction) -> None:
    if len(rule.patterns) > redaction_patterns_max:
        what = f"there are {len(rule.patterns)} patterns; at most {redaction_patterns_max} are searched for"
        findings.problem((*path, "patterns"), what, "Join several with '|'.")
    seen: set[str] = set()
    by_model = findings.config.ner.kinds if findings.config.ner is not None else frozenset[str]()
    for place, pattern in enumerate(rule.patterns):
        inner = (*path, "patterns", place)
        if pattern.name in seen or pattern.name in NAMES or pattern.name in GROUPS or pattern.name in by_model:
            findings.problem((*inner, "name"), f"'{pattern.name}' is the name of another kind", "Choose another one.")
        seen.add(pattern.name)
        try:
            compiled(pattern.pattern, ignore_case=pattern.ignore_case)
        except BadPattern as fault:
            remedy = (
                "Patterns are those of RE2 (github.com/google/re2/wiki/Syntax): no look-around, no back-references."
            )
            findings.problem((*inner, "pattern"), str(fault), remedy)


def _paths(findings: Findings, path: Path, rule: Redaction) -> None:
    _several(findings, (*path, "keep"), rule.keep or ())
    _several(findings, (*path, "drop"), rule.drop)
    if rule.direction == "arguments" and (rule.keep is not None or rule.drop):
        key = "keep" if rule.keep is not None else "drop"
        findings.problem((*path, key), "chooses members of results; this rule is about arguments", "Remove it.")


def _several(findings: Findings, path: Path, texts: Iterable[str]) -> None:
    for place, text in enumerate(texts):
        if place >= redaction_paths_max:
            findings.problem(path, f"names more than {redaction_paths_max} members", "Name what holds them.")
            return
        try:
            read(text)
        except BadPath as fault:
            remedy = "Like 'email', 'address.city' or '$.contacts[*].email'."
            findings.problem((*path, place), str(fault), remedy)
