"""Where browsers find the page, and how they must call us.

Knows: one address, and the paths below it. Refuses to know: what is on the pages.
"""

import re
from urllib.parse import urlsplit

CONNECT = "/connect"
CALLBACK = "/connect/callback/"  # and the name of a server, from whose authorization server a browser comes back
SIGNED_IN = "/connect/signed-in"  # back from the provider where people log in
STYLE = "/connect/style.css"
CLIENT = "/connect/client/"  # and the name of a server: what its authorization server may read of us as a client
JSON = ".json"

_NAME = "[A-Za-z0-9_-]{1,32}"
_OURS = re.compile(rf"{CONNECT}(/(?!callback$){_NAME}|/style\.css|/callback/{_NAME}|/client/{_NAME}\.json)?")


class Site:
    """`url`: the address of the gateway, as browsers have it. `fixed`: everybody must call us by it.

    Without a public address each of our names has cookies of its own, so that who begins under one must not come back
    under another.
    """

    __slots__ = ("base", "fixed", "issuer", "netloc", "secure")

    def __init__(self, url: str, *, fixed: bool) -> None:
        self.issuer = url.rstrip("/")
        parts = urlsplit(self.issuer)
        self.base, self.netloc = parts.path, parts.netloc
        self.secure, self.fixed = parts.scheme == "https", fixed

    def __repr__(self) -> str:
        return f"<Site {self.issuer}>"

    @property
    def page(self) -> str:
        return self.issuer + CONNECT

    def below(self, path: str) -> str | None:
        """The path as it is without the base; None: it is not one of ours."""
        for prefix in {self.base, ""}:
            rest = path.removeprefix(prefix)
            rest = rest.removesuffix("/")
            if path.startswith(prefix) and _OURS.fullmatch(rest):
                return rest
        return None

    def is_called_otherwise(self, host: str) -> bool:
        return self.fixed and host.lower() != self.netloc.lower()
