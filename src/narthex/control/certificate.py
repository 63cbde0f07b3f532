"""The certificate the gateway shows its clients, and the authority whose certificates it takes from them.

Knows: PEM files and what may be wrong with them. Refuses to know: who listens, and whom a certificate names.
"""

import ssl

import msgspec

from narthex.control.problem import ConfigError, Problem
from narthex.model.authentication import AuthenticationConfig
from narthex.model.config import Config


def server_context(config: Config) -> ssl.SSLContext | None:
    """None: plain HTTP. Raises `ConfigError`."""
    if not config.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.tls["certificate"], config.tls["key"])
    except OSError as error:  # of the file, or of OpenSSL
        what = f"the certificate and the key cannot be used: {error.strerror or error}"
        raise ConfigError([Problem("", 0, 0, "tls", what, "Both are PEM files, and belong together.")]) from None
    if config.authentication is not None and config.authentication.certificates is not None:
        ask_for_certificates(context, config.authentication.certificates.authority)
    return context


def as_started(config: Config, started: Config) -> AuthenticationConfig | None:
    """Who may call now, on the TLS that the gateway was started with: it goes on trusting the authority of then."""
    callers, then = config.authentication, started.authentication
    if callers is None or callers.certificates is None:
        return callers
    trusted = then.certificates.authority if then is not None and then.certificates is not None else None
    if started.tls is not None and trusted == callers.certificates.authority:
        return callers
    return msgspec.structs.replace(callers, certificates=None)


def ask_for_certificates(context: ssl.SSLContext, authority: str) -> None:
    """Clients may show a certificate; one that this authority has not signed ends the connection. `ConfigError`."""
    try:
        context.load_verify_locations(cafile=authority)
        what = "" if context.get_ca_certs() else f"{authority} holds no certificate of an authority"
    except OSError as error:
        what = f"{authority} cannot be used: {error.strerror or error}"
    if what:
        remedy = "Name a PEM file with the certificate of the authority that signs those of your clients."
        raise ConfigError([Problem("", 0, 0, "authentication.certificates.authority", what, remedy)])
    # Not required: others come with a token, and whoever comes with neither is told so by HTTP.
    context.verify_mode = ssl.CERT_OPTIONAL
    # The authority may itself be signed by somebody whose other children are strangers here.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
