"""Checks of the address by which browsers find this gateway, asked for by whatever has pages for people.

Knows: `public_url`, and what stands in for it. Refuses to know: the pages.
"""

from urllib.parse import urlsplit

from narthex.control.address import AddressError, is_loopback, parse_listen
from narthex.control.check import Findings


def check_public(findings: Findings, *, in_the_open: str, nameless: str) -> bool:
    """What is wrong with http there, and with no address at all. True: browsers come to the loopback of `listen`."""
    config = findings.config
    if config.public_url is not None:
        parts = urlsplit(config.public_url)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            findings.problem(("public_url",), in_the_open, "Write https://, and end TLS here or in front.")
        return False
    try:
        address = parse_listen(config.listen)
    except AddressError:
        return False  # said elsewhere
    if not address.loopback:
        findings.problem(("public_url",), nameless, "Add 'public_url: https://…'.")
    return address.loopback
