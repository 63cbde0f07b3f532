"""The certificate the gateway shows its clients.

Knows: PEM files and what may be wrong with them. Refuses to know: who listens.
"""

import ssl

from narthex.control.problem import ConfigError, Problem
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
    return context
