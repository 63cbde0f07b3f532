"""Checks of what servers are shown: each kind has what it needs and nothing else, and no secret goes astray.

Knows: the rules between the keys of `credentials`, `headers` and `pass_headers`. Refuses to know: the network; that an
issuer gives a token is found out with the first one.
"""

from pathlib import Path as FilePath
from urllib.parse import urlsplit

from narthex.control.address import AddressError, is_loopback, parse_url
from narthex.control.check import Findings
from narthex.control.check_commands import check_commands
from narthex.control.check_connections import check_connected
from narthex.control.problem import Path
from narthex.limits import carried_headers_max
from narthex.model.config import ServerConfig
from narthex.model.credentials import ON_BEHALF, CredentialsConfig, OAuthClientConfig, may_pass
from narthex.upstream.credentials.about_caller import forms_in
from narthex.upstream.credentials.canonical import covers

_VALUES = ("value", "value_file", "value_command")
_SECRETS = (
    *("client_secret", "client_secret_file", "client_secret_command"),
    *("private_key_file", "private_key_command"),
)
_OF_COMMANDS = ("secret_seconds", "inherit_env")
_OF_HEADER = ("header", *_VALUES)
_OF_CLIENT = (
    *("issuer", "token_endpoint", "client_id", *_SECRETS),
    *("key_id", "algorithm", "method", "parameters", "allow_private", "scopes", "resource", "omit_resource"),
)
_OF_BEHALF = ("audience", "subject_token_type", "catalogue")
_OF_USERS = ("client_document", "grant_of", "catalogue")
_FILES = ("value_file", "client_secret_file", "private_key_file")
# What a request for a token says is computed; a second value would be another request.
_FIELDS = frozenset(
    {
        *("grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "resource", "scope"),
        *("audience", "assertion", "subject_token", "subject_token_type", "requested_token_type"),
        *("actor_token", "actor_token_type", "code", "redirect_uri", "code_verifier", "refresh_token"),
    }
)
_PRINCIPAL = ("subject", "tenant", "issuer", "client")


def check_credentials(findings: Findings) -> None:
    for path, server in findings.servers():
        if server.address is None or not server.enabled:
            continue
        _about_callers(findings, path, server)
        _passed(findings, path, server)
        if server.credentials is not None and not findings.touches_broken((*path, "credentials")):
            _credentials(findings, (*path, "credentials"), server, server.credentials)


def _credentials(findings: Findings, path: Path, server: ServerConfig, shown: CredentialsConfig) -> None:
    _foreign(findings, path, shown)
    _in_clear(findings, path, server)
    for key in _FILES:
        _readable(findings, (*path, key), getattr(shown, key))
    check_commands(findings, path, shown)
    if shown.type == "header":
        _header(findings, path, server, shown)
        return
    _not_twice(findings, path, server, "Authorization")
    if shown.connects:
        check_connected(findings, path, shown)
        check_client(findings, path, shown)
    else:
        _client(findings, path, shown)
    named = shown.issuer is not None or shown.token_endpoint is not None or shown.by_key
    if shown.type == "client_credentials" and not named:
        what = "the server itself says who gets this secret"
        findings.warn((*path, "type"), what, "Add 'issuer: https://…', the one the secret is for.")
    if shown.resource is not None and not covers(shown.resource, server.address or ""):
        what = "a token for this would be none for the server"
        findings.problem((*path, "resource"), what, "It must be the server's address, or the beginning of it.")
    if shown.type in ON_BEHALF:
        _behalf(findings, path, shown)


def _foreign(findings: Findings, path: Path, shown: CredentialsConfig) -> None:
    """A key that means nothing here is a misunderstanding about what is sent."""
    known = {"type", *_OF_COMMANDS, *(_OF_HEADER if shown.type == "header" else _OF_CLIENT)}
    known |= set(_OF_BEHALF) if shown.type in ON_BEHALF else set()
    known |= {"idp"} if shown.type == "id_jag" else set()
    if shown.connects:
        known = (known | set(_OF_USERS)) - {"token_endpoint"}
    for key in (*_OF_HEADER, *_OF_CLIENT, *dict.fromkeys((*_OF_BEHALF, *_OF_USERS)), "idp"):
        if key not in known and findings.has((*path, key)):
            what = f"'{key}' means nothing for the type '{shown.type}'"
            findings.problem((*path, key), what, "Remove it, or choose another type.", at_key=True)


def _in_clear(findings: Findings, path: Path, server: ServerConfig) -> None:
    parts = urlsplit(server.address or "")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        findings.warn(path, "credentials go to this server in the clear", "Write https://.", at_key=True)


def _header(findings: Findings, path: Path, server: ServerConfig, shown: CredentialsConfig) -> None:
    if len([key for key in _VALUES if getattr(shown, key) is not None]) != 1:
        what = "the type 'header' needs one of 'value', 'value_file' and 'value_command'"
        findings.problem(path, what, 'Like value: "Bearer ${TOKEN}", or value_file: /run/secrets/token.', at_key=True)
    if shown.value is not None and not (shown.value.isprintable() and shown.value.isascii()):
        remedy = "If it comes from a file or a variable, look for a line break in it."
        findings.problem((*path, "value"), "holds a line break, or a character that no header can carry", remedy)
    name = shown.header.lower()
    if name != "authorization" and not (may_pass(name) or name in ("x-api-key", "cookie")):
        what = f"the header '{shown.header}' is the gateway's own to send"
        findings.problem((*path, "header"), what, "Name the one the server asks for, like X-API-Key.")
    _not_twice(findings, path, server, shown.header)


def _not_twice(findings: Findings, path: Path, server: ServerConfig, header: str) -> None:
    for name in server.headers:
        if name.lower() == header.lower():
            what = f"the header '{name}' stands under 'credentials' too"
            findings.problem((*path[:-1], "headers", name), what, "Remove one of both.", at_key=True)


def _client(findings: Findings, path: Path, shown: OAuthClientConfig) -> None:
    if shown.client_id is None:
        findings.problem(
            path, "the key 'client_id' is missing", "It is the name that the issuer knows us by.", at_key=True
        )
    if not any(getattr(shown, key) is not None for key in _SECRETS):
        remedy = "Add 'client_secret: ${NAME}', 'client_secret_file', 'client_secret_command' or 'private_key_file'."
        findings.problem(path, "nothing proves that we are this client", remedy, at_key=True)
    check_client(findings, path, shown)


def check_client(findings: Findings, path: Path, shown: OAuthClientConfig) -> None:
    """What of a client is written fits together."""
    proofs = [key for key in _SECRETS if getattr(shown, key) is not None]
    if len(proofs) > 1:
        what = f"only one of {', '.join(proofs)} can prove who we are"
        findings.problem((*path, proofs[1]), what, "Remove the others.", at_key=True)
    by_key = shown.by_key
    if shown.method is not None and (shown.method == "private_key_jwt") != by_key:
        findings.problem((*path, "method"), "does not fit what is given to prove it", "Remove it: it is found out.")
    for key in ("key_id", "algorithm"):
        if getattr(shown, key) is not None and not by_key:
            findings.problem((*path, key), "is said of no key", "Add 'private_key_file', or remove it.", at_key=True)
    for key in ("issuer", "token_endpoint"):
        _address(findings, (*path, key), getattr(shown, key), allow_private=shown.allow_private)
    if by_key and shown.issuer is None and shown.token_endpoint is not None:
        what = "a key proves who we are to one issuer, by its name"
        findings.problem((*path, "token_endpoint"), what, "Add 'issuer'.", at_key=True)
    for name in shown.parameters:
        if name.lower() in _FIELDS:
            findings.problem((*path, "parameters", name), f"'{name}' is the gateway's own to say", "", at_key=True)


def _behalf(findings: Findings, path: Path, shown: CredentialsConfig) -> None:
    config = findings.config.authentication
    if config is None or (config.type == "keys" and not findings.touches_broken(("authentication",))):
        what = f"the type '{shown.type}' needs callers who come with a token, and none do"
        remedy = "Add 'authentication: {type: oauth2, issuer: https://…}'."
        findings.problem((*path, "type"), what, remedy)
    if shown.type == "id_jag":
        if shown.idp is None:
            remedy = "Add 'idp: {issuer: https://…, client_id: …, client_secret: …}'."
            findings.problem(path, "nobody is named who vouches for callers", remedy, at_key=True)
            return
        for key in ("client_secret_file", "private_key_file"):
            _readable(findings, (*path, "idp", key), getattr(shown.idp, key))
        check_commands(findings, (*path, "idp"), shown.idp)
        _client(findings, (*path, "idp"), shown.idp)
        if shown.idp.issuer is None:
            findings.problem(
                (*path, "idp"), "the key 'issuer' is missing", "Who do your people log in at?", at_key=True
            )
    elif shown.issuer is None and shown.token_endpoint is None:
        what = "tokens of callers go only to an issuer that is named here"
        findings.problem(path, what, "Add 'issuer: https://…'.", at_key=True)


def _address(findings: Findings, path: Path, text: str | None, *, allow_private: bool) -> None:
    if text is None:
        return
    try:
        parts = parse_url(text)
    except AddressError as error:
        findings.problem(path, f"{error}", "Like https://auth.example.com.")
        return
    if "@" in parts.netloc:
        findings.problem(path, "user and password do not belong in a URL", "Remove what stands before the '@'.")
    elif parts.scheme == "http" and not allow_private and not is_loopback(parts.hostname or ""):
        remedy = "Write https://, or 'allow_private: true' for an issuer on your own network."
        findings.problem(path, "secrets would go there in the clear: http is not taken", remedy)


def _readable(findings: Findings, path: Path, name: str | None) -> None:
    if name is None:
        return
    try:
        with FilePath(name).open("rb"):
            pass
    except OSError as error:
        # Whoever writes it may be later than us; it is read when it is needed.
        findings.warn(path, f"the file cannot be read yet: {error.strerror}", "Relative paths begin beside this file.")


def _about_callers(findings: Findings, path: Path, server: ServerConfig) -> None:
    for name, value in server.headers.items():
        inner = (*path, "headers", name)
        forms = forms_in(value)
        if not forms:
            continue
        if findings.config.authentication is None and not findings.touches_broken(("authentication",)):
            what = "without authentication nothing is known of a caller"
            findings.problem(inner, what, "Add 'authentication', or write a fixed value.")
        for kind, member in forms:
            if kind == "principal" and member not in _PRINCIPAL:
                known = ", ".join(f"${{principal.{one}}}" for one in _PRINCIPAL)
                findings.problem(inner, f"'${{principal.{member}}}' is not known", f"Known are {known}.")


def _passed(findings: Findings, path: Path, server: ServerConfig) -> None:
    taken = {name.lower() for name in server.headers}
    authentication = findings.config.authentication
    proxy = authentication.proxy if authentication is not None else None
    vouching = {name.lower() for name in (proxy.subject, proxy.scopes) if name} if proxy is not None else set[str]()
    if server.credentials is not None and server.credentials.type == "header":
        taken.add(server.credentials.header.lower())
    if len(server.pass_headers) > carried_headers_max:
        what = f"more than {carried_headers_max} headers are not passed on"
        findings.problem((*path, "pass_headers"), what, "Name those the server needs.", at_key=True)
    for index, name in enumerate(server.pass_headers):
        inner = (*path, "pass_headers", index)
        if not may_pass(name):
            findings.problem(inner, f"the header '{name}' of a client goes to no server", "Remove it.")
        elif "*" in name:
            findings.problem(inner, f"'{name}' is no header, and no pattern is taken here", "Name each header.")
        elif name.lower() in vouching:
            what = f"in '{name}' a proxy says who calls, and whoever comes without it could write anything there"
            findings.problem(inner, what, "Write it under 'headers', as '${principal.subject}' or a claim.")
        elif name.lower() in taken:
            findings.problem(inner, f"the header '{name}' is written for this server already", "Remove one of both.")
        taken.add(name.lower())
