"""Checks of the authorization server inside: people can sign in, clients can be told apart, it has a name.

Knows: the rules between the keys of `authentication.server`. Refuses to know: the network, and passwords.
"""

from pathlib import Path as FilePath

from narthex.control.address import AddressError, is_loopback, parse_url
from narthex.control.check import Findings
from narthex.control.check_public import check_public
from narthex.control.problem import Path
from narthex.model.issuer import AuthorizationServerConfig, ClientConfig, LoginConfig
from narthex.store.users_file import BadUsers, read
from narthex.wire.redirects import BadRedirect, check

_ROOT: Path = ("authentication", "server")


def check_issuer(findings: Findings) -> None:
    config = findings.config.authentication
    if config is None or config.server is None:
        return
    server = config.server
    # Its name is in every token, and browsers are sent to it: it must be one address, known before.
    check_public(
        findings,
        in_the_open="passwords and tokens would go over the network in the open: people sign in over https",
        nameless="an authorization server needs a name by which browsers find it",
    )
    _people(findings, server)
    if server.login is not None:
        _login(findings, server.login)
    seen: set[str] = set()
    for index, client in enumerate(server.clients):
        path = (*_ROOT, "clients", index)
        _client(findings, path, client, server.redirect_schemes)
        if client.client_id in seen:
            findings.problem((*path, "client_id"), "this client is listed twice", "Give each a name of its own.")
        seen.add(client.client_id)


def _people(findings: Findings, server: AuthorizationServerConfig) -> None:
    if server.users is not None and server.login is not None:
        what = "somebody here and somebody there could have the same name, and be taken for each other"
        findings.problem((*_ROOT, "users"), what, "Keep 'users' or 'login'.", at_key=True)
    elif server.users is not None:
        try:
            read(FilePath(server.users))
        except FileNotFoundError:
            remedy = "'narthex users add NAME' makes it."
            findings.warn((*_ROOT, "users"), "there is no such file yet, so nobody can sign in", remedy)
        except OSError as error:
            findings.problem((*_ROOT, "users"), f"the file cannot be read: {error.strerror}")
        except BadUsers as error:
            findings.problem((*_ROOT, "users"), f"the file cannot be used: {error}")


def _login(findings: Findings, login: LoginConfig) -> None:
    path = (*_ROOT, "login")
    try:
        parts = parse_url(login.issuer)
    except AddressError as error:
        findings.problem((*path, "issuer"), f"{error}", "Like https://login.example.com.")
        return
    if parts.scheme == "http" and not login.allow_private and not is_loopback(parts.hostname or ""):
        remedy = "Write https://, or 'allow_private: true' for one on your own network."
        findings.problem((*path, "issuer"), "whoever is on the way could sign in as anybody: http is not taken", remedy)
    if "openid" not in login.scopes:
        findings.problem((*path, "scopes"), "without 'openid' nobody is told who signed in", "Add openid.")


def _client(findings: Findings, path: Path, client: ClientConfig, schemes: tuple[str, ...]) -> None:
    for index, uri in enumerate(client.redirect_uris):
        try:
            check(uri, schemes)
        except BadRedirect as bad:
            findings.problem(
                (*path, "redirect_uris", index), f"this redirect URI {bad}", "Like https://app.example.com/cb."
            )
    if not client.redirect_uris and client.client_secret is None:
        what = "nobody can be told apart from it: it acts for itself, and has no secret"
        findings.problem((*path, "client_id"), what, "Add 'client_secret', or 'redirect_uris' for people's browsers.")
    if client.scopes and client.client_secret is None:
        what = "has no effect: only a client with a secret acts for itself"
        findings.warn((*path, "scopes"), what, "Add 'client_secret'.", at_key=True)
