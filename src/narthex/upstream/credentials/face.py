"""The face every kind of credential has towards the requests that need it.

Knows: shapes. Refuses to know: where a credential comes from.
"""

from typing import Protocol

from narthex.model.caller import Caller
from narthex.upstream.http.fault import HttpFault
from narthex.upstream.http.passes import Pass
from narthex.upstream.http.reply import HttpReply


class CredentialFault(HttpFault):
    """There is nothing to show, or what was shown is refused.

    The text is for whoever called; `note` says to the operator what to do. Neither holds a secret.
    """

    reason = "unauthorized"

    def __init__(self, text: str, note: str = "", *, retry_seconds: float | None = None) -> None:
        super().__init__(text)
        self.note = note or text
        self.retry_seconds = retry_seconds


class Credentials(Protocol):
    """Of one server. `personal`: each caller shows something else, so no two may share a conversation."""

    @property
    def personal(self) -> bool: ...

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
