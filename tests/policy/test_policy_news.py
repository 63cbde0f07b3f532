"""News of lists go to those whose own list changed: by scopes, and by the operator's rules where there are any."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from policy_makers import compiled, offer, rules, server, tool, who

from narthex.limits import notice_coalesce_seconds
from narthex.model.config import Config
from narthex.model.endpoint import Endpoint, Snapshot
from narthex.model.identity import Principal
from narthex.policy.cedar import Rules
from narthex.relay.bus import Audience, Bus, Listener
from narthex.relay.slot import Slot
from narthex.telemetry.owned import Owned

SECONDS_MAX = 10.0
ALL = "permit(principal, action, resource);"
NO_DROP = ALL + 'forbid(principal, action, resource == Tool::"db/drop") unless { principal.scopes.contains("admin") };'


def world(*tools: str | dict[str, Any], text: str | None = NO_DROP, **of_server: Any) -> Endpoint:
    judge = Rules(text) if text is not None else None
    made = compiled(server("db", **of_server), offers=(offer("db", *tools),), authentication=rules(), judge=judge)
    return made.endpoints[""]


class House:
    """A bus over worlds, and what each listener was told."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.faults: list[BaseException] = []
        self.owned = Owned("test", lambda _where, fault: self.faults.append(fault))
        self.slot = Slot(Snapshot(1, Config(), {"": endpoint}))
        self.bus = Bus(self.slot, self.owned)
        self.told: list[str] = []
        self._loop = asyncio.get_running_loop()

    def listen(self, name: str, principal: Principal, *uris: str) -> Listener:
        def deliver(method: str, params: dict[str, Any]) -> None:
            self.told.append(f"{name} {method.removeprefix('notifications/')}{params.get('uri', '')}")

        found = Listener("", ("tools", "prompts", "resources"), uris, deliver, lambda: principal)
        self.bus.add(found)
        return found

    def publish(self, endpoint: Endpoint) -> None:
        self.slot.publish(Snapshot(self.slot.current.serial + 1, Config(), {"": endpoint}))

    async def settled(self) -> list[str]:
        """What was told, once nothing is compared any more and nothing is held back."""
        ends = self._loop.time() + SECONDS_MAX
        while len(self.owned):
            assert self._loop.time() < ends
            await asyncio.sleep(0.01)
        flushed = self._loop.create_future()
        self._loop.call_later(notice_coalesce_seconds * 1.5, flushed.set_result, None)
        await flushed
        told, self.told = self.told, []
        return sorted(told)


@pytest.fixture
async def house() -> AsyncIterator[Callable[[Endpoint], House]]:
    houses: list[House] = []

    def opened(endpoint: Endpoint) -> House:
        houses.append(House(endpoint))
        return houses[-1]

    yield opened
    for found in houses:
        found.bus.close()
        await found.owned.aclose()
        assert found.faults == []


Opened = Callable[[Endpoint], House]


async def test_a_change_that_the_rules_hide_is_no_news(house: Opened) -> None:
    found = house(world("query", "drop"))
    found.listen("ana", who("admin"))
    found.listen("bo", who())
    found.publish(world("query", tool("drop", title="Drop it")))

    assert await found.settled() == ["ana tools/list_changed"]


async def test_other_rules_are_news_to_whom_they_show_something_else(house: Opened) -> None:
    found = house(world("query", "drop"))
    found.listen("ana", who("admin"))
    found.listen("bo", who())
    found.publish(world("query", "drop", text=ALL))
    assert await found.settled() == ["bo tools/list_changed"]

    found.publish(world("query", "drop", text=None))
    assert await found.settled() == []

    found.publish(world("query", "drop"))
    assert await found.settled() == ["bo tools/list_changed"]


async def test_what_rules_say_of_the_server_itself_counts(house: Opened) -> None:
    """Nothing of the list's own text changed; what is believed of it did."""
    reads = "permit(principal, action, resource) when { resource has read_only && resource.read_only };"
    query = tool("query", annotations={"readOnlyHint": True})
    found = house(world(query, text=reads))
    found.listen("bo", who())
    found.publish(world(query, text=reads, trusted=True))

    assert await found.settled() == ["bo tools/list_changed"]


async def test_worlds_that_come_while_it_compares_are_compared_too(house: Opened) -> None:
    found = house(world("query"))
    found.listen("bo", who())
    for number in range(5):
        found.publish(world("query", *(f"more{place}" for place in range(number))))
        await asyncio.sleep(0)
    assert await found.settled() == ["bo tools/list_changed"]

    found.publish(world("query", *(f"more{place}" for place in range(4))))
    assert await found.settled() == []


async def test_who_leaves_in_between_is_told_nothing(house: Opened) -> None:
    found = house(world("query"))
    bo = found.listen("bo", who())
    found.publish(world("query", "more"))
    found.bus.remove(bo)

    assert await found.settled() == []


async def test_the_rules_are_asked_beside_the_loop(house: Opened) -> None:
    """A thousand items, and listeners who are not the same."""
    names = [f"tool{number}" for number in range(1_000)]
    found = house(world(*names))
    for number in range(5):
        found.listen(f"n{number}", Principal(f"n{number}"))
    loop = asyncio.get_running_loop()
    found.publish(world(*names, "more"))
    longest, last = 0.0, loop.time()
    while len(found.owned):
        await asyncio.sleep(0.001)
        longest, last = max(longest, loop.time() - last), loop.time()

    assert len(await found.settled()) == 5
    assert longest < 0.5


# ---- resources


async def test_news_of_a_resource_go_to_those_who_may_read_it(house: Opened) -> None:
    uris = ("file:///secret/a", "file:///open/a", "file:///")
    found = house(world(text=None, resource_scopes={"file:///secret/*": ("f",)}))
    found.listen("ana", who("f"), *uris)
    found.listen("bo", who(), *uris)
    for uri in ("file:///secret/a", "file:///open/a", "file:///secret/below/b"):
        found.bus.updated("db", uri)

    assert await found.settled() == [
        "ana resources/updatedfile:///open/a",
        "ana resources/updatedfile:///secret/a",
        "ana resources/updatedfile:///secret/below/b",
        "bo resources/updatedfile:///open/a",
    ]


async def test_and_the_rules_are_asked_besides(house: Opened) -> None:
    text = ALL + 'forbid(principal, action, resource == Resource::"db/memo://one") unless { principal.scopes != [] };'
    found = house(world(text=text, resource_scopes={"memo://two": ("f",)}))
    for name, principal in (("ana", who("f")), ("bo", who())):
        found.listen(name, principal, "memo://one", "memo://two", "memo://three")
    for uri in ("memo://one", "memo://two", "memo://three"):
        found.bus.updated("db", uri)

    assert await found.settled() == [
        "ana resources/updatedmemo://one",
        "ana resources/updatedmemo://three",
        "ana resources/updatedmemo://two",
        "bo resources/updatedmemo://three",
    ]


async def test_a_stream_ends_when_a_resource_that_it_was_promised_is_not_for_it_any_more(house: Opened) -> None:
    found = house(world(text=None))
    streams = {}
    for name, principal, uri in (
        ("kept", who("f"), "memo://one"),
        ("other", who(), "memo://two"),
        ("lost", who(), "memo://one"),
    ):
        ended = asyncio.get_running_loop().create_future()
        over = asyncio.create_task(found.bus.until_over(ended, Audience("", lambda who=principal: who, (uri,))))  # type: ignore[misc]
        streams[name] = (ended, over)
    await asyncio.sleep(0)
    found.publish(world(text=None, resource_scopes={"memo://one": ("f",)}))

    assert {name: ended.done() for name, (ended, _) in streams.items()} == {"kept": False, "other": False, "lost": True}
    found.bus.close()
    await asyncio.wait_for(asyncio.gather(*(over for _, over in streams.values())), SECONDS_MAX)
