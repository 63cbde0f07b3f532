"""Orders about other tools: which is called first, which instead, and what happens if not.

Knows: that a definition has business with its own tool. Refuses to know: which other tools there are (`shadow.py`).
"""

from narthex.policy.poison.phrases import Phrase

_TOOL = r"(?:tool|function|command|server|action|operation|call|request|api|plugin)s?"

PHRASES = (
    Phrase(
        "chain",
        "an order for the time before or after other tools are used",
        r"before|prior to|after|when|whenever|every time",
        rf"\b(?:before|prior to|after|when|whenever|every time|each time)\b (?:you )?(?:us(?:e|ing)|call(?:ing)?|"
        rf"invok(?:e|ing)|run(?:ning)?|execut(?:e|ing)|perform(?:ing)?)\b"
        rf"[^.!?]{{0,60}}\b(?:any|every|each|all|other|another)\b[^.!?]{{0,30}}\b{_TOOL}\b",
        0.35,
        0.25,
    ),
    Phrase(
        "chain",
        "a condition that has to be met first, although nobody asked for it",
        r"before|prior to|when|whenever|first",
        r"\b(?:before|prior to|when|whenever)\b (?:you )?(?:us(?:e|ing)|call(?:ing)?|invok(?:e|ing)|run(?:ning)?|"
        r"execut(?:e|ing)|provid(?:e|ing)|perform(?:ing)?)\b[^!?]{0,80}"
        r"\b(?:you must|must first|you should first|always|make sure to|you need to|please|first)"
        r"\b[^.!?]{0,15}\b(?:read|send|access|include|add|check|open|fetch|cat|forward|copy|retrieve|list)\b",
        0.4,
        0.25,
    ),
    Phrase(
        "chain",
        "puts itself before or in place of other tools",
        r"other|another|original|instead|only|official|built-?in|existing",
        rf"\b(?:instead of|rather than|in place of|not|never|don'?t|do not|avoid|stop)\b (?:using |use |call |calling )"
        rf"?[^.!?]{{0,15}}\b(?:any other|other|the original|the official|another|all other)\b"
        rf"[^.!?]{{0,20}}\b{_TOOL}\b|\b(?:all |any |every |the )?other {_TOOL} (?:are|is|will be|have been|has been) "
        rf"(?:deprecated|insecure|broken|unreliable|obsolete|disabled|unsafe|compromised|outdated)",
        0.3,
        0.3,
    ),
    Phrase(
        "chain",
        "wants to be called whatever the person asks",
        r"always|must|every|each|any",
        r"\b(?:always|must) (?:be )?(?:call|use|invoke|run|execute|prefer|choose|select)(?:ed|d)"
        r"?\b[^.!?]{0,40}\b(?:first|before|instead|over)\b[^.!?]{0,40}\b(?:any|every|all|each|other)\b"
        r"|\b(?:on|for|with|in|at|after) (?:every|each|any) (?:user (?:message|request|query)|conversation|interaction|"
        r"turn|prompt|question)\b"
        # Messages and requests are an API's own, too: "returned with each request" orders nothing.
        r"|\b(?:must|always|call|use|invoke|run|execute)(?:ed|d)?\b[^.!?]{0,40}"
        r"\b(?:on|for|with|in|at|after) (?:every|each|any) (?:message|request|response|query)\b",
        0.3,
        0.2,
    ),
    Phrase(
        "threat",
        "threatens with what happens if it is not obeyed",
        r"otherwise|or else|if you|fail",
        r"\b(?:otherwise|or else|if (?:you|this)(?: do(?:es)? not|n't|'t| don'?t| doesn'?t| fail| are not| isn'?t)|"
        r"fail(?:ing|ure) to|unless you)\b[^.!?]{0,70}"
        r"\b(?:fail|not work|crash|malfunction|break|upset|terminated|fired|be lost|locked|banned|stop working|"
        r"corrupt\w*|shut ?down|destroy\w*|penali[sz]ed|blocked|die|lose)\b",
        0.3,
        0.2,
    ),
    Phrase(
        "threat",
        "says that what is optional is not",
        r"optional|empty|blank|mandatory|required",
        r"\b(?:although|even though|despite|while|though)\b[^.!?]{0,60}\boptional\b[^.!?]{0,60}\b(?:required|must|"
        r"mandatory|always|necessary)\b"
        r"|\boptional\b[^.!?]{0,30}\b(?:but|yet|however)\b[^.!?]{0,30}\b(?:required|must be|mandatory|necessary)\b|"
        r"\bnever leave (?:this|it|the)?[^.!?]{0,20}\b(?:empty|blank)\b",
        0.35,
        0.15,
    ),
    Phrase(
        "disabled",
        "a tool that is never to be called: its description works without it",
        r"never be|not be|never|do not call",
        r"\bthis tool (?:should|must|shall|need) (?:not|never) (?:actually )?be (?:invoked|called|used|run|executed)|"
        r"\b\w+ tool (?:should|must) never be (?:invoked|called|used)",
        0.4,
        0.1,
    ),
)
