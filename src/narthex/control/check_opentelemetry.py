"""Checks of `opentelemetry`: an address that can be sent to, headers that can be sent.

Knows: what a collector's address looks like. Refuses to know: the network, and the SDK.
"""

from narthex.control.address import AddressError, parse_url
from narthex.control.check import Findings
from narthex.upstream.http.head import header_lines


def check_opentelemetry(findings: Findings) -> None:
    config = findings.config.opentelemetry
    if config is None:
        return
    try:
        parse_url(config.url)
    except AddressError as error:
        findings.problem(("opentelemetry", "url"), str(error), "Like 'http://collector.internal:4318'.")
    for name, value in config.headers.items():
        try:
            header_lines([(name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))])
        except ValueError as error:
            findings.problem(("opentelemetry", "headers", name), str(error), "See RFC 9110, 5.5 and 5.6.2.")
