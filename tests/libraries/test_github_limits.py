"""The library `github` within GitHub's limits: what is asked again, what is not, and how long to wait."""

import re
import time
from email.utils import formatdate
from typing import Any

import pytest
from github_kit import KITES, asked, github, headers

from narthex import Principal
from narthex.libraries.github import bounds
from narthex.libraries.github.kept import Keeper, Reply
from narthex.libraries.github.pace import Pace
from process_kit import Far

README = {**KITES, "path": "README.md"}


def seconds_in(text: str) -> int:
    found = re.search(r"Wait (\d+) seconds", text)
    assert found, text
    return int(found[1])


async def test_what_has_not_changed_costs_nothing(far: Far) -> None:
    async with github(far) as client:
        first = await client.call("get_file", **README)
        left = far.see()["left"]["ghp_house/core"]
        again = await client.call("get_file", **README)

    assert first.text == again.text
    assert far.see()["left"]["ghp_house/core"] == left
    assert headers(far)["if-none-match"].startswith('W/"')


async def test_nothing_is_kept_for_another_token(far: Far) -> None:
    users = '{"ana": "ghp_ana", "bob": "ghp_bob"}'
    async with github(far, "", who=Principal("ana"), users=users) as client:
        secret = await client.call("get_file", owner="acme", repo="secret", path="README.md")
        client.principal = Principal("bob")
        denied = await client.call("get_file", owner="acme", repo="secret", path="README.md")

    assert secret.text.startswith("# Kites")
    assert denied.is_error
    assert "if-none-match" not in headers(far)


async def test_a_used_up_limit_is_told_and_not_asked_again(far: Far) -> None:
    far.order({"left": {"ghp_house/core": 0}, "reset": 42})
    async with github(far) as client:
        refused = await client.call("get_file", **README)
        waits = await client.call("list_issues", **KITES)
        searched = await client.call("search_repos", query="kites")

    assert 40 <= seconds_in(refused.text) <= 43
    assert 40 <= seconds_in(waits.text) <= 43
    assert not searched.is_error  # searches are counted apart
    assert len(asked(far)) == 2


async def test_the_last_request_is_known_as_such(far: Far) -> None:
    far.order({"left": {"ghp_house/core": 1}, "reset": 7})
    async with github(far) as client:
        found = await client.call("get_file", **README)
        waits = await client.call("get_file", **README)

    assert not found.is_error
    assert waits.is_error
    assert 5 <= seconds_in(waits.text) <= 8
    assert len(asked(far)) == 1


async def test_one_users_limit_is_not_anothers(far: Far) -> None:
    far.order({"left": {"ghp_ana/core": 0}})
    async with github(far, "", who=Principal("ana"), users='{"ana": "ghp_ana", "bob": "ghp_bob"}') as client:
        refused = await client.call("get_file", **README)
        client.principal = Principal("bob")
        found = await client.call("get_file", **README)

    assert refused.is_error
    assert not found.is_error


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ({"status": 429, "headers": {"Retry-After": "17"}}, 17),
        ({"status": 403, "headers": {"Retry-After": "17", "X-RateLimit-Remaining": "0"}}, 17),
        ({"status": 403, "body": {"message": "You have exceeded a secondary rate limit."}}, 60),
        ({"status": 429}, 60),
        ({"status": 429, "headers": {"Retry-After": "soon"}}, 60),
        ({"status": 429, "headers": {"Retry-After": "99999999"}}, 3_600),
        ({"status": 429, "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "never"}}, 60),
    ],
)
async def test_secondary_limits_hold_for_everything(far: Far, answer: dict[str, Any], seconds: int) -> None:
    far.order({"script": [answer]})
    async with github(far) as client:
        refused = await client.call("get_file", **README)
        waits = await client.call("get_file", **README)

    assert refused.is_error
    assert seconds - 1 <= seconds_in(refused.text) <= seconds
    assert seconds - 2 <= seconds_in(waits.text) <= seconds
    assert len(asked(far)) == 1


async def test_a_limit_ends(far: Far) -> None:
    far.order({"script": [{"status": 429, "headers": {"Retry-After": "1"}}]})
    async with github(far) as client:
        refused = await client.call("get_file", **README)
        ends = time.monotonic() + 10
        while (found := await client.call("get_file", **README)).is_error:
            assert time.monotonic() < ends

    assert "Wait a second" in refused.text
    assert found.text.startswith("# Kites")


def test_waits_are_reckoned_on_githubs_clock() -> None:
    pace, then = Pace(), 1_000_000
    said = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(then + 30), "date": formatdate(then, usegmt=True)}

    assert pace.heard("me", "core", 403, said, "") == 30
    assert pace.wait("me", "core") == 30
    assert pace.wait("me", "search") == 0
    assert pace.wait("you", "core") == 0


def test_a_secondary_limit_without_a_time_is_waited_for_longer_each_time() -> None:
    pace = Pace()
    waits = [pace.heard("me", "core", 429, {}, "") for _ in range(7)]

    assert waits == [60, 120, 240, 480, 960, 960, 960]
    assert pace.heard("me", "core", 200, {}, "") is None
    assert pace.heard("me", "core", 429, {}, "") == 60


def test_so_many_callers_are_remembered() -> None:
    pace = Pace()
    for number in range(bounds.callers_max + 10):
        pace.heard(str(number), "core", 429, {"retry-after": "60"}, "")

    assert pace.wait("0", "core") == 0
    assert pace.wait(str(bounds.callers_max + 9), "core") == 60


def test_so_much_is_kept() -> None:
    keeper, large = Keeper(), bytes(bounds.kept_answer_bytes_max)
    for number in range(40):
        keeper.keep(("me", str(number), ""), Reply(large, etag='"x"'))
    keeper.keep(("me", "without", ""), Reply(b"x"))
    keeper.keep(("me", "larger", ""), Reply(large + b"x", etag='"x"'))

    assert keeper.bytes <= bounds.kept_bytes_max
    assert keeper.find(("me", "0", "")) is None
    assert keeper.find(("me", "39", "")) is not None
    assert keeper.find(("me", "without", "")) is None
    assert keeper.find(("me", "larger", "")) is None
    keeper.keep(("me", "39", ""), Reply(b"", etag='"y"'))
    keeper.drop(("me", "39", ""))
    assert keeper.bytes == 15 * bounds.kept_answer_bytes_max


async def test_changes_are_made_one_after_the_other(far: Far) -> None:
    async with github(far) as client:
        started = time.monotonic()
        await client.call("create_issue", **KITES, title="One")
        await client.call("create_issue", **KITES, title="Two")

    assert time.monotonic() - started >= bounds.write_pause_seconds
