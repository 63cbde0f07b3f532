"""Those who guess passwords and secrets are slowed down, and slow nobody else."""

import asyncio
from pathlib import Path

from issuer_kit import PASSWORD, App, Browser, stage

from narthex.issuer.throttle import Throttle
from narthex.limits import (
    sign_in_counted_max,
    sign_in_failures_per_address_max,
    sign_in_failures_per_user_max,
)


async def guess(here, app: App, name: str, password: str, browser: Browser | None = None):
    browser = browser or Browser()
    return await browser.submit(await browser.get(app.url()), "login-form", {"name": name, "password": password})


async def test_a_wrong_name_and_a_wrong_password_look_the_same(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()

        wrong, nobody, disabled = [
            await guess(here, app, name, password) for name, password in [("ana", "x"), ("eve", "x"), ("cy", PASSWORD)]
        ]

        assert wrong.status == nobody.status == disabled.status == 403
        assert wrong.text.count("do not belong together") == nobody.text.count("do not belong together") == 1


async def test_after_some_wrong_passwords_a_name_has_to_wait_even_for_the_right_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        await asyncio.gather(*(guess(here, app, "ana", f"wrong {n}") for n in range(sign_in_failures_per_user_max)))

        right = await guess(here, app, "ana", PASSWORD)
        other = await guess(here, app, "bo", PASSWORD)

        assert right.status == 429
        assert int(right.headers["retry-after"]) > 0
        assert other.status == 200


async def test_a_stranger_who_guesses_locks_nobody_out_of_the_browser_they_use(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, own = await here.register(), Browser()
        page = await guess(here, app, "ana", PASSWORD, own)
        await own.submit(page, "logout-form")
        await asyncio.gather(*(guess(here, app, "ana", "x") for _ in range(sign_in_failures_per_user_max)))

        stranger = await guess(here, app, "ana", PASSWORD)
        again = await guess(here, app, "ana", PASSWORD, own)

        assert stranger.status == 429
        assert again.status == 200


async def test_a_familiar_browser_guesses_no_more_than_others(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app, own = await here.register(), Browser()
        page = await guess(here, app, "ana", PASSWORD, own)
        await own.submit(page, "logout-form")
        for _ in range(sign_in_failures_per_user_max):
            assert (await guess(here, app, "ana", "x", own)).status == 403

        assert (await guess(here, app, "ana", PASSWORD, own)).status == 429


async def test_after_some_wrong_passwords_for_many_names_an_address_has_to_wait(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        await asyncio.gather(*(guess(here, app, f"user{n}", "x") for n in range(sign_in_failures_per_address_max)))

        assert (await guess(here, app, "bo", PASSWORD)).status == 429


async def test_right_passwords_are_not_counted(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()

        for _ in range(sign_in_failures_per_user_max + 1):
            assert (await guess(here, app, "ana", PASSWORD)).status == 200


async def test_who_guesses_the_secret_of_a_client_has_to_wait_and_the_client_does_not(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        wrong, right = App(here, "bot", secret="guess"), App(here, "bot", secret="bot secret")
        said = {"grant_type": "client_credentials"}
        for _ in range(sign_in_failures_per_address_max):
            assert (await wrong.token(said)).status == 401

        told = await wrong.token(said)

        assert told.status == 429
        assert (await right.token(said)).status == 200


async def test_other_requests_are_answered_while_passwords_are_compared(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        app = await here.register()
        loop = asyncio.get_running_loop()
        guesses = [asyncio.ensure_future(guess(here, app, f"u{n}", "x")) for n in range(8)]
        slowest = 0.0
        while not all(one.done() for one in guesses):
            before = loop.time()
            await asyncio.sleep(0)
            slowest = max(slowest, loop.time() - before)
        replies = [one.result() for one in guesses]

        assert {reply.status for reply in replies} <= {403, 429}
        assert slowest < 0.2


def test_a_bucket_fills_again_and_the_silent_ones_are_forgotten() -> None:
    throttle = Throttle(2, 10.0, keys_max=3)

    taken = [throttle.take("a", 0.0) for _ in range(3)]
    later = throttle.take("a", 10.0)
    for key in "bcd":
        throttle.take(key, 11.0)

    assert taken == [0, 0, 10]
    assert later == 0
    assert len(throttle) == 3
    assert throttle.take("a", 11.0) == 0
    assert sign_in_counted_max >= 1_000
