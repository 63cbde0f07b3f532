"""Permission that nobody gave: the text says that the person has agreed, or the model has decided.

Knows: how consent and conclusions are claimed. Refuses to know: whether it is true.
"""

from narthex.policy.poison.phrases import Phrase

PHRASES = (
    Phrase(
        "consent",
        "claims a permission",
        r"user|owner|admin|account holder",
        r"\b(?:the|this) (?:user|owner|account holder|administrator|admin) (?:has|have|had|is|was)? ?(?:already |"
        r"previously |explicitly |fully )*"
        r"(?:given|granted|approved|consented|authori[sz]ed|agreed|confirmed|pre-?approved|verified|an admin\b|waived)",
        0.2,
        0.3,
    ),
    Phrase(
        "unasked",
        "does away with confirmation",
        r"confirm|approv|permission|consent|asking|authoriz|check",
        r"\b(?:skip|bypass|disable|omit|no need for|ignore)\b (?:\w+ ){0,3}(?:confirmation|approval|permission|consent|"
        r"safety check|verification|authorization|authentication)s?\b"
        r"|\b(?:proceed|continue|execute|go ahead)\b[^.!?]{0,20}\bwithout (?:asking|confirm|further|any|user|waiting|"
        r"approval|permission)",
        0.3,
        0.35,
    ),
    Phrase(
        "consent",
        "hands out rights",
        r"grant|elevat|escalat|privilege|admin access|root access",
        r"\b(?:grant|give)\b[^.!?]{0,20}\b(?:all requests|admin(?:istrator)? (?:access|rights|privileges)|root access|"
        r"full access|unrestricted access)|\belevate\b[^.!?]{0,20}\bprivileges",
        0.3,
        0.4,
    ),
    Phrase(
        "consent",
        "puts a conclusion into the model's mouth",
        r"reason|conclud|determin|decided|verified|established|thinking",
        r"\b(?:as (?:the|an) (?:ai |helpful )?assistant|assistant\W{0,3}:?|reasoning|thought)\b[^.!?]{0,40}\bi(?:'ve| "
        r"have)?(?: already)? (?:reasoned|concluded|determined|decided|verified|established)"
        r"|\b(?:reasoning trace|thought|thinking|scratchpad) ?\((?:assistant|ai|model)\)",
        0.4,
        0.45,
    ),
    Phrase(
        "consent",
        "claims a rule or a need of the system for what is asked",
        r"required for|security polic|compliance|logging|audit|verification|protocol",
        r"\b(?:this is|are|is) (?:required|necessary|needed|mandatory) (?:for|by) (?:the )?(?:security|logging|"
        r"compliance|audit\w*|verification|system|authentication|proper|safety|tracking|quality)",
        0.25,
        0.25,
    ),
)
