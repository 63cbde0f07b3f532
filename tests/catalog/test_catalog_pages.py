"""Pages: every item once, over any change in between, and no cursor but our own for this list and this caller."""

import time

import msgspec
import pytest
from catalog_makers import built, main, offer, resource, tool
from hypothesis import given, settings
from hypothesis import strategies as st

from narthex.catalog.merge import items_of
from narthex.catalog.pages import page
from narthex.limits import cursor_bytes_max, cursor_seconds_max, page_bytes_max, page_items_max
from narthex.model.endpoint import Endpoint, Items
from narthex.wire.faults import PeerFault
from narthex.wire.seal import CURSOR, Sealer

MODERN = "2026-07-28"
NOW = 1_800_000_000.0
sealer = Sealer((b"k" * 32,))
many = main(offer("crm", *[f"t{n}" for n in range(2_500)]))


def turn(
    items: Items, cursor: str | None = None, *, method: str = "tools/list", endpoint: str = "", now: float = NOW,
    holder: str = "", by: Sealer = sealer, revision: str = MODERN,
) -> tuple[list[str], str | None]:  # fmt: skip
    array, following = page(
        items, method, cursor, endpoint=endpoint, revision=revision, sealer=by, now=now, holder=holder
    )
    return [item["name"] for item in msgspec.json.decode(array)], following


def tools(endpoint: Endpoint) -> Items:
    return endpoint.lists["tools/list"]


def test_a_short_list_is_one_page() -> None:
    assert turn(tools(main(offer("crm", "a", "b")))) == (["a", "b"], None)
    assert turn(tools(main(offer("crm", "a")))) == (["a"], None)
    assert turn(tools(main(offer("crm")))) == ([], None)


def test_a_list_of_exactly_one_page_has_no_second() -> None:
    names, following = turn(tools(main(offer("crm", *[f"t{n}" for n in range(page_items_max)]))))

    assert len(names) == page_items_max
    assert following is None


def test_a_long_list_is_walked_by_any_process_with_the_keys() -> None:
    walked: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        names, cursor = turn(tools(many), cursor, by=Sealer((b"k" * 32,)))
        walked += names
        assert len(cursor or "") < cursor_bytes_max

    assert cursor is None
    assert walked == [f"t{n}" for n in range(2_500)]


def test_a_page_also_ends_at_its_bytes_but_holds_at_least_one_item() -> None:
    large = tuple(
        resource(f"x:{n}", icons=["x" * size])
        for n, size in enumerate([page_bytes_max // 2 - 100, page_bytes_max // 2 - 100, page_bytes_max + 1, 10])
    )
    items = main(offer("crm", resources=large)).lists["resources/list"]
    walked = []
    cursor = None
    while True:
        names, cursor = turn(items, cursor, method="resources/list")
        walked.append(names)
        if cursor is None:
            break

    assert walked == [["x:0", "x:1"], ["x:2"], ["x:3"]]


@pytest.mark.parametrize("cursor", ["", "x", "n1.", "n1." + "A" * 200, "0", "x" * 100_000, "MA=="])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(PeerFault, match="cursor is not valid") as caught:
        turn(tools(many), cursor)

    assert (caught.value.code, caught.value.data) == (-32602, {"reason": "cursor"})


def test_a_cursor_serves_its_list_its_endpoint_its_holder_and_its_hour_only() -> None:
    _, cursor = turn(tools(many), holder="acme\x00ana", endpoint="sales")
    right = {"holder": "acme\x00ana", "endpoint": "sales"}

    assert turn(tools(many), cursor, now=NOW + cursor_seconds_max - 1, **right)[0][0] == "t1000"  # type: ignore[arg-type]
    for wrong in (
        {**right, "holder": ""},
        {**right, "holder": "acme\x00bob"},
        {**right, "endpoint": ""},
        {**right, "method": "prompts/list"},
        {**right, "now": NOW + cursor_seconds_max},
        {**right, "by": Sealer((b"x" * 32,))},
    ):
        with pytest.raises(PeerFault):
            turn(tools(many), cursor, **wrong)  # type: ignore[arg-type]


def test_a_cursor_of_the_right_seal_and_wrong_claims_is_refused() -> None:
    for claims in ([], ["x"], ["tools/list", ""], ["tools/list", "", b"", "000001.x"]):
        with pytest.raises(PeerFault):
            turn(tools(many), sealer.seal(CURSOR, claims, NOW + 1))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_walk_over_a_reload_misses_nothing_that_stayed_and_repeats_nothing(data: st.DataObject) -> None:
    """The item at which the page ended stays, as all but one in a thousand do: then the walk is exact."""
    before = [f"t{n}" for n in range(1_500)]
    first, cursor = turn(tools(main(offer("crm", *before))))
    gone = data.draw(st.sets(st.sampled_from([name for name in before if name != first[-1]]), max_size=1_000))
    fresh = data.draw(st.lists(st.sampled_from([f"new{n}" for n in range(50)]), unique=True, max_size=50))
    place = data.draw(st.integers(0, 500))
    stayed = [name for name in before if name not in gone]
    after = [*stayed[:place], *fresh, *stayed[place:]]

    second, end = turn(tools(main(offer("crm", *after))), cursor)

    assert end is None
    assert second == after[after.index(first[-1]) + 1 :]
    assert not set(second) & set(first)
    assert {*first, *second} >= set(stayed)


def test_where_the_last_item_has_gone_the_walk_goes_on_at_its_place() -> None:
    names = [f"t{n}" for n in range(1_500)]
    first, cursor = turn(tools(main(offer("crm", *names))))
    names.remove(first[-1])

    second, _ = turn(tools(main(offer("crm", *names))), cursor)

    assert second == names[page_items_max - 1 :]


def test_where_everything_has_gone_the_walk_ends() -> None:
    _, cursor = turn(tools(many))

    assert turn(tools(main(offer("crm"))), cursor) == ([], None)


def test_sort_keys_are_sorted_beyond_any_allowed_list() -> None:
    keys = tools(many).keys

    assert list(keys) == sorted(keys)
    assert items_of((), ()).keys == ()


# ---- older revisions


def test_each_revision_gets_the_shape_it_knows_encoded_once() -> None:
    plain, shaped = tool("plain"), tool("shaped", outputSchema={"type": "object"})
    items = tools(main(offer("crm", plain, shaped)))

    def shown(revision: str) -> list[str]:
        array, _ = page(items, "tools/list", None, endpoint="", revision=revision, sealer=sealer, now=NOW)
        return [sorted(item) for item in msgspec.json.decode(array)]  # type: ignore[misc]

    without, with_output = ["inputSchema", "name"], ["inputSchema", "name", "outputSchema"]
    assert shown("2024-11-05") == [without, without]
    assert shown("2025-06-18") == [without, with_output]
    assert shown(MODERN) == [without, with_output]
    oldest, older = items.legacy["2024-11-05"], items.legacy["2025-03-26"]
    assert oldest[0] is items.modern[0], "what looks alike is not kept twice"
    assert oldest[1] is older[1]


def test_old_clients_walk_pages_too() -> None:
    names, cursor = turn(tools(many), revision="2025-03-26")
    more, _ = turn(tools(many), cursor, revision="2025-03-26")

    assert names + more == [f"t{n}" for n in range(2_000)]


def test_the_first_page_of_two_thousand_tools_costs_no_time() -> None:
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "x" * 40} for n in range(8)}}
    offers = [offer(f"s{n}", *[tool(f"t{m}", inputSchema=schema) for m in range(40)]) for n in range(50)]
    items = tools(built(*offers).endpoints[""])
    turn(items)

    def once() -> float:
        started = time.perf_counter()
        page(items, "tools/list", None, endpoint="", revision=MODERN, sealer=sealer, now=NOW)
        return time.perf_counter() - started

    assert min(once() for _ in range(20)) < 0.002
