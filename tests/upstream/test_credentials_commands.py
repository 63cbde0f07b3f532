"""Secrets that a helper tells: real commands, that answer, hang, fail, say too much, and leave something behind."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from credentials_kit import House, call, is_gone, oauth, opened, until
from joserfc.jwk import ECKey

from narthex.limits import secret_bytes_max
from narthex.model.outcome import UpstreamFault
from narthex.upstream.credentials.face import CredentialFault
from narthex.upstream.credentials.helper import Helper
from process_kit import Far

SHOWN_KEYS = {"keys": True}


class Store:
    """A secret store with its helper: what it tells, and how often it was asked."""

    def __init__(self, folder: Path, secret: str = "first") -> None:
        self.script, self.secret, self._journal = folder / "helper", folder / "secret", folder / "journal"
        self.secret.write_text(f"{secret}\n")
        self.does(f"cat {self.secret}")

    def does(self, *lines: str) -> None:
        """Replaced as a whole: a helper may be running."""
        other = self.script.with_suffix(".new")
        other.write_text("\n".join(["#!/bin/sh", f"echo $$ >> {self._journal}", *lines, ""]))
        other.chmod(0o700)
        other.replace(self.script)

    @property
    def command(self) -> list[str]:
        return [str(self.script)]

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self._journal.read_text().split()] if self._journal.exists() else []


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def key(store: Store, **more: Any) -> dict[str, Any]:
    return {"credentials": {"type": "header", "value_command": store.command, **more}}


def helper(*words: str, **how: Any) -> Helper:
    return Helper("value_command", words, **how)


async def said_by(asked: Helper) -> str:
    """What the operator is told of a helper that told nothing."""
    with pytest.raises(CredentialFault) as caught:
        await asked.ask()
    assert str(caught.value) == "its credentials are not available"
    return caught.value.note


def is_there(file: Path) -> Callable[[], bool]:
    return lambda: file.exists() and bool(file.read_text().strip())


# ---- a command


async def test_words_are_given_as_they_are_and_no_shell_reads_them() -> None:
    assert await helper("printf", "%s\n", " $(id) `id` ; | ").ask() == "$(id) `id` ; |"


async def test_the_environment_is_that_of_a_server_behind_pipes(tmp_path: Path) -> None:
    own = {"PATH": os.environ["PATH"], "VAULT_ADDR": "there", "PLANTED": "never"}

    assert await helper("sh", "-c", "echo $VAULT_ADDR,$PLANTED.", own=own).ask() == ",."
    assert await helper("sh", "-c", "echo $VAULT_ADDR,$PLANTED.", inherit=("VAULT_*",), own=own).ask() == "there,."


async def test_nobody_is_there_to_answer_its_questions() -> None:
    assert await said_by(helper("cat")) == "the command 'cat' of `value_command` prints no text"


async def test_it_has_no_terminal() -> None:
    assert "exit status" in await said_by(helper("sh", "-c", "cat < /dev/tty"))


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("echo planted; echo planted >&2; exit 3", "ended with exit status 3"),
        ("echo planted; kill -9 $$", "ended with signal 9"),
        ("printf '\\377\\376'", "prints no text"),
        ("yes planted", f"prints more than {secret_bytes_max} bytes"),
        ("yes planted | head -c 66000; true", f"prints more than {secret_bytes_max} bytes"),
        ("echo planted; exec sleep 60", "has told nothing in 0.5 s"),
    ],
)
async def test_whatever_goes_wrong_is_said_without_what_it_printed(line: str, note: str) -> None:
    said = await said_by(helper("sh", "-c", line, seconds=0.5 if "sleep" in line else 15.0))

    assert said == f"the command 'sh' of `value_command` {note}"


async def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program")

    assert "'missing' of `value_command` cannot be started: No such file" in await said_by(helper("/nowhere/missing"))
    assert "cannot be started: Permission denied" in await said_by(helper(str(tmp_path / "plain")))


async def test_a_secret_as_long_as_a_bundle_is_taken() -> None:
    assert len(await helper("sh", "-c", f"yes a | tr -d '\\n' | head -c {secret_bytes_max}").ask()) == secret_bytes_max


@pytest.mark.parametrize("line", ["printf 'two\\nlines'", "echo naïve"])
async def test_what_no_header_can_carry_is_no_answer_for_a_header(line: str) -> None:
    assert await helper("sh", "-c", line).ask()
    assert "prints what no header can carry" in await said_by(helper("sh", "-c", line, for_header=True))


async def test_what_it_leaves_behind_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    line = f"sleep 60 & echo $! > {tmp_path}/pid; echo told"

    assert await helper("sh", "-c", line).ask() == "told"
    await until(lambda: is_gone(int((tmp_path / "pid").read_text())), "the process it left behind")


async def test_one_that_escapes_with_its_output_open_is_not_waited_for(tmp_path: Path) -> None:
    line = (
        f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60' & while ! [ -s {tmp_path}/pid ]; do :; done; echo told"
    )
    try:
        assert await helper("sh", "-c", line).ask() == "told"
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


async def test_all_of_a_tree_that_hangs_is_ended_when_its_time_is_over(tmp_path: Path) -> None:
    line = f"sleep 60 & echo $$ $! > {tmp_path}/pids; wait"

    assert "has told nothing" in await said_by(helper("sh", "-c", line, seconds=0.5))
    for pid in (tmp_path / "pids").read_text().split():
        await until(lambda pid=int(pid): is_gone(pid), "a process of the tree")


# ---- a key


@pytest.fixture
def guarded(far: Far) -> Far:
    far.order(SHOWN_KEYS)
    return far


async def test_a_key_is_asked_for_once_by_all_who_need_it(guarded: Far, store: Store) -> None:
    async with opened(guarded, **key(store)) as server:
        assert set(await asyncio.gather(*(call(server) for _ in range(8)))) == {"key first"}
        assert await call(server) == "key first"

    assert len(store.pids) == 1


async def test_under_another_name_it_is_the_whole_value(guarded: Far, store: Store) -> None:
    guarded.order({"open": True})
    async with opened(guarded, **key(store, header="X-API-Key")) as server:
        await call(server)

    assert {one["headers"]["x-api-key"] for one in guarded.seen} == {"first"}


async def test_a_key_that_is_refused_is_asked_for_anew(guarded: Far, store: Store) -> None:
    async with opened(guarded, **key(store)) as server:
        assert await call(server) == "key first"
        store.secret.write_text("second")
        guarded.order({"revoke": ["first"]})
        assert set(await asyncio.gather(*(call(server) for _ in range(4)))) == {"key second"}

    assert len(store.pids) == 2


async def test_a_server_that_refuses_everything_does_not_have_us_run_commands_without_end(
    guarded: Far, store: Store
) -> None:
    guarded.order({"revoke": ["first"]})
    async with opened(guarded, **key(store)) as server:
        for _ in range(5):
            with pytest.raises(UpstreamFault, match="credentials"):
                await call(server)

    assert len(store.pids) <= 2


async def test_it_is_kept_for_the_time_the_operator_says(guarded: Far, store: Store) -> None:
    async with opened(guarded, **key(store, secret_seconds=1)) as server:
        assert await call(server) == "key first"
        store.secret.write_text("second")
        await until_called(lambda said: said == "key second", server)
        store.does("exit 1")
        with pytest.raises(UpstreamFault) as caught:  # nothing is shown beyond its time
            await until_called(lambda said: said != "key second", server)
        assert caught.value.reason == "upstream_unauthorized"


async def until_called(wanted: Callable[[str], bool], server: Any) -> None:
    ends = asyncio.get_running_loop().time() + 10
    while not wanted(await call(server)):
        assert asyncio.get_running_loop().time() < ends
        await asyncio.sleep(0.05)


async def test_a_command_that_fails_is_told_to_the_operator_and_run_again_after_a_while(
    guarded: Far, store: Store
) -> None:
    house = House()
    store.does("echo planted-secret", "echo planted-secret >&2", "exit 3")
    async with opened(guarded, house, **key(store)) as server:
        for _ in range(3):
            with pytest.raises(UpstreamFault) as caught:
                await call(server)
            assert caught.value.reason == "upstream_unauthorized"
            assert "helper" not in caught.value.detail
            assert "planted" not in str(caught.value)
        problem = str(server.status()["problem"])

    assert "the command 'helper' of `value_command` ended with exit status 3" in problem
    assert len(store.pids) == 1
    assert "planted" not in str(house.said) + problem
    assert guarded.seen == []


async def test_a_server_that_repeats_the_key_is_not_heard_saying_it(guarded: Far, store: Store) -> None:
    async with opened(guarded, **key(store)) as server:
        await call(server)
        store.secret.write_text("second")
        guarded.order({"revoke": ["first"]})
        await call(server)
        assert server.opener.hide("it said first and second") == "it said *** and ***"


async def test_a_command_at_work_is_ended_with_the_server(guarded: Far, store: Store) -> None:
    store.does("sleep 60 &", f"echo $! > {store.script}.child", "wait")
    child = Path(f"{store.script}.child")
    async with opened(guarded, **key(store)) as server:
        with pytest.raises(UpstreamFault):
            await call(server, seconds=0.5)
        await until(is_there(child), "the command is at work")

    for pid in (*store.pids, int(child.read_text())):
        await until(lambda pid=pid: is_gone(pid), "the command has ended")


# ---- a client of an issuer


async def test_a_client_secret_is_told_and_kept(issuer: Far, far: Far, store: Store) -> None:
    store.secret.write_text("s3cret-of-the-gateway")
    issuer.order({"seconds": 1})
    told = oauth(issuer, client_secret=None, client_secret_command=store.command)
    async with opened(far, **told) as server:
        assert await call(server) == "gateway"
        await until(lambda: len(issuer.seen) >= 3, "the token is renewed")

    assert len(store.pids) == 1


async def test_a_client_secret_that_was_rotated_is_asked_for_anew_and_no_call_fails(
    issuer: Far, far: Far, store: Store
) -> None:
    clients = {"gateway": {"secret": "second"}}
    issuer.order({"clients": {"gateway": {"secret": "first"}}})
    told = oauth(issuer, client_secret=None, client_secret_command=store.command)
    async with opened(far, **told) as server:
        assert await call(server) == "gateway"
        before = far.seen[-1]["token"]
        issuer.order({"clients": clients})
        far.order({"revoke": [before]})
        store.secret.write_text("second")
        assert await call(server) == "gateway"

    assert [len(issuer.seen), len(store.pids)] == [2, 2]


async def test_an_issuer_that_refuses_every_secret_is_not_asked_twice_with_the_same(
    issuer: Far, far: Far, store: Store
) -> None:
    house = House()
    told = oauth(issuer, client_secret=None, client_secret_command=store.command)
    async with opened(far, house, **told) as server:
        with pytest.raises(UpstreamFault):
            await call(server)

    assert "invalid_client" in str(house.said)
    assert len(store.pids) == len(issuer.seen) + 1


async def test_a_private_key_is_told(issuer: Far, far: Far, store: Store) -> None:
    private = ECKey.generate_key("P-256")
    store.secret.write_bytes(private.as_pem(private=True))
    issuer.order({"clients": {"gateway": {"key": private.as_dict(private=False)}}})
    told = oauth(issuer, client_secret=None, private_key_command=store.command)
    async with opened(far, **told) as server:
        assert await call(server) == "gateway"

    assert "client_assertion" in json.dumps(issuer.seen)


async def test_a_client_secret_that_cannot_be_had_fails_closed(issuer: Far, far: Far, store: Store) -> None:
    house = House()
    store.does("echo planted-secret >&2", "exit 4")
    told = oauth(issuer, client_secret=None, client_secret_command=store.command)
    async with opened(far, house, **told) as server:
        with pytest.raises(UpstreamFault) as caught:
            await call(server)

    assert "the command 'helper' of `client_secret_command` ended with exit status 4" in str(house.said)
    assert "planted" not in str(house.said) + str(caught.value)
    assert issuer.seen == []
