"""What must be known before deciding, fetched together, before deciding.

Knows: which facts there are, and when they are here already. Refuses to decide.
"""

from collections.abc import Callable

from narthex.model.call import Call
from narthex.policy import stopped
from narthex.policy.redaction.redactor import kinds_by_model
from narthex.relay.approving import Approving
from narthex.relay.checking import Checking
from narthex.relay.counting import Counting
from narthex.relay.naming import Naming
from narthex.relay.offloads import Offloads
from narthex.relay.sharing import Sharing
from narthex.relay.strongroom import Strongroom


class Facts:
    """One for the gateway."""

    def __init__(
        self,
        counting: Counting,
        checking: Checking,
        strongroom: Strongroom,
        naming: Naming,
        approving: Approving,
        offloads: Offloads,
        sharing: Sharing,
    ) -> None:
        self.counting, self.checking, self.strongroom, self.naming = counting, checking, strongroom, naming
        self.offloads, self.sharing = offloads, sharing
        self.approving = approving  # asked last: what somebody says yes to is what the chain would let pass
        # Whether everything is here already, as it mostly is. Does not wait.
        self.ready: Callable[[Call, float], bool] = counting.ready

    def ended(self, call: Call) -> None:
        """The call is over: what it held is free again. A second time does nothing."""
        self.counting.ended(call)
        self.leave(call)

    def leave(self, call: Call) -> None:
        """It is not under way at its server any more."""
        if call.room is not None:
            room, call.room = call.room, None
            room.leave()

    def look(self, call: Call) -> None:
        """What an operator wants to know about a call that is not made: nothing is asked of anybody, nothing spent."""
        self.checking.look(call)
        self.counting.look(call)

    async def fetch(self, call: Call) -> None:
        """Whatever is not here yet. Waits no longer than whoever keeps the counts may take to answer."""
        if call.endpoint.stops and stopped.request(call) is not None:
            return  # nothing is asked for a call that is refused whatever the answer
        redacts = call.settled.rules.redaction is not None
        if redacts:
            call.pseudonyms = self.strongroom.pseudonyms
            await self.strongroom.fetch(call)
        await self.checking.fetch(call)
        if redacts and kinds_by_model(call.settled):
            await self.naming.fetch(call)  # after checking: arguments that are put right are looked at as they will be
        await self.counting.fetch(call)
