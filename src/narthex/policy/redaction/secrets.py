"""Keys, tokens and passwords: those whose provider gave them a face, and those that stand beside their name.

Knows: the faces. Refuses to try whether one still opens anything.
"""

import re

from narthex.policy.redaction.kind import Kind
from narthex.policy.redaction.sight import FIRST
from narthex.policy.redaction.writing import CLOSING, TOKEN_CHARS

_CLOSING = CLOSING.encode()
_B64 = rb"[A-Za-z0-9_\-]"

# name -> pattern. A face that is common among words is asked to stand alone (`\b`).
# name, what it begins with, the rest. A face that is common among words is asked to stand alone.
_FACES: tuple[tuple[str, bytes, bytes], ...] = (
    (
        "private_key",
        rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        rb"(?: BLOCK)?-----(?:[^\"-]|-[^\"-])*(?:-----END [A-Z0-9 ]{0,60}-----)?",
    ),
    ("private_key", rb"\bAGE-SECRET-KEY-1", rb"[0-9A-Z]{40,}"),
    ("jwt", rb"\beyJ[A-Za-z0-9_\-]+\.eyJ", _B64 + rb"{8,}\." + _B64 + rb"*"),
    ("aws_key", rb"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{4}", rb"[A-Z2-7]{12}\b"),
    ("github_token", rb"\bgh[pousr]_[A-Za-z0-9]{4}", rb"[A-Za-z0-9]{26,255}"),
    ("github_token", rb"\bgithub_pat_", rb"[A-Za-z0-9_]{40,255}"),
    ("gitlab_token", rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-", _B64 + rb"{20,}"),
    ("slack_token", rb"\bxox[abeoprs][.\-]", rb"(?:xox[bp]-)?[A-Za-z0-9\-]{10,}"),
    ("slack_token", rb"\bxapp-[0-9]-", rb"[A-Za-z0-9\-]{20,}"),
    ("slack_token", rb"\bhooks\.slack\.com/", rb"(?:services|workflows|triggers)/[A-Za-z0-9/_\-]{20,}"),
    ("stripe_key", rb"\b[sr]k_(?:live|test)_", rb"[A-Za-z0-9]{16,}"),
    ("stripe_key", rb"\bwhsec_", rb"[A-Za-z0-9+/=]{24,}"),
    ("google_key", rb"\bAIza", _B64 + rb"{35}"),
    ("google_key", rb"\b(?:ya29\.|GOCSPX-)", _B64 + rb"{20,}"),
    ("openai_key", rb"\bsk-(?:proj|svcacct|admin)-", _B64 + rb"{40,}"),
    ("openai_key", rb"\bsk-[A-Za-z0-9]{8}", rb"(?:[A-Za-z0-9]{12}T3BlbkFJ[A-Za-z0-9]{20}|[A-Za-z0-9]{40}\b)"),
    ("anthropic_key", rb"\bsk-ant-", rb"[a-z0-9]{3,12}-" + _B64 + rb"{40,}"),
    ("huggingface_token", rb"\b(?:hf|api_org)_[A-Za-z]{8}", rb"[A-Za-z]{22,}"),
    ("npm_token", rb"\bnpm_", rb"[A-Za-z0-9]{36}"),
    ("pypi_token", rb"\bpypi-AgE", rb"[A-Za-z0-9_\-]{50,}"),
    ("sendgrid_key", rb"\bSG\.[A-Za-z0-9_\-]{4}", _B64 + rb"{12,28}\." + _B64 + rb"{32,64}"),
    ("mailgun_key", rb"\bkey-[0-9a-f]{4}", rb"[0-9a-f]{28}\b"),
    ("twilio_key", rb"\bSK[0-9a-f]{4}", rb"[0-9a-f]{28}\b"),
    ("telegram_token", rb"\b[0-9]{8,10}:AA", _B64 + rb"{33}"),
    ("digitalocean_token", rb"\bdo[opr]_v1_", rb"[a-f0-9]{64}"),
    ("shopify_token", rb"\bshp(?:at|ca|pa|ss)_", rb"[A-Fa-f0-9]{32}"),
    ("square_token", rb"\bsq0(?:atp|csp|idp)-", _B64 + rb"{22,}"),
    ("databricks_token", rb"\bdapi[0-9a-f]{4}", rb"[0-9a-f]{28}"),
    ("vault_token", rb"\bhv[sbr]\.", _B64 + rb"{24,}"),
    ("terraform_token", rb"\b[A-Za-z0-9]+\.atlasv1\.", _B64 + rb"{60,}"),
    ("grafana_token", rb"\bgl(?:sa|c)_", rb"[A-Za-z0-9+/=_]{32,}"),
    ("newrelic_key", rb"\bNRAK-", rb"[A-Z0-9]{27}"),
    ("atlassian_token", rb"\bATATT3", _B64 + rb"{40,}={0,2}[A-F0-9]{0,8}"),
    ("linear_key", rb"\blin_api_", rb"[A-Za-z0-9]{32,}"),
    ("notion_token", rb"\bntn_", rb"[A-Za-z0-9]{40,}"),
    ("notion_token", rb"\bsecret_[A-Za-z0-9]{8}", rb"[A-Za-z0-9]{35}\b"),
    ("postman_key", rb"\bPMAK-", rb"[a-f0-9]{24}-[a-f0-9]{34}"),
    ("figma_token", rb"\bfig[dour]_", _B64 + rb"{32,}"),
    ("supabase_key", rb"\bsb[ps]_[a-f0-9]{4}", rb"[a-f0-9]{36}"),
    ("doppler_token", rb"\bdp\.(?:pt|st|ct|sa|scim|audit)\.", rb"[A-Za-z0-9]{40,}"),
    ("azure_key", rb"(?i)AccountKey=", rb"[A-Za-z0-9+/]{86}=="),
    ("azure_key", rb"\b[A-Za-z0-9_~.\-]{3}[0-9]Q~", rb"[A-Za-z0-9_~.\-]{31,34}"),
    ("gateway_key", rb"\bnx_[0-9a-hjkmnp-tv-z]{8}_", rb"[0-9A-Za-z]{30,}"),
)

_NAMES = (
    rb"(?:pass(?:word|wd|wort|phrase)|pwd|secret|credential|api[_\-]?key|"
    rb"(?:access|secret|private|signing|encryption)[_\-]?key|(?:auth|access|refresh)[_\-]?token)"
)
_JOIN = rb"(?:[\x01\x02\x03\"' ]{0,4}(?:=>|:=|=|:)[\x01\x02\x03\"' ]{0,4})"
_VALUE = rb"([^\s\"'<>,;&{}()\[\]]{8,200})"
# A word, a name in any of the usual spellings, a number, a row of dots.
_WORD = re.compile(
    rb"(?:[A-Z]?[a-z]{2,})+|[A-Z]+|[0-9]{1,6}|[a-z]+(?:[_\-.][a-z]+)+|[A-Z]+(?:_[A-Z]+)+|\$[A-Z_]+|\*+|[xX.\-_]+"
)
_PLACEHOLDERS = tuple(
    b"your my example changeme placeholder redacted none null true false undefined required optional string "
    b"http: https: env. env: process. os. config. settings. self. this. get_ ${ {{ <".split()
)


def _password(text: bytes, start: int, end: int) -> int:
    """What stands beside the word "password" is one, if it is neither a word nor something that stands for one."""
    found = text[start:end]
    if found[:1] in b"$%[" or found[:16].lower().startswith(_PLACEHOLDERS):
        return 0
    if found.find(_CLOSING) == TOKEN_CHARS:  # a token of ours, of a kind that is called like a password
        return 0
    if found.isalpha() and (found.islower() or found.isupper()):
        return 0
    if _WORD.fullmatch(found):
        return 0
    return end - (found[-1] == FIRST)  # half of an escape that ends it, of a line break say


def _credentials(text: bytes, start: int, end: int) -> int:
    found = text[start:end].partition(b":")[2]
    return 0 if not found or found[:1] in b"$%[{<" or set(found) <= set(b"*xX") else end


def _bearer(text: bytes, start: int, end: int) -> int:
    found = text[start:end]
    return 0 if found[:1] in b"$%[" or _WORD.fullmatch(found) else end


KINDS = (
    *(Kind(name, "secrets", begins, begins + rest, again=False) for name, begins, rest in _FACES),
    # Only the name and password: where it leads may be said.
    Kind(
        "url_credentials",
        "secrets",
        rb"://[^\s\"/?#@<>]*:[^\s\"/?#@<>]+@",
        rb"\b[A-Za-z][A-Za-z0-9+.\-]{1,20}://([^\s\"/?#@:<>]{0,128}:[^\s\"/?#@<>]{1,256})@[A-Za-z0-9\[]",
        _credentials,
        inner=True,
        weight=2,
        again=False,
    ),
    Kind(
        "bearer_token",
        "secrets",
        rb"(?i)\bbearer[ =:]",
        rb"(?i)\bbearer[ =:]{1,3}([A-Za-z0-9._~+/=\-]{16,})",
        _bearer,
        inner=True,
        weight=2,
        again=False,
    ),
    Kind(
        "basic_credentials",
        "secrets",
        rb"(?i)\bbasic +[A-Za-z0-9]",
        rb"(?i)authorization[\x01\x02\"' :=]{1,6}basic +([A-Za-z0-9+/=]{8,1000})",
        inner=True,
        weight=2,
    ),
    Kind(
        "aws_key",
        "secrets",
        rb"(?i)\baws",
        rb"(?i)aws.{0,20}secret.{0,24}[^A-Za-z0-9/+]([A-Za-z0-9/+]{40})\b",
        inner=True,
        weight=2,
    ),
    Kind(
        "password",
        "secrets",
        rb"(?i)" + _NAMES,
        rb"(?i)" + _NAMES + rb"[a-z0-9_]{0,16}" + _JOIN + _VALUE,
        _password,
        inner=True,
        weight=2,
        again=False,
    ),
)
