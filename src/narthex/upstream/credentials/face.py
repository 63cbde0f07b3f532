"""The face every kind of credential has towards the requests that need it.

Knows: shapes. Refuses to know: where a credential comes from.
"""

from typing import Protocol

from narthex.model.caller import Caller
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.passes import Pass
from narthex.upstream.http.reply import HttpReply

GRANT_NEEDED = "grant_needed"  # the machine's word, up to the client


class CredentialFault(HttpFault):
    """There is nothing to show, or what was shown is refused.

    The text is for whoever called; `note` says to the operator what to do. Neither holds a secret.
    """

    reason = "unauthorized"

    def __init__(self, text: str, note: str = "", *, retry_seconds: float | None = None, error: str = "") -> None:
        super().__init__(text)
        self.note = note or text
        self.retry_seconds = retry_seconds
        self.error = error  # an issuer's own word, where it refused (RFC 6749, 5.2)


class GrantNeeded(CredentialFault):
    """Only the caller can help: by a grant for this server in a browser. It never says that the server is broken.

    `server`: its name in the configuration. `scopes`: what the grant there is lacks; empty where there is none.
    """

    reason = GRANT_NEEDED

    def __init__(self, server: str, scopes: frozenset[str] = frozenset(), text: str = "", note: str = "") -> None:
        what = f"more rights there ({' '.join(sorted(scopes))})" if scopes else "a connection of yours to it"
        super().__init__(text or f"it needs {what}", note)
        self.server = server
        self.scopes = scopes


class Credentials(Protocol):
    """Of one server. `personal`: each caller shows something else, so no two may share a conversation."""

    @property
    def personal(self) -> bool: ...

    @property
    def borrows(self) -> bool:
        """Where nobody calls, the gateway asks as one of its callers (`lend`)."""
        ...

    def ready(self, caller: Caller | None) -> Pass | None:
        """What to show, if nothing has to be waited for. `caller` None: the gateway asks for itself."""
        ...

    async def get(self, caller: Caller | None, at: float) -> Pass:
        """The same, waiting until the loop's time is `at`. Raises CredentialFault."""
        ...

    async def refused(self, shown: Pass, caller: Caller | None, reply: HttpReply, at: float) -> Pass | None:
        """The server answered 401 or 403 to this. Something better to show, once; None: there is none.

        Raises CredentialFault where it is known why the server will go on refusing.
        """
        ...

    def lend(self, caller: Caller) -> bool:
        """Where the gateway asks for lists as one of its callers: from now on as this one. False: it need not."""
        ...

    def hide(self, text: str) -> str:
        """The text without anything that is shown to the server."""
        ...

    async def aclose(self) -> None: ...
