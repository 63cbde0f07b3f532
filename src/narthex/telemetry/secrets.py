"""Which values look like secrets, by the company they keep.

Knows: names of variables, headers, options and query parameters. Refuses to know: entropy; guessing from the value
alone would take a digest for a password and a password for a word.
"""

import re

_NAME = re.compile(
    r"token|secret|passw(?:or)?d|passphrase|api_?key|access_?key|private_?key|credential|authorization|cookie"
    r"|(?:^|_)(?:auth|pat|pwd|key|dsn|jwt|bearer|connection_?string|webhook(?:_url)?)(?:$|_)",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(
    r"public_?key|key_?(?:id|path|file|name)$|token_?(?:limit|count|url|type|file)|max_?tokens", re.IGNORECASE
)
_URL_CREDENTIALS = re.compile(r"://[^/@\s]*:[^/@\s]+@")


def looks_secret(name: str) -> bool:
    """Whether what is called `name` is likely to be a secret."""
    plain = name.strip("-").replace("-", "_")
    return bool(_NAME.search(plain)) and not _NOT_SECRET.search(plain)


def holds_credentials(value: str) -> bool:
    """A URL with user and password in it: the usual form of a database's address."""
    return bool(_URL_CREDENTIALS.search(value))
