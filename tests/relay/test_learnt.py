"""What servers asked for: bounded, only what means something, and never less than before."""

import msgspec
import pytest

from narthex.limits import learnt_tools_max
from narthex.model.config import Config, ServerConfig
from narthex.model.offer import Offer
from narthex.relay.learnt import Learnt

REPO = frozenset({"repo"})


def offer(**more: object) -> Offer:
    return Offer(server="git", era="modern", revision="2026-07-28", transport="http", **more)  # type: ignore[arg-type]


def config(**words: tuple[str, ...]) -> Config:
    return Config(servers=(ServerConfig(name="git", upstream="https://git.example/mcp", challenge_scopes=words),))


def test_an_offer_carries_what_is_known_and_is_the_same_where_nothing_is_new() -> None:
    learnt, plain = Learnt(), offer()
    assert learnt.put(plain) is plain

    assert learnt.add("git", "push", REPO)
    assert not learnt.add("git", "push", REPO)
    assert learnt.add("git", "push", frozenset({"repo", "admin"}))
    found = learnt.put(plain)
    assert found.learnt == {"push": ("repo", "admin")}
    assert learnt.put(found) is found


def test_it_comes_back_from_disk_and_an_older_file_has_none() -> None:
    learnt = Learnt()
    learnt.add("git", "push", REPO)
    text = msgspec.json.encode(learnt.put(offer()))
    again = Learnt()
    again.load(msgspec.json.decode(text, type=Offer))
    assert again.put(offer()).learnt == {"push": ("repo",)}

    old = msgspec.json.decode(text)
    del old["learnt"]
    assert msgspec.convert(old, Offer).learnt == {}


def test_what_is_taken_back_is_forgotten_for_good() -> None:
    learnt = Learnt()
    learnt.add("git", "push", frozenset({"repo", "admin"}))
    learnt.add("git", "pull", frozenset({"admin"}))
    learnt.add("gone", "pull", frozenset({"admin"}))
    learnt.keep(config(repo=("r",)))
    learnt.keep(config(repo=("r",), admin=("a",)))

    assert learnt.put(offer()).learnt == {"push": ("repo",)}
    learnt.forget("git")
    assert learnt.put(offer(learnt={"push": ("repo",)})).learnt == {}


def test_a_server_cannot_fill_the_memory() -> None:
    learnt = Learnt()
    for number in range(learnt_tools_max):
        learnt.add("git", f"tool{number}", REPO)
    with pytest.raises(OverflowError):
        learnt.add("git", "one more", REPO)
    assert learnt.add("git", "tool0", frozenset({"admin"}))
    assert learnt.add("other", "its first", REPO)
    assert len(learnt.put(offer()).learnt) == learnt_tools_max
