"""Checks of who may call: that somebody can, that issuers are named so that they can be trusted, and nobody twice.

Knows: the rules between the keys of `authentication`. Refuses to know: the network; that an issuer answers is found
out when its first token comes.
"""

import re
from pathlib import Path as FilePath

from narthex.control.address import AddressError, is_loopback, parse_url
from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.authentication import AuthenticationConfig, IssuerConfig, ProxyConfig
from narthex.wire.addresses import networks

_ROOT: Path = ("authentication",)
# No underlines: a header with one is dropped, because it and one with a dash are the same to CGI-like systems.
_HEADER = re.compile(r"[!#$%&'*+\-.^`|~0-9A-Za-z]+")
# What a proxy says who calls in must not be what callers themselves, or HTTP, say something else in.
_TAKEN = frozenset(
    {"authorization", "x-api-key", "dpop", "cookie", "host", "origin", "content-type", "content-length", "connection"}
)


def check_authentication(findings: Findings) -> None:
    config = findings.config.authentication
    if config is None:
        return
    _ways_in(findings, config)
    _issuers(findings, config)
    if config.proxy is not None:
        _proxy(findings, config.proxy)
    if config.certificates is not None:
        _readable(findings, (*_ROOT, "certificates", "authority"), config.certificates.authority)
        if findings.config.tls is None:
            what = "has no effect: only a gateway that ends TLS itself sees the certificates of its clients"
            findings.warn((*_ROOT, "certificates"), what, "Add 'tls', and listen on https.", at_key=True)


def _ways_in(findings: Findings, config: AuthenticationConfig) -> None:
    """Somebody must be able to come in, and in no other way than the operator thinks."""
    path = (*_ROOT, "type")
    named = config.issuer is not None or bool(config.issuers) or config.server is not None
    if findings.touches_broken((*_ROOT, "issuers")) or findings.touches_broken((*_ROOT, "issuer")):
        return
    if config.type == "oauth2" and not named:
        remedy = "Add 'issuer: https://…' or a 'server' of your own, or write 'type: keys' for API keys alone."
        findings.problem(path, "'oauth2' needs somebody who issues tokens", remedy)
    if config.type == "keys" and named:
        key = "issuer" if config.issuer is not None else "issuers" if config.issuers else "server"
        remedy = "Write 'type: oauth2', or remove the issuer."
        findings.problem((*_ROOT, key), "with 'type: keys' no tokens of issuers are taken", remedy, at_key=True)
    if config.issuer is not None and config.issuers:
        remedy = "Add it to 'issuers' as '{issuer: …}', and remove 'issuer'."
        findings.problem((*_ROOT, "issuer"), "is the short form of one entry of 'issuers'", remedy, at_key=True)
    if config.type == "keys" and not config.keys and config.proxy is None and config.certificates is None:
        remedy = "Remove 'keys: false', or write 'type: oauth2' with an 'issuer'."
        findings.problem((*_ROOT, "keys"), "nobody could call: neither keys nor tokens are taken", remedy, at_key=True)


def _issuers(findings: Findings, config: AuthenticationConfig) -> None:
    if config.issuer is not None:
        _issuer_url(findings, (*_ROOT, "issuer"), config.issuer, allow_private=False)
    seen: set[str] = set()
    asked = 0
    for index, issuer in enumerate(config.issuers):
        path = (*_ROOT, "issuers", index)
        _issuer(findings, path, issuer)
        if issuer.issuer in seen:
            remedy = "Keep one entry; it may name several audiences."
            findings.problem((*path, "issuer"), "this issuer is listed twice", remedy)
        seen.add(issuer.issuer)
        asked += issuer.introspection is not None
        if issuer.introspection is not None and asked > 1:
            what = "only one issuer can be asked about tokens: with two, those of one would be shown to the other"
            findings.problem((*path, "introspection"), what, "Let the other issuer give out JWTs.", at_key=True)


def _issuer(findings: Findings, path: Path, issuer: IssuerConfig) -> None:
    _issuer_url(findings, (*path, "issuer"), issuer.issuer, allow_private=issuer.allow_private)
    if issuer.jwks_uri is not None:
        _url(findings, (*path, "jwks_uri"), issuer.jwks_uri, allow_private=issuer.allow_private)
    if issuer.introspection is not None and issuer.introspection.endpoint is not None:
        inner = (*path, "introspection", "endpoint")
        _url(findings, inner, issuer.introspection.endpoint, allow_private=issuer.allow_private)


def _issuer_url(findings: Findings, path: Path, text: str, *, allow_private: bool) -> None:
    if _url(findings, path, text, allow_private=allow_private) and "?" in text:
        findings.problem(path, "the name of an issuer has no query", "Write it as its tokens say it in 'iss'.")


def _url(findings: Findings, path: Path, text: str, *, allow_private: bool) -> bool:
    try:
        parts = parse_url(text)
    except AddressError as error:
        findings.problem(path, f"{error}", "Like https://auth.example.com.")
        return False
    if "@" in parts.netloc:
        findings.problem(path, "user and password do not belong in a URL", "Remove what stands before the '@'.")
        return False
    if parts.scheme == "http" and not allow_private and not is_loopback(parts.hostname or ""):
        remedy = "Write https://, or use 'issuers' with 'allow_private: true' for one on your own network."
        findings.problem(path, "whoever is on the way could give out keys of their own: http is not taken", remedy)
        return False
    return True


def _proxy(findings: Findings, proxy: ProxyConfig) -> None:
    path = (*_ROOT, "proxy")
    for index, text in enumerate(proxy.addresses):
        try:
            networks([text])
        except ValueError as error:
            remedy = "Whoever connects from there may say who they are; names of hosts prove nothing."
            findings.problem((*path, "addresses", index), str(error).rstrip("."), remedy)
    for key, name in (("subject", proxy.subject), ("scopes", proxy.scopes)):
        if name is not None and (not _HEADER.fullmatch(name) or name.lower() in _TAKEN):
            findings.problem((*path, key), f"'{name}' cannot be the header for this", "Like X-Forwarded-User.")
    if proxy.scopes is not None and proxy.scopes.lower() == proxy.subject.lower():
        findings.problem((*path, "scopes"), "is the same header as 'subject'", "Name another one.")


def _readable(findings: Findings, path: Path, name: str) -> None:
    try:
        with FilePath(name).open("rb"):
            pass
    except OSError as error:
        remedy = "Relative paths begin beside the configuration file."
        findings.problem(path, f"the file cannot be read: {error.strerror}", remedy)
