"""Ways out of the house: addresses, links that carry something, pictures that call home, commands in disguise.

Knows: how data is written into a URL, and what a command line looks like. Refuses to know: which hosts are good.
"""

from narthex.policy.poison.phrases import Phrase

# In capitals, before a path, a URL or an option, POST is a method of HTTP. A verb has an object.
_SEND = (
    r"(?:(?:send|upload|forward|e-?mail|transmit|submit|leak|push|deliver|relay|copy|ship|report|bcc|cc|transfer|"
    r"export|exfiltrate)(?:s|ing)?|(?-i:[Pp]ost(?:s|ing)?|POSTS|POSTING)"
    r"|(?-i:POST) (?:the|all|any|every|each|its?|them|this|that|these|those|their|your|users?'?s?))"
)
_MAIL = r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[a-z]{2,24}\b"
_THERE = rf"(?:{_MAIL}|https?://|webhook|external (?:server|address|endpoint|url)|remote server)"
_GAP = r"(?:[^.!?]|\.\S)"  # what stands inside of one sentence, with addresses in it
_OURS = (
    r"(?:credential|password|passcode|api[ _-]?key|access[ _-]?token|token|secret|private|ssh|\.env\b|environment|"
    r"conversation|chat|customer|personal|confidential|"
    r"sensitive|database|user data|financial|source code|e-?mail (?:list|address)(?:es)?|history|cookie)s?"
)

PHRASES = (
    Phrase(
        "sending",
        "something of the house is to be sent to an address",
        r"@|https?://|webhook|external|remote server",
        rf"\b(?:{_SEND}\b{_GAP}{{0,60}}\b|(?-i:POST) ){_OURS}{_GAP}{{0,80}}{_THERE}"
        rf"|\b{_OURS}\b{_GAP}{{0,60}}\b{_SEND}\b{_GAP}{{0,80}}{_THERE}",
        0.5,
        0.45,
    ),
    Phrase(
        "sending",
        "everything of a sort is to go to one address",
        r"@|https?://|\d{5}",
        rf"\b(?:all|every|each|any|always)\b[^.!?]{{0,60}}\b(?:e-?mail|message|request|payment|transfer|call|file|"
        rf"traffic|transaction|notification|order|log|recipient)s?\b{_GAP}{{0,60}}"
        rf"\b(?:to|through|via|with|add|bcc|cc)\b{_GAP}{{0,30}}(?:{_MAIL}|https?://|\+?\d{{7}})",
        0.4,
        0.3,
    ),
    Phrase(
        "sending",
        "a recipient or an address is to be changed",
        r"recipient|address|bcc|cc|destination|proxy|number|endpoint|account",
        rf"\b(?:change|replace|set|modify|update|redirect|route|add|switch|use|override)\b{_GAP}{{0,60}}\b(?:recipient|"
        rf"bcc|cc|destination|address|phone number|account|proxy|endpoint|number)s?\b"
        rf"{_GAP}{{0,50}}(?:{_MAIL}|https?://|\+\d{{6}})|\b(?:add|put|include|insert)"
        rf"\b{_GAP}{{0,20}}{_MAIL}{_GAP}{{0,30}}\b(?:bcc|cc|recipient|to the)\b",
        0.5,
        0.35,
    ),
    Phrase(
        "sending",
        "speaks of carrying data off",
        r"exfiltrat",
        r"\bexfiltrat(?:e|es|ing|ion)\b",
        0.3,
        0.3,
    ),
    Phrase(
        "sending",
        "a copy is to go to an address that nobody asked for",
        r"also|copy|in addition|as well",
        rf"\b(?:also|additionally|in addition|a copy)\b[^.!?]{{0,40}}\b{_SEND}\b{_GAP}{{0,60}}(?:{_MAIL}|https?://)",
        0.35,
        0.35,
    ),
    Phrase(
        "link",
        "a URL with a gap that the model is to fill",
        r"https?://",
        r"https?://[^\s)\"'<>]{1,120}[?&#][\w.-]{0,30}=?(?:\{|<|\[|\$\{|\$\(|%7b|\((?:insert|the)|your_|data_here|"
        r"base64|encoded_|url_?encode)",
        0.35,
        0.4,
    ),
    Phrase(
        "picture",
        "a picture whose address carries something out when it is shown",
        r"!\[",
        r"!\[[^\]\n]{0,100}\]\(\s*https?://[^)\s]{1,200}\?[^)\s]{0,80}(?:data|leak|exfil|secret|token|key|msg|chat|"
        r"conversation|c|d|q|log|payload|prompt|s)=",
        0.4,
        0.35,
    ),
    Phrase(
        "filling",
        "data is to be written into a link or a picture",
        r"https?://|link|image|picture|url|pixel",
        r"\b(?:replace|substitute|fill|encode|append|embed|add|put|interpolate)(?:ing)?\b[^.!?]{0,60}\b(?:conversation|"
        r"secret|data|key|token|message|summary|content|password|history)s?\b[^.!?]{0,50}"
        r"\b(?:to|in|into|as|within|inside)\b[^.!?]{0,20}\b(?:url|link|query|image|markdown|path|subdomain|pixel)",
        0.45,
        0.45,
    ),
    Phrase(
        "command",
        "a command line that fetches or unpacks and runs",
        r"curl|wget|base64|powershell|/dev/tcp|rm -|nc |eval|atob|chmod",
        r"\b(?:curl|wget)\b[^\n|]{1,200}\|\s*(?:sudo )?(?:ba|z|da)?sh\b|\bbase64 (?:-d|-D|--decode)\b[^\n]{0,40}\|"
        r"\s*(?:ba|z)?sh|\bpowershell(?:\.exe)?\b[^\n]{0,60}-e(?:nc|ncodedcommand)?\b"
        r"|/dev/tcp/|\bnc (?:-\w+ )*-e\b|\beval\(\s*atob\(|\bcurl\b[^\n]{0,80}(?:-d|--data(?:-binary)?|-F|-T) ?['\"]?@",
        0.5,
        0.25,
    ),
    Phrase(
        "command",
        "something is to be decoded and then obeyed",
        r"decod|base64|rot13|decrypt|decipher|hex|revers|morse|unscramble|translate",
        # "In reverse order" is no deed; "reverse this" is.
        r"\b(?:decode|decoding|base64|rot-?13|decrypt|decipher|deobfuscate|hex|unscramble|morse|translate|"
        r"reverse (?:the|this|that|these|those|it|them|each|every|all|following))"
        r"\b[^!?]{0,80}"
        r"\b(?:follow|execute|do (?:exactly )?(?:what|as)|obey|comply|perform|carry out|act on|run (?:it|the))\b",
        0.5,
        0.5,
    ),
    Phrase(
        "command",
        "orders a call that sends or destroys",
        r"(?:send|delete|drop|remove|post|http|exec|transfer|write|update|e?mail|run|shell|pay|create|grant|share|"
        r"invite|publish)_|_(?:send|delete|post|email|exec|shell|file|transaction|mail)",
        r"\b(?:call|use|invoke|run|trigger|execute)(?: the)? [`'\"]?(?:\w{1,30}_)?(?:send|delete|drop|remove|post|http|"
        r"exec|transfer|write|email|mail|run|shell|pay|grant|share|publish)_\w{1,30}",
        0.0,
        0.35,
    ),
)
