"""Checks of the connect page: browsers find it, people can show who they are, and no server is in the way of it.

Knows: the rules between `authentication.sign_in`, `public_url`, and servers that want a grant of each user. Refuses to
know: the network, and people.
"""

from narthex.control.check import Findings
from narthex.control.check_public import check_public
from narthex.control.problem import Path
from narthex.model.authentication import AuthenticationConfig
from narthex.model.issuer import SignInConfig

_SIGN_IN: Path = ("authentication", "sign_in")
_TAKEN = frozenset({"callback", "signed-in"})  # addresses below /connect to which browsers come back


def check_connect(findings: Findings) -> None:
    config = findings.config
    if config.authentication is not None and config.authentication.sign_in is not None:
        _sign_in(findings, config.authentication, config.authentication.sign_in)
    connecting = [
        (path, server)
        for path, server in findings.servers()
        if server.enabled and server.credentials is not None and server.credentials.connects
    ]
    for path, server in connecting:
        if server.name.lower() in _TAKEN:
            what = f"'{server.name}' is the name of another page, where people connect their accounts"
            findings.problem((*path, "name"), what, "Choose another name.")
    if not connecting:
        return
    _found_by_browsers(findings)
    by_users = any(server.credentials is not None and server.credentials.grant_of == "user" for _, server in connecting)
    if by_users and config.authentication is not None:
        _known_in_browsers(findings, config.authentication)


def _found_by_browsers(findings: Findings) -> None:
    on_loopback = check_public(
        findings,
        in_the_open="people connect their accounts there, and whoever is on the way could take part: http is not taken",
        nameless="a server wants a grant of each user, who need an address at which their browsers find this gateway",
    )
    if on_loopback and findings.config.allowed_hosts:
        what = "people connect their accounts at the address of 'listen', whatever name they come by"
        findings.warn(("allowed_hosts",), what, "Add 'public_url: https://…', the name they know.", at_key=True)


def _known_in_browsers(findings: Findings, config: AuthenticationConfig) -> None:
    """Whoever calls with a token of an issuer has to be the same person in a browser."""
    if config.sign_in is None and config.all_issuers():
        what = "people whose apps come with tokens of an issuer cannot sign in to connect their accounts"
        remedy = "Add 'authentication.sign_in: {issuer: …, client_id: …}'."
        findings.warn(("authentication",), what, remedy, at_key=True)


def _sign_in(findings: Findings, config: AuthenticationConfig, asked: SignInConfig) -> None:
    issuers = [one.issuer for one in config.all_issuers()]
    if asked.issuer not in issuers:
        what = "nobody who signs in there is known here: no tokens of this issuer are taken"
        remedy = f"Name one of {', '.join(issuers)}." if issuers else "Add it to 'issuers'."
        findings.problem((*_SIGN_IN, "issuer"), what, remedy)
    if "openid" not in asked.scopes:
        findings.problem((*_SIGN_IN, "scopes"), "without 'openid' nobody is told who signed in", "Add openid.")
