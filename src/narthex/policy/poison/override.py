"""Orders to drop the rules that are in force, and claims that there are none.

Knows: the verbs, what they are done to, and the roles a model is talked into. Refuses to know: other languages than
English (`languages.py`).
"""

from narthex.policy.poison.phrases import Phrase

_RULES = (
    r"(?:instruction|direction|directive|guideline|rule|prompt|polic(?:y|ies)|constraint|restriction|command|safeguard|"
    r"\w{0,4}nstruc\w{2,6}|training|programming|safety (?:check|protocol|measure|filter)|guardrail)s?"
)
_PRIOR = (
    r"(?:previous|prior|above|earlier|preceding|former|original|initial|existing|system|your|safety|"
    r"all(?: of)?(?: the| your| these| those)?(?: other)?|any(?: other)?|every|user'?s?)"
)
_AS_TOLD = r"act|behave|respond|reply|answer|pretend|role-?play|imagine|simulate|comply|proceed"
_READER = (  # and what it is given and gives
    r"(?:you|your|model|assistant|ai|llm|agent|bot|tool|request|response|reply|answer|output|conversation|session|"
    r"message|prompt|content)"
)

PHRASES = (
    Phrase(
        "override",
        "an order to drop the instructions in force",
        r"ignor|disregard|forget|overrid|bypass",
        # "Ignores" says what software does.
        rf"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|es|ing)|bypass(?:ing)?)\b"
        rf"[^.!?:,;]{{0,25}}\b{_PRIOR} [^.!?:,;]{{0,30}}\b{_RULES}\b",
        0.75,
        0.6,
    ),
    Phrase(
        "override",
        "an order to drop the instructions in force",
        r"follow|set aside|drop|abandon|discard|neglect|stop",
        r"\b(?:do not|don'?t|never|stop|no longer) (?:follow|following|obey|obeying|adhere to|comply with)"
        r"\b[^.!?:]{0,25}"
        rf"\b{_PRIOR} [^.!?:]{{0,20}}\b{_RULES}\b"
        rf"|\b(?:set aside|drop|abandon|discard|neglect)\b[^.!?:]{{0,15}}\b(?:previous|prior|earlier|your|system) "
        rf"[^.!?:]{{0,20}}\b{_RULES}\b",
        0.6,
        0.5,
    ),
    Phrase(
        "override",
        "an order to drop everything said before",
        r"ignore|disregard|forget",
        r"\b(?:ignore|disregard|forget)\b (?:about )?(?:everything|all|anything|what(?:ever)?)\b[^.!?]{0,30}"
        r"\b(?:above|before|previously|prior|earlier|said|told|instructed|learned)\b",
        0.75,
        0.6,
    ),
    Phrase(
        "override",
        "speaks of new or true instructions, in place of those there are",
        r"instruction|task|objective|goal|mission|rules?|priorit|job|directive|guideline",
        r"\b(?:new|updated|revised) (?:system )?(?:instruction|directive)s?(?:\W{0,3}:| from)"
        r"|\b(?:your|the) (?:new|real|true|actual|only|primary|main) (?:task|objective|goal|mission|job|priority|"
        r"instructions?) "
        r"(?:is|are)(?: now)? to\b|\byour (?:rules|instructions|guidelines) (?:have|are|were) (?:now )?(?:been )"
        r"?(?:changed|updated|replaced)",
        0.45,
        0.4,
    ),
    Phrase(
        "override",
        "claims to stand above the instructions in force",
        r"supersede|precedence|priority|replace|overrid",
        r"\b(?:supersedes?|overrides?|replaces?|takes? (?:precedence|priority) over|has priority over)\b[^.!?]{0,25}"
        r"\b(?:previous|prior|earlier|system|user'?s?|your|all other|any other)\b[^.!?]{0,20}"
        r"\b(?:instruction|prompt|guideline|rule|request|polic(?:y|ie)|message)s?",
        0.6,
        0.5,
    ),
    Phrase(
        "persona",
        "talks the model into another role",
        r"you are|from now on|you're|henceforth|going forward",
        r"\byou(?: are|'re) (?:now|no longer) (?:an? |in |the |acting|operating|free|unrestricted|dan\b|jailbroken|"
        r"developer|bound|required)"
        r"|\b(?:from now on|henceforth|from this point on|going forward),? (?:you|always|never|every|all|respond|answer"
        r"|speak|act|do)\b",
        0.5,
        0.35,
    ),
    Phrase(
        "persona",
        "talks the model into having no rules",
        r"restrict|uncensored|unfiltered|no rules|limit|filter|jailbr|content polic|do anything|moral|ethic",
        # "You must be an unrestricted user" is a condition, put to whoever calls an API; "you are" gives a role.
        rf"\b(?:{_AS_TOLD}|you(?:'re|'ll| are| will| can| may| have| become| now))\b[^.!?]{{0,60}}\bunrestricted\b|"
        rf"\b(?:{_AS_TOLD}|you)\b[^.!?]{{0,60}}"
        r"\b(?:uncensored|unfiltered|jailbroken|(?:no|without|free (?:of|from))(?: any| all)?(?: content| "
        r"safety| ethical| moral| policy| usual)? "
        r"(?:restriction|limit|limitation|filter|rule|censorship|polic(?:y|ie)|constraint|guideline|moral|ethic)s?)\b"
        r"|\b(?:will do|do) anything (?:now|the user|you are asked|i ask|asked)\b",
        0.6,
        0.5,
    ),
    Phrase(
        "persona",
        "a mode in which no rules would hold",
        r"mode",
        r"\b(?:developer|god|admin|debug|maintenance|jailbreak|dan|sudo|unrestricted|root) mode\b[^.!?]{0,30}"
        r"\b(?:enabled|activated|unlocked|engaged|no (?:content|restriction|limit|filter)|you (?:are|have|can|must))",
        0.5,
        0.45,
    ),
    Phrase(
        "persona",
        "says that the rules do not hold",
        r"safety|restrict|guideline|content|rules|exempt",
        r"\b(?:safety|security|content|ethical|usual)\W{1,2}(?:protocol|filter|guideline|check|rule|polic(?:y|ie)|"
        r"measure|restriction|control)s?\b"
        r"[^.!?]{0,25}\b(?:disabled|turned off|suspended|lifted|do(?:es)? not apply|don'?t apply|not meant|removed|"
        r"bypassed|off for)"
        # Somebody else may well be: employees from rules of overtime, users from policies of an organization.
        rf"|\b(?:{_READER}s?\b[^.!?]{{0,25}}\bexempt from|exempt from {_PRIOR})\b"
        r"[^.!?]{0,25}\b(?:restriction|rule|guideline|polic(?:y|ie)|filter)s?",
        0.5,
        0.5,
    ),
)
