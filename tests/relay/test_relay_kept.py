"""What is kept in memory has bounds: of one thing, of all, of one caller, and of time."""

from typing import Any

import msgspec
import pytest

from narthex.limits import kept_answer_own_bytes, offloaded_per_holder_bytes_max
from narthex.model.call import Call
from narthex.model.deadline import Deadline
from narthex.model.endpoint import Endpoint, Reach
from narthex.model.identity import Principal
from narthex.model.rules.result import ResultSize
from narthex.model.rules.rules import Rules
from narthex.model.settled import Settled
from narthex.policy.guarding.whole import Page
from narthex.relay.kept import KeptAnswers
from narthex.relay.offloads import Offloads
from narthex.upstream.link.ask import NOBODY
from narthex.wire.faults import PeerFault
from narthex.wire.seal import Sealer

OFFLOAD = Settled(Rules(result=ResultSize(bytes_max=5_000, when_larger="offload", keep_seconds=60)))


def answer(size: int) -> dict[str, Any]:
    return {"content": msgspec.Raw(b'"' + b"x" * (size - 2) + b'"')}


def test_an_answer_is_good_for_its_time_and_under_its_mark() -> None:
    kept = KeptAnswers()
    kept.keep("a", answer(100), ("mark", 1), 10.0, 5.0)

    assert kept.find("a", ("mark", 1), 14.9) is not None
    assert kept.find("b", ("mark", 1), 14.9) is None
    assert kept.find("a", ("mark", 1), 15.0) is None
    assert (len(kept), kept.size) == (0, 0)

    kept.keep("a", answer(100), ("mark", 1), 10.0, 5.0)
    assert kept.find("a", ("mark", 2), 11.0) is None
    assert (len(kept), kept.size) == (0, 0)


def test_the_oldest_make_room_and_the_largest_are_not_kept() -> None:
    kept = KeptAnswers(bytes_max=4 * (kept_answer_own_bytes + 500), count_max=3, one_max=1_000)
    for number in range(5):
        kept.keep(number, answer(500), None, 0.0, 5.0)
    assert [kept.find(number, None, 1.0) is not None for number in range(5)] == [False, False, True, True, True]

    kept.keep("large", answer(1_001), None, 0.0, 5.0)
    assert kept.find("large", None, 1.0) is None

    kept.keep("twice", answer(999), None, 0.0, 5.0)
    kept.keep("twice", answer(999), None, 0.0, 5.0)
    assert kept.size <= 4 * (kept_answer_own_bytes + 500)
    kept.sweep(100.0)
    assert (len(kept), kept.size) == (0, 0)


def test_an_answer_is_kept_apart_from_the_text_it_came_in() -> None:
    whole = b'{"content": [1, 2], "more": "' + b"x" * 100_000 + b'"}'
    members = msgspec.json.decode(whole, type=dict[str, msgspec.Raw])
    kept = KeptAnswers()
    kept.keep("a", {"content": members["content"]}, None, 0.0, 5.0)
    found = kept.find("a", None, 1.0)

    assert found is not None
    assert bytes(found.members["content"]) == b"[1, 2]"
    assert kept.size < 2_000


def a_call(who: str, uri: str = "") -> Call:
    empty: dict[str, Any] = {}
    parts = (empty,) * 9
    place = Endpoint("", ("crm",), False, *parts, b"{}", None, reach={"gone": Reach()})
    made = Call(
        1,
        "resources/read" if uri else "tools/call",
        {"uri": uri} if uri else {},
        place,
        Principal(who),
        "2026-07-28",
        {},
        NOBODY,
        Deadline(0.0),
    )
    made.server, made.settled = "gone", OFFLOAD
    return made


def put(offloads: Offloads, who: str, size: int) -> str:
    call = a_call(who)
    call.slip = offloads.slip(call)
    call.slip.pages = (Page("text/plain", b"x" * size),)
    offloads.keep(call)
    uri: str = call.slip.uri
    return uri


def test_one_caller_cannot_push_out_what_others_have() -> None:
    offloads = Offloads(Sealer((b"k" * 32,)))
    put(offloads, "ben", 1_000)
    for _ in range(5):
        put(offloads, "ana", offloaded_per_holder_bytes_max // 2 - 1_000)

    assert len(offloads) == 3
    assert offloads.size < offloaded_per_holder_bytes_max + 2_000


def test_addresses_are_forgotten_when_they_are_over() -> None:
    offloads = Offloads(Sealer((b"k" * 32,)))
    put(offloads, "ana", 1_000)
    offloads.sweep()
    assert len(offloads) == 1
    assert offloads.size > 1_000


def test_an_address_of_a_server_that_is_gone_leads_nowhere() -> None:
    offloads = Offloads(Sealer((b"k" * 32,)))
    uri = put(offloads, "ana", 1_000)

    for who, asked in (("ana", uri), ("ben", uri), ("ana", uri + "/2"), ("ana", uri + "/-1"), ("ana", uri[:-2])):
        with pytest.raises(PeerFault) as caught:
            offloads.read(a_call(who, asked))
        assert caught.value.data["reason"] == "unknown_resource"
