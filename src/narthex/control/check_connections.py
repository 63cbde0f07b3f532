"""Checks of what users' grants need: a client that can be told, a document that can be read, keys that seal.

Knows: the rules between the keys of `vault`, and of `credentials` of the type `authorization_code`. Refuses to know:
the network, and users.
"""

from urllib.parse import urlsplit

from narthex.control.address import AddressError, parse_url
from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.credentials import CredentialsConfig
from narthex.store.vault_key import BadVaultKey, key_of

_NEEDS_CLIENT = (
    *("client_secret", "client_secret_file", "client_secret_command"),
    *("private_key_file", "private_key_command", "method"),
)


def check_vault(findings: Findings) -> None:
    config = findings.config.vault
    if config is None:
        return
    for path, key in (("key",), config.key), *((("old_keys", place), one) for place, one in enumerate(config.old_keys)):
        try:
            key_of(key)
        except BadVaultKey as error:
            remedy = "Make one: head -c 32 /dev/urandom | base64"
            findings.problem(("vault", *path), f"is no key: {error}", remedy)


def check_connected(findings: Findings, path: Path, shown: CredentialsConfig) -> None:
    """Of the type `authorization_code`; the rest of a client is judged elsewhere."""
    if shown.client_id is None:
        for key in _NEEDS_CLIENT:
            if getattr(shown, key) is not None:
                what = f"'{key}' is said of no client"
                findings.problem((*path, key), what, "Add 'client_id', or remove it.", at_key=True)
    elif shown.issuer is None:
        what = "a client is known to one issuer, and none is named"
        findings.problem((*path, "client_id"), what, "Add 'issuer: https://…', the one that knows it.")
    if shown.client_document is not None:
        _document(findings, (*path, "client_document"), shown)
    if shown.catalogue == "client":
        what = "without a user there is no grant to ask for lists with"
        findings.problem((*path, "catalogue"), what, "Write 'caller' or 'anonymous'.")
    elif shown.catalogue is not None and shown.grant_of == "gateway":
        what = "one grant serves for everything"
        findings.problem((*path, "catalogue"), what, "Remove it, or write 'grant_of: user'.", at_key=True)


def _document(findings: Findings, path: Path, shown: CredentialsConfig) -> None:
    if shown.client_id is not None:
        what = "we have a name there already: 'client_id'"
        findings.problem(path, what, "Remove one of both.", at_key=True)
    elif shown.client_document != "none":
        try:
            parts = parse_url(shown.client_document or "")
        except AddressError as error:
            findings.problem(path, f"{error}", 'Like https://tools.example.com/client.json, or "none".')
            return
        path_in_it = urlsplit(shown.client_document or "").path
        if parts.scheme != "https" or path_in_it in ("", "/"):
            what = "is no name for a client: it has to be an https URL with a path"
            findings.problem(path, what, 'Like https://tools.example.com/client.json, or "none".')
