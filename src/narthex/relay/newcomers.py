"""Which servers a call may be for while some of them have not said yet what they offer.

Knows: how public names begin. Refuses to wait, and to know how long a server may take.
"""

from narthex.catalog.names import SEPARATOR
from narthex.model.call import Call


def possible_owners(call: Call, unknown_yet: list[str]) -> list[str]:
    """Of these servers, whose lists are not known yet, those that may have what the call names."""
    name = call.params.get("name")
    if not unknown_yet or type(name) is not str or not call.endpoint.prefixed:
        return unknown_yet
    # A name that begins with no server's: an endpoint can rename a tool to anything.
    named = [server for server in call.endpoint.servers if name.startswith(server + SEPARATOR)]
    return [server for server in named if server in unknown_yet] if named else unknown_yet
