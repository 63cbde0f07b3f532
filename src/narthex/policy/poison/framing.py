"""Texts dressed up as something else: the system's word, another turn of the conversation, a note to machines.

Knows: chat templates, tags that shout, headings that claim authority, and how a machine is addressed.
Refuses to know: what is said inside.
"""

from narthex.policy.poison.phrases import Phrase

_MACHINE = (
    r"(?:(?:ai|llm|language|automated|coding|large language) ?(?:assistant|agent|model|bot|tool|system)|ai|llm|"
    r"chat-?bot|bot|assistant|agent|"
    r"claude|chatgpt|gpt(?:-\d\w*)?|gemini|copilot|model)s?\b"
)

PHRASES = (
    Phrase(
        "frame",
        "a tag that claims importance or the system's voice",
        r"<\W{0,2}(?:important|system|sys|hidden|secret|admin|critical|urgent|override|directive|internal|confidential|"
        r"priority|mandatory|instruction|information)",
        r"<\s*/?\s*(?:important|system|sys|hidden|secret|admin|critical|urgent|override|directive|internal|confidential"
        r"|priority|mandatory|"
        r"instructions?|information)(?:[ _-](?:instructions?|message|note|prompt|override|directive|notes?|"
        r"info(?:rmation)?|rules?))?\s*!*>",
        0.45,
        0.35,
    ),
    Phrase(
        "frame",
        "a piece of a chat template: it would begin another turn",
        r"<\||\[/?inst|<<|tool_re|function_(?:re|call)|<\W?(?:human|assistant|user)",
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|end_header_id|eot_id|begin_of_text)\|>|"
        r"\[/?inst\]|<</?sys>>"
        r"|</?(?:tool_response|tool_result|function_results?|function_calls?|tool_call|assistant|human)>",
        0.7,
        0.45,
    ),
    Phrase(
        "frame",
        "a heading that claims the system's voice",
        r"system|developer|admin|assistant|instruction",
        r"(?:^|\n|[.!?] |\*\*|\[|---+ ?|###+ ?\(?)(?:important |urgent |internal )?(?:system|developer|"
        r"admin(?:istrator)?|security)[ _-]?"
        r"(?:note|message|override|update|prompt|instruction|alert|notice|directive|command|reminder|maintenance)"
        r"s?\b\W{0,4}(?::|\n|\)|-)"
        r"|###+ ?\(?(?:system|instruction|assistant)(?:_message)?s?\b|\[(?:system|admin|assistant)\]"
        r"|\b(?:important|urgent|critical)[: ]+system (?:update|message|override|notice|note)",
        0.5,
        0.45,
    ),
    Phrase(
        "frame",
        "a line in another speaker's voice",
        r"(?:system|assistant|human)\W{0,3}:",
        r"(?:^|\n)\W{0,4}(?:system|assistant|human)\W{0,3}: ?\S",
        0.3,
        0.35,
    ),
    Phrase(
        "frame",
        "an end that is none: what follows would be orders",
        r"end (?:of )?(?:the )?(?:document|user|context|system|tool|data|input|conversation|prompt|untrusted|file)|"
        r"begin",
        r"(?:[-=#*]{3,}|<<+|\[)[ \n]?(?:end|begin|start)(?: of)?(?: the)? (?:document|user|context|system|tool|data|"
        r"input|conversation|prompt|untrusted|file|admin|new)"
        r"[^.!?\n]{0,20}(?:[-=#*]{3,}|>>+|\])",
        0.45,
        0.35,
    ),
    Phrase(
        "address",
        "speaks to the machine that reads it",
        r"(?:note|message|instruction|attention|memo|notice|reminder|important|request|hint|info)s?\W{0,3}(?:to|for)|"
        r"(?:to|for) (?:all )?(?:ai|llm)",
        rf"\b(?:note|message|instruction|attention|memo|notice|reminder|important|request|directive)s?:? ?(?:to|for)"
        rf"(?: the| any| all| an?| your| my)? {_MACHINE}",
        0.45,
        0.5,
    ),
    Phrase(
        "address",
        "speaks to the machine that reads it",
        r"if you|when you|as an? ",
        rf"\bif you(?: are|'re) (?:an? |the |any )?{_MACHINE}|\b(?:dear|hey|hi|hello|attention),? (?:ai|assistant|llm|"
        rf"agent|claude|chatgpt|model|bot)\b",
        0.5,
        0.5,
    ),
    Phrase(
        "address",
        "speaks to the machine that reads it",
        r"dear|hey|hello|attention|hi",
        r"\b(?:dear|hey|hi|hello|attention),? (?:ai|assistant|llm|agent|claude|chatgpt|model|bot)\b",
        0.4,
        0.45,
    ),
    Phrase(
        "address",
        "claims to come from the person or the makers",
        r"message from|signed|on behalf",
        r"\b(?:important|urgent|special|secret|private) (?:message|note|instruction)s? from (?:me|the user|your|the "
        r"admin|the developer|us)\b",
        0.5,
        0.5,
    ),
    Phrase(
        "errand",
        "an order for the answer that the model is about to give",
        r"reply|replies|response|answer|summary|output|message|review|final",
        r"\b(?:append|include|add|insert|echo|output|repeat|print|write|put|mention|end|begin|start|prefix|say)"
        r"\b[^!?]{0,60}"
        r"\b(?:to|in|at|of|with|into)\b (?:the (?:end|start|beginning|top|bottom) of )?(?:your|every|each|all|any|the)"
        r"(?: final| next| future| subsequent)? "
        r"(?:reply|replies|responses?|summary|summaries|answers?|outputs?|messages?|reviews?)\b",
        0.2,
        0.35,
    ),
    Phrase(
        "errand",
        "an order to do something before, or besides, what the person asked for",
        r"before|when you|after you|once you|while you|as soon as|prior to",
        r"\b(?:before|when|after|once|while|as soon as) (?:you )?(?:answer|respond|reply|summari[sz]e|process|read|"
        r"finish|complete|continue|proceed|solve|can solve|see)"
        r"(?:ing)?\b[^.!?]{0,80}\b(?:must|append|include|call|send|e-?mail|run|delete|execute|forward|add|first|also|"
        r"do the following|transfer|pay|visit|open)\b",
        0.2,
        0.4,
    ),
    Phrase(
        "errand",
        "an order to do something first, or instead",
        r"following|instead|first|adhere",
        r"\b(?:do|complete|perform|execute) the following (?:first|instead|task|steps? first)|\bplease do the "
        r"following\b|\bdo [^.!?\n]{1,200} instead\b"
        r"|\bstrictly (?:adhere|follow|obey)|"
        # Of values, "the name shall comply with the following" is a rule; an order begins with the verb, or with "you".
        r"(?:^|[^\w ] ?|\b(?:please|and|then|now|always|fully|you(?: must| should| shall| will| have to| need to)?) )"
        r"comply with the following\b|\b(?:first|instead),? (?:reply|respond|"
        r"answer|tell|say) (?:to )?(?:the user|with)",
        0.35,
        0.4,
    ),
    Phrase(
        "address",
        "speaks to the machine that reads it",
        r"for (?:all |any )?(?:ai|llm|coding)|to (?:all |any )?(?:ai|llm)",
        r"(?:\(|\n|^)\W{0,4}(?:for|to) (?:all |any )?(?:ai|llm|coding)[ -]?(?:coding )?(?:agent|assistant|model|tool)"
        r"s?\W{0,3}[:)\n]",
        0.4,
        0.45,
    ),
    Phrase(
        "errand",
        "an order for all time to come",
        r"future|from now on|every (?:conversation|session|report|answer|reply|response)",
        r"\b(?:remember|memori[sz]e|store|save|keep in mind|note)\b[^!?]{0,60}\b(?:for|in) (?:all|any|every) (?:future|"
        r"later|following|subsequent|coming)\b"
        r"|\b(?:in|to|for) (?:all|every|each) (?:future |later |subsequent )?(?:report|answer|reply|response|summary|"
        r"conversation)s? (?:you |from now on)",
        0.35,
        0.4,
    ),
    Phrase(
        "errand",
        "an order to answer something else",
        r"instead",
        r"\binstead,? (?:of [^.!?]{1,80},? )?(?:reply|respond|answer|tell|say|output|return)\b",
        0.4,
        0.35,
    ),
)
