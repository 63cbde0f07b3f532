"""A call on the express way that has not left yet: nothing the server says can be its answer."""

from typing import Any

from narthex.limits import Limits
from narthex.upstream.http.passes import NO_PASS
from narthex.upstream.link.legacy_http import LegacyHttp


class Waiting:
    """Its start is being written down."""

    request_id, shown = 7, NO_PASS
    message: bytes | None = b"it"
    diverted = False

    def divert(self) -> None:
        self.diverted = True


class Client:
    personal = False


async def test_an_answer_that_comes_before_the_call_is_nobodys() -> None:
    nothing: Any = Client()
    link = LegacyHttp("crm", nothing, Limits(), nothing, nothing)
    flight = Waiting()
    link._flights[7] = flight

    assert link._reader_of(7) is None
    assert not flight.diverted
    flight.message = None
    link._reader_of(7)
    assert flight.diverted
