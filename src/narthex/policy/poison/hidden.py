"""Signs that a person does not see and a model reads: tags, joiners, turned text, selectors, control codes.

Knows: where each has honest work to do (flags, emoji, Persian, Arabic, Indic scripts, CJK), and leaves it there.
Refuses to know: what the hidden text says, but for showing it.
"""

import re
from collections.abc import Iterator

from narthex.limits import poison_hidden_seen_max
from narthex.policy.poison.verdict import Sight, shown
from narthex.policy.redaction.automaton import Search

_TAGS = re.compile("[\U000e0000-\U000e007f]+")
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")  # of Wales, say
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_ZERO = re.compile("[\u200b-\u200d\u2060-\u2064\u206a-\u206f\ufeff\u034f\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0]+")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]+")
_MARKS = re.compile("[\u200e\u200f\u061c]+")
_CODES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]+")
_PADDING = re.compile("[ \t\u00a0\u2000-\u200a\u3000]{200,}|\n(?:[ \t]*\n){30,}")
# The same, and padding, for the engine that is fast: most texts have nothing of it.
_occurs = Search(
    rb"[\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}\x{7F}-\x{84}\x{86}-\x{9F}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180E}\x{200B}-\x{200F}"
    rb"\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{206F}\x{3164}\x{FE00}-\x{FE0F}\x{FEFF}\x{FFA0}\x{E0000}-\x{E01EF}]",
    utf8=True,
).occurs
_padded = Search(rb"[ \t\x{A0}\x{2000}-\x{200A}\x{3000}]{200}|\n(?:[ \t]*\n){30}", utf8=True).occurs
_ANY = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_JOINING = re.compile("[\u0600-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\ufb50-\ufdff\ufe70-\ufefc]")  # use joiners
_CJK = re.compile("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_PICTURE = re.compile("[\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff0-9#*]")


def hidden(text: str) -> Iterator[Sight]:
    """`at` counts signs: good enough to tell what is near."""
    raw = text.encode("utf-8", "replace")
    if not _occurs(raw):
        if _padded(raw):
            yield from _padding(text)
        return
    text = _FLAG.sub("", text)
    for look in (_tags, _selectors, _zero, _turned, _codes, _padding):
        yield from look(text)


def bare(text: str) -> str:
    """The text without any of them: what a model makes of it."""
    return _ANY.sub("", text) if _occurs(text.encode("utf-8", "replace")) else text


def _some(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for count, match in enumerate(pattern.finditer(text)):
        if count >= poison_hidden_seen_max:
            return
        yield match


def _tags(text: str) -> Iterator[Sight]:
    for match in _some(_TAGS, text):
        said = "".join(chr(ord(sign) & 0x7F) for sign in match.group())
        yield Sight("hidden", match.start(), shown(said), "a text in tag characters, which no screen shows", 0.98)


def _selectors(text: str) -> Iterator[Sight]:
    for match in _some(_SELECTORS, text):
        before = text[match.start() - 1 : match.start()]
        if len(match.group()) > 1:
            weight, why = 0.9, "a row of variation selectors: each can carry a byte that no screen shows"
        elif _PICTURE.match(before) or _CJK.match(before) or _JOINING.match(before):
            continue
        else:
            weight, why = 0.4, "a variation selector after a sign that has no variants"
        yield Sight("hidden", match.start(), _near(text, match), why, weight)


def _zero(text: str) -> Iterator[Sight]:
    for match in _some(_ZERO, text):
        row, before, behind = (
            match.group(),
            text[match.start() - 1 : match.start()],
            text[match.end() : match.end() + 1],
        )
        if row == "\ufeff" and match.start() == 0:
            continue
        if set(row) <= set("\u200c\u200d") and (_JOINING.match(before) or _PICTURE.match(before)):
            continue
        if len(row) > 3:
            weight, why = 0.9, "a row of signs without width: two of them are enough to write any text"
        elif before.isalpha() and before.isascii() and behind.isalpha() and behind.isascii():
            weight, why = 0.7, "a sign without width inside of a word"
        else:
            weight, why = 0.3, "a sign without width"
        yield Sight("hidden", match.start(), _near(text, match), why, weight)


def _turned(text: str) -> Iterator[Sight]:
    right_to_left = _RIGHT_TO_LEFT.search(text)
    for match in _some(_TURNING, text):
        over = "\u202d" in match.group() or "\u202e" in match.group()
        weight = 0.9 if over else 0.2 if right_to_left else 0.6
        why = "turns the direction of what follows: a screen shows another text than a model reads"
        yield Sight("hidden", match.start(), _near(text, match), why, weight)
    if right_to_left:
        return
    for match in _some(_MARKS, text):
        why = "a mark of direction in a text that has only one"
        yield Sight("hidden", match.start(), _near(text, match), why, 0.4)


def _codes(text: str) -> Iterator[Sight]:
    for match in _some(_CODES, text):
        escape = "\x1b" in match.group() or "\x9b" in match.group()
        why = "a terminal's control code: it can hide or overwrite text" if escape else "a control sign"
        yield Sight("hidden", match.start(), _near(text, match), why, 0.8 if escape else 0.2)


def _padding(text: str) -> Iterator[Sight]:
    for match in _some(_PADDING, text):
        if text[match.end() :].strip() and text[match.end()] != "|":  # a table is as wide as it is
            why = "so much white space that what follows is out of sight"
            yield Sight("hidden", match.start(), shown(text[match.end() : match.end() + 80]), why, 0.5)
            return


def _near(text: str, match: re.Match[str]) -> str:
    return shown(text[max(0, match.start() - 8) : match.end() + 8])
