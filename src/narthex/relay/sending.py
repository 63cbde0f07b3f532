"""What a request to a server carries of the rules about its sending.

Knows: where each of them is found. Refuses to know: what becomes of the request (`upstream/manner`).
"""

from narthex.model.call import Call
from narthex.policy import stopped
from narthex.policy.repeatable import reads, repeatable
from narthex.relay.slot import Slot
from narthex.upstream.link.ask import Ask


def prepared(ask: Ask, call: Call, slot: Slot) -> Ask:
    """The same request, with them."""
    ask.repeatable = repeatable(call)
    sending = ask.sending = call.settled.sending
    if sending is None:
        return ask
    ask.reads = sending.hedge_after_seconds is not None and reads(call)
    if sending.bulkhead is not None:
        # It may have to wait for its turn, and its thing be stopped meanwhile.
        ask.still = lambda: stopped.since(call, slot.stops)
    return ask
