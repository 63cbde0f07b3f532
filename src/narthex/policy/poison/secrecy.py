"""Orders to keep something from the person.

Knows: that honest software has no such wish. Refuses to know: what is kept secret.
"""

from narthex.policy.poison.phrases import Phrase

_PERSON = r"(?:user|human|customer|operator|client|person|them|him|her|anyone|anybody)s?\b"
_NOT = (
    r"\b(?:do(?:es)? ?n[o']t|don'?t|do not|never|must not|should not|mustn'?t|shouldn'?t|without|avoid|refrain from|"
    r"not to|no need to)\b"
)
_ALL_OF_THEM = r"(?:the |all |your |our )?(?:user|human|customer)s\b"
_NOT_KNOW = r"?(?:not|n'?t|never) (?:need to )?(?:know|see|be (?:told|informed|aware|notified))"  # after a space

PHRASES = (
    Phrase(
        "secrecy",
        "an order to keep something from the person",
        r"tell|mention|inform|notify|reveal|disclos|alert|let.{0,12}know|aware",
        rf"{_NOT}[^.!?]{{0,25}}\b(?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?|notify(?:ing)?|reveal(?:ing)?|"
        rf"disclos(?:e|ing)|"
        rf"alert(?:ing)?|let(?:ting)?|mak(?:e|ing))\b[^.!?]{{0,40}}\b{_PERSON}",
        0.6,
        0.5,
    ),
    Phrase(
        "secrecy",
        "an order not to speak of something",
        r"mention|disclose|reveal|explain|acknowledge|refer to|talk about|tell|display|output",
        r"\b(?:do not|don'?t|never|must not|should not) (?:ever )?(?:explicitly )?(?:mention|disclose|reveal|explain|"
        r"acknowledge|refer to|talk about|comment on)"
        r" (?:this|that|it\b|why|these|you|anything|the fact|about|any of|the (?:tool|instruction|file|note|existence|"
        r"reason|process|call))",
        0.5,
        0.35,
    ),
    Phrase(
        "secrecy",
        "says that something is to stay hidden",
        r"secret|hidden|hide|kept|concealed|confidential|private|between us|invisible|user|human|customer",
        r"\bkeep (?:this|it|that|these|the \w+) (?:a )?(?:secret|hidden|confidential|private|between us)"
        r"|\b(?:hidden|invisible|concealed|kept|hide) (?:it |this |that )?from (?:the )?(?:user|human|customer)\b"
        r"|\b(?:keep|hide|conceal|(?:must|should|shall|is to|are to|has to|have to) (?:be|stay|remain))\b"
        rf"[^.!?]{{0,30}}\bfrom {_ALL_OF_THEM}"
        rf"|\b(?:user|human|customer) (?:do(?:es)?|will) {_NOT_KNOW}"
        rf"|\b(?:user|human|customer)s? (?:must|should|need|shall) {_NOT_KNOW}",
        0.6,
        0.5,
    ),
    # Whoever steers a model speaks of the one person before it. Of users in the plural, what they do not see is a
    # property of the product: "a name for internal use, hidden from customers".
    Phrase(
        "secrecy",
        "says what users do not get to see",
        r"users|humans|customers",
        rf"\b(?:hidden|invisible|concealed|kept) from {_ALL_OF_THEM}"
        rf"|\b(?:user|human|customer)s (?:do|will) {_NOT_KNOW}",
        0.25,
        0.25,
    ),
    Phrase(
        "secrecy",
        "to be done behind the person's back",
        r"silent|secretly|covert|quietly|discreet|stealth|unnoticed|in the background|surreptitious",
        r"\b(?:silently|secretly|covertly|quietly|discreetly|stealthily|unnoticed|surreptitiously|in the background)"
        r"\b[^.!?]{0,30}"
        r"\b(?:send|read|call|use|include|add|copy|forward|append|pass|upload|execute|run|fetch|collect|transfer|email|"
        r"post|record|store)",
        0.5,
        0.45,
    ),
    Phrase(
        "secrecy",
        "an order to pretend",
        r"as if|pretend|as though|present (?:it|this|the)",
        r"\b(?:act|behave|respond|continue|answer|present (?:it|this|the \w+)) (?:like )?as (?:if|though) (?:you|it|"
        r"nothing|this|that|everything)"
        r"|\bpretend (?:that )?(?:you|it|nothing|this|the)\b",
        0.4,
        0.3,
    ),
    Phrase(
        "secrecy",
        "to be done without asking the person",
        r"ask|confirm|warn|prompt|show",
        r"\b(?:do not|don'?t|never|without) (?:ask|asking|warn|warning|prompt|prompting|consult|consulting|show|showing"
        r"|display|displaying)\b[^.!?]{0,20}"
        r"\b(?:user|human|customer|operator)",
        0.2,
        0.25,
    ),
)
