"""Which variables of the gateway's environment a stdio server gets to see.

Knows: the allow-list. Refuses to know: values. The gateway's own secrets live in its environment (`${ENV}` in the
configuration), so a server gets only what it needs to find programs, folders, certificates and mirrors:

- the user and the place: HOME, LANG, LANGUAGE, LC_*, LOGNAME, PATH, SHELL, TERM, TMPDIR, TZ, USER, XDG_*
- the way out: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, in capitals or not
- certificates: SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE
- package mirrors, so that `npx`, `uvx` and `pipx` work inside a company: NPM_CONFIG_*, UV_*, PIP_INDEX_URL,
  PIP_EXTRA_INDEX_URL, PIP_CERT; of these, a name that speaks of a secret (TOKEN, PASSWORD, AUTH…) is left out

Whatever else a server needs is configured: by value in `env`, or by name in `inherit` (`AWS_*` is allowed there).
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

ALLOWED = (
    *("HOME", "LANG", "LANGUAGE", "LC_*", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER", "XDG_*"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT"),
)
ALLOWED_UNLESS_SECRET = ("NPM_CONFIG_*", "npm_config_*", "UV_*")
SECRET_WORDS = ("AUTH", "TOKEN", "PASS", "SECRET", "CREDENTIAL", "KEY")


def child_environment(own: Mapping[str, str], configured: Mapping[str, str], inherit: Iterable[str]) -> dict[str, str]:
    """The whole environment of a server; what is configured wins."""
    names = (*ALLOWED, *inherit)
    shared = {name: value for name, value in own.items() if _is_shared(name, names) and _is_plain(value)}
    return {**shared, **configured}


def _is_shared(name: str, names: tuple[str, ...]) -> bool:
    if any(fnmatchcase(name, pattern) for pattern in names):
        return True
    if not any(fnmatchcase(name, pattern) for pattern in ALLOWED_UNLESS_SECRET):
        return False
    capitals = name.upper()
    return not any(word in capitals for word in SECRET_WORDS)


def _is_plain(value: str) -> bool:
    """A function exported by a shell is code that a child shell would read (CVE-2014-6271)."""
    return not value.startswith("()")
