"""What is said of `result` and `cache` that cannot be meant so, wherever it stands."""

from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError
from narthex.model.config import Config, EndpointConfig, ServerConfig
from narthex.model.rules.cache import Caching
from narthex.model.rules.result import ResultSize
from narthex.model.rules.rules import Rules
from narthex.relay.sharing import servers_of

SERVER = """
servers:
  - {name: crm, upstream: "https://crm.example.com"}
"""


def loaded(folder: Path, rule: str, more: str = "") -> Loaded:
    path = folder / "narthex.yaml"
    path.write_text(f"{rule}\n{more}\n{SERVER}")
    return load(path, {})


def test_both_are_read(tmp_path: Path) -> None:
    found = loaded(tmp_path, "result: {tokens_max: 2000, hint: limit=10}\ncache: {seconds: 0.5, public: true}")

    assert found.config.result == ResultSize(tokens_max=2_000, hint="limit=10")
    assert found.config.cache == Caching(seconds=0.5, public=True)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("result: {when_larger: refuse}", "result: has no bound. Add 'bytes_max' or 'tokens_max'."),
        ("result: {bytes_max: 100}", "result.bytes_max: must be at least 4096"),
        ("result: {bytes_max: 5000, when_larger: cut}", "'cut' is not one of offload, refuse, truncate"),
        ("cache: {seconds: -1}", "cache.seconds: must be at least 0"),
        ("cache: true", "cache: must be a mapping"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, rule: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, rule)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("result: {bytes_max: 5000, keep_seconds: 60}", "result.keep_seconds: has no effect"),
        ("result: {bytes_max: 100000000}", "result: has no effect: no result has more than 16777216 bytes"),
        ("tenants: {acme: {cache: {public: true}}}", "tenants.acme.cache.public: shares answers"),
    ],
)
def test_what_is_odd_is_a_warning(tmp_path: Path, rule: str, said: str) -> None:
    keys = "authentication: {type: keys}" if rule.startswith("tenants") else ""

    assert any(said in str(one) for one in loaded(tmp_path, rule, keys).warnings)


def test_servers_whose_calls_must_be_watched_are_known_by_the_rules_alone() -> None:
    """Every write at a server must be seen of which some answer may be kept, under whatever rule."""
    cached, plain = Rules(cache=Caching()), {"name": "b", "upstream": "https://b.example.com"}
    one = ServerConfig(name="a", upstream="https://a.example.com", rules={"x": cached})
    two = ServerConfig(**plain)  # type: ignore[arg-type]

    assert servers_of(Config(servers=(two,))) == frozenset()
    assert servers_of(Config(servers=(one, two))) == {"a"}
    assert servers_of(Config(servers=(two,), cache=Caching())) == {"b"}
    assert servers_of(Config(servers=(two,), tenants={"t": cached})) == {"b"}
    assert servers_of(Config(servers=(two,), endpoints={"e": EndpointConfig(rules={"y": cached})})) == {"b"}
    assert servers_of(Config(servers=(two,), endpoints={"e": EndpointConfig(cache=Caching())})) == {"b"}
