"""Checks of what concerns the whole gateway: addresses, TLS, hosts, limits.

Knows: who may listen where. Refuses to know: servers and endpoints.
"""

from pathlib import Path as FilePath
from urllib.parse import urlsplit

from narthex.control.address import Address, AddressError, parse_listen, parse_url
from narthex.control.check import Findings
from narthex.control.problem import Path

# A result that is allowed must also fit through what carries it; the rest of the limits stand alone.
_CARRIED_BY = (
    ("result_bytes_max", "sse_event_bytes_max"),
    ("sse_event_bytes_max", "sse_stream_bytes_max"),
    ("result_bytes_max", "line_bytes_max"),
    ("call_seconds_max", "call_seconds_absolute_max"),
)


# They are where to listen, and nothing by which anybody could call.
_ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def check_house(findings: Findings) -> None:
    config = findings.config
    data = _listen(findings, ("listen",), config.listen)
    admin = _listen(findings, ("admin", "listen"), config.admin.listen)
    opened = config.authentication is None and not findings.touches_broken(("authentication",))
    if data and not data.loopback and opened:
        findings.problem(
            ("listen",),
            f"without authentication the gateway listens on the loopback only, and '{data.host}' is not that",
            "Write 'listen: http://127.0.0.1:8080', and let something that authenticates callers stand in front.",
        )
    if data and not opened and data.host in _ALL_ADDRESSES and not config.public_url and not config.allowed_hosts:
        findings.warn(
            ("listen",),
            "clients elsewhere are refused (HTTP 421): no name by which they call this gateway is known",
            "Add 'public_url: https://…' or 'allowed_hosts: [tools.internal]', the name or address they use.",
        )
    if admin and not admin.loopback:
        findings.problem(
            ("admin", "listen"),
            f"the administration address is for the loopback only, and '{admin.host}' is not that",
            "Write 'admin: {listen: http://127.0.0.1:8081}'.",
        )
    if data and admin and data.port and (data.port == admin.port):
        findings.problem(
            ("admin", "listen"),
            "the administration address never shares the port of the clients",
            "Choose another port.",
        )
    _tls(findings, data)
    _hosts(findings)
    _limits(findings)
    if not any(server.enabled for server in config.servers) and not findings.touches_broken(("servers",)):
        findings.warn(
            ("servers",),
            "there are no servers: clients will see no tools",
            "Add one, for example '- {name: files, command: [...]}'.",
        )


def _listen(findings: Findings, path: Path, text: str) -> Address | None:
    try:
        address = parse_listen(text)
    except AddressError as error:
        findings.problem(path, f"{error}", "")
        return None
    if path[0] == "admin" and address.scheme == "https":
        findings.problem(path, "the administration address speaks http, and only with this machine", "Write http://.")
    return address


def _tls(findings: Findings, data: Address | None) -> None:
    config = findings.config
    for key, name in (config.tls or {}).items():
        try:
            with FilePath(name).open("rb"):
                pass
        except OSError as error:
            findings.problem(
                ("tls", key),
                f"the file cannot be read: {error.strerror}",
                "Relative paths begin beside the configuration file.",
            )
    if data is None:
        return
    if config.tls and data.scheme == "http":
        findings.warn(("tls",), "has no effect: 'listen' is http", "Write 'listen: https://…'.", at_key=True)
    if data.scheme == "https" and not config.tls:
        remedy = "Add 'tls: {certificate: FILE, key: FILE}', or end TLS in front: 'listen: http://…' with 'public_url: https://…'."
        findings.not_ready(("listen",), "https needs a certificate", remedy)


def _hosts(findings: Findings) -> None:
    config = findings.config
    if config.public_url is not None:
        _public(findings, config.public_url)
    for index, host in enumerate(config.allowed_hosts):
        if not host or any(letter in host for letter in "/@ "):
            findings.problem(
                ("allowed_hosts", index),
                "must be a host, with or without a port",
                "Like tools.internal or tools.internal:8080.",
            )
    for index, origin in enumerate(config.allowed_origins):
        parts = urlsplit(origin)
        if origin != "null" and (not parts.scheme or not parts.netloc or parts.path or parts.query):
            findings.problem(
                ("allowed_origins", index), "must be an origin: a scheme and a host", "Like https://chat.example.com."
            )


def _public(findings: Findings, text: str) -> None:
    """The endpoints, the issuer and all metadata are named after it: clients compare these sign by sign."""
    path: Path = ("public_url",)
    try:
        parts = parse_url(text)
    except AddressError as error:
        findings.problem(path, f"{error}")
        return
    if "@" in parts.netloc or "?" in text:
        what = "an address that clients are told has no user, no password and no query"
        findings.problem(path, what, "Like https://tools.example.com.")
    elif parts.path.rstrip("/").endswith(("/mcp", "/sse")):
        what = f"clients would find the gateway at {text.rstrip('/')}/mcp: '/mcp' is added to it"
        findings.warn(path, what, "Leave it away, if it is that of the endpoint.")


def _limits(findings: Findings) -> None:
    for small, large in _CARRIED_BY:
        if getattr(findings.config.limits, small) > getattr(findings.config.limits, large):
            key = small if findings.has(("limits", small)) else large
            findings.warn(
                ("limits", key),
                f"{small} is larger than {large}, which is the one that will be met",
                "Raise or lower both.",
            )
