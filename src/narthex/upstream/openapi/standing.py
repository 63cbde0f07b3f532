"""How a call stands in the gateway: until when it may take, for whom it is, and whom to tell that the API is not there.

Knows: what `link.local` is to a server inside. Refuses to know: the call itself. A server that is called by itself, as
in a test, stands nowhere: it takes its own time, for nobody.
"""

from narthex.libraries.server import Call
from narthex.model.caller import Caller
from narthex.model.deadline import Deadline
from narthex.model.outcome import UpstreamFault
from narthex.upstream.link.local import Work


class Standing:
    """Of one call."""

    def __init__(self, call: Call) -> None:
        host = getattr(call, "host", None)
        self._work = host if isinstance(host, Work) else None

    @property
    def deadline(self) -> Deadline | None:
        return self._work.deadline if self._work is not None else None

    def caller(self) -> Caller | None:
        return self._work.caller if self._work is not None else None

    def lose(self, fault: UpstreamFault) -> None:
        """The call ends in this fault, whatever its tool says."""
        if self._work is not None:
            self._work.give_up(fault)
