"""What is fetched that is not the tool's: secrets of the machine, the conversation, the model's own instructions.

Knows: where secrets lie, and what a conversation is called. Refuses to know: where it is sent (`sending.py`).
"""

from narthex.policy.poison.phrases import Phrase

_PLACE = (
    r"(?:\.ssh\b|\.aws\b|\.gnupg\b|\.kube\b|\.netrc\b|\.npmrc\b|\.pypirc\b|\.git-credentials\b|\.env\b|id_rsa|"
    r"id_ed25519|id_dsa|authorized_keys|known_hosts"
    r"|/etc/(?:passwd|shadow|sudoers|hosts)\b|mcp\.json|claude_desktop_config|\.cursor\b|\.vscode\b|"
    r"credentials?\.(?:json|txt|csv|ya?ml)|secrets?\.(?:json|txt|ya?ml|env)"
    r"|\.bash_history|\.zsh_history|\.bashrc|/proc/self/environ|wallet\.dat|(?:ssh|private|api|access|secret|signing|"
    r"encryption) keys?\b"
    r"|environment variables?|env(?:ironment)? vars?|(?:browser|session) cookies|keychain|seed phrase|master password|"
    r"system://|internal://\w*secret|confidential://|://confidential)"
)
_TAKE = (
    r"(?:read|cat|open|access|load|get|fetch|retrieve|extract|dump|copy|steal|collect|include|send|print|leak|gather|"
    r"harvest|list|scan|find|grab|look up|query|append|attach|output)"
)

_CONVERSATION = (
    r"(?:(?:entire|full|complete|whole|current|this|our|your|the)? ?(?:conversation|chat|dialogue|"
    r"session|message)(?: history| log| transcript| context| so far|'s? content)"
    r"|(?:entire|full|complete|whole|all) (?:of )?(?:the |this |your |our )?(?:conversation|chat|context|dialogue|"
    r"prompt|messages?)"
    r"|conversation (?:so far|between|with)|(?:user'?s?|human'?s?) (?:previous|last|prior|original|full|earlier|"
    r"most recent|exact|latest) (?:message|prompt|question|query|request|input)s?)"
)

PHRASES = (
    Phrase(
        "secrets",
        "names a place where secrets lie, and what is to be done with it",
        r"\.(?:ssh|aws|gnupg|kube|netrc|npmrc|pypirc|git-cred|env|cursor|vscode|bash|zsh)|id_|keys?|/etc/|mcp\.json|"
        r"claude_desk|credential|secret|environ|env|cookie|wallet|keychain|phrase|password|://",
        rf"\b{_TAKE}(?:ing|s)?\b[^.!?]{{0,60}}[^.!?]{{0,4}}{_PLACE}",
        0.35,
        0.3,
    ),
    Phrase(
        "secrets",
        "the path of a file that holds secrets",
        r"\.ssh|id_rsa|id_ed25519|\.aws|/etc/(?:passwd|shadow)|mcp\.json|\.netrc|\.git-cred|claude_desk|\.cursor|"
        r"_history|wallet\.dat|self/environ",
        r"(?:~|\$HOME|%USERPROFILE%|/root|/home/[^/ ]{1,40}|/Users/[^/ ]{1,40})/\.(?:ssh|aws|cursor|netrc|gnupg|kube|"
        r"git-credentials|bash_history)"
        r"|\bid_(?:rsa|ed25519)\b|/etc/shadow|/proc/self/environ|\.cursor/mcp\.json|claude_desktop_config",
        0.45,
        0.25,
    ),
    Phrase(
        "conversation",
        "asks for the conversation",
        r"conversation|chat|dialogue|session|context|history|transcript|message|prompt|question|query|request|input",
        r"\b(?:include|send|attach|append|pass|provide|forward|copy|put|paste|add|share|contain|insert|log|record|"
        r"submit|collect|save|summari[sz]e|summary of|capture|fill|encode)\b"
        rf"[^.!?]{{0,50}}\b{_CONVERSATION}",
        0.5,
        0.4,
    ),
    Phrase(
        "conversation",
        "says that the conversation stands in it",  # which is no order, and may be what the tool is about
        r"contains",
        rf"\bcontains\b[^.!?]{{0,50}}\b{_CONVERSATION}",
        0.35,
        0.3,
    ),
    Phrase(
        "conversation",
        "asks for the model's own instructions, tools or thoughts",
        r"system|prompt|instruction|tool|reasoning|thought|words|policy|developer",
        r"\b(?:reveal|show|tell|print|output|repeat|display|give|expose|dump|leak|disclose|recite|share|provide|include"
        r"|send|append|put|insert|write|add|list|summari[sz]e|summary of|fill)\b"
        r"[^.!?]{0,35}\b(?:system (?:prompt|instructions?|message)|(?:your|its|hidden|initial|operating|internal|"
        r"original) (?:exact |initial |original |hidden |operating |internal |system |own )*(?:instructions|prompts?|"
        r"guidelines|polic(?:y|ies))"
        r"|(?:exact |operating )?instructions you (?:were|have been|are) given|(?:words|text|everything|lines) (?:above"
        r"|before) (?:starting|this|verbatim)|chain[- ]of[- ]thought"
        r"|(?:names of |list of )?all (?:of )?(?:your |the )?(?:available |other )?tools(?: you have| available)?\b)",
        0.5,
        0.5,
    ),
    Phrase(
        "passing",
        "what was read goes into a parameter of another purpose",
        r"pass|send|provide|put|include|insert|place|supply|attach|append|copy|submit|write|add",
        r"\b(?:pass|send|provide|put|include|insert|place|supply|attach|append|copy|submit|write|add)"
        r"\b[^.!?]{0,80}\b(?:contents?|it|them|text|history|conversation|message|prompt|credential|token|secret|key|"
        r"everything|data|result|response|list)s?\b"
        r"[^.!?]{0,40}\b(?:as|in|into|to|via|through|with|using) (?:the |a |an |this |its )?['\"`]?[\w-]{2,40}['\"`]? "
        r"?(?:parameter|argument|field|input|property)?\b",
        0.15,
        0.1,
    ),
    Phrase(
        "passing",
        "something is to be read and then handed on",
        r"and (?:then )?(?:pass|send|include|provide|put|attach|append|supply|use|add|insert|forward|return)",
        r"\b(?:read|cat|open|access|load|fetch|look up|check|query)(?:ing)?\b[^!?]{0,100}\band (?:then )?(?:pass|send|"
        r"include|provide|put|attach|append|supply|add|insert|forward|upload)\b[^.!?]{0,40}"
        r"\b(?:contents?|it|its|them|as|in your|into|result|everything|the (?:file|data|key|password|text|full))\b",
        0.4,
        0.35,
    ),
    Phrase(
        "passing",
        "speaks of a side channel by its usual name",
        r"side[ _-]?note|sidenote",
        r"\b(?:as|in|the|to|into|via) ['\"`]?side[ _-]?notes?\b",
        0.4,
        0.3,
    ),
)
