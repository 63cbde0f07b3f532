"""What is said of deadlines, places, retries and breakers that cannot be meant so, wherever they stand."""

from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError
from narthex.model.rules.resilience import BreakerRule, Bulkhead

CRM = "upstream: 'https://crm.example.com'"


def loaded(folder: Path, text: str) -> Loaded:
    path = folder / "narthex.yaml"
    path.write_text(text if "servers" in text else f"{text}\nservers: [{{name: crm, {CRM}}}]\n")
    return load(path, {})


def test_the_keys_are_read_at_every_place(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "timeout_seconds: 30\nbulkhead: {concurrent: 100}\nbreaker: {share: 0.5}\nservers:\n"
        f"  - {{name: crm, {CRM}, timeout_seconds: 5, retries: 0, breaker: {{failures: 3, open_seconds: 30}},\n"
        "     rules: {'search_*': {hedge_after_seconds: 0.3, repeatable: true, timeout_seconds: 90}}}\n",
    ).config

    assert (config.timeout_seconds, config.bulkhead) == (30, Bulkhead(concurrent=100, waiting=16, wait_seconds=2.0))
    assert config.breaker == BreakerRule(share=0.5)
    crm = config.servers[0]
    assert (crm.timeout_seconds, crm.retries, crm.breaker) == (5, 0, BreakerRule(failures=3, open_seconds=30))
    search = crm.rules["search_*"]
    assert (search.hedge_after_seconds, search.repeatable, search.timeout_seconds) == (0.3, True, 90)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bulkhead: {}", "bulkhead: the key 'concurrent' is missing"),
        ("bulkhead: {concurrent: 0}", "bulkhead.concurrent: must be at least 1"),
        ("bulkhead: 5", "bulkhead: must be a mapping"),
        ("bulkhead: {concurent: 5}", "Did you mean 'concurrent'?"),
        ("breaker: {share: 2}", "breaker.share: must be at most 1"),
        ("breaker: {failures: 0}", "breaker.failures: must be at least 1"),
        ("retries: 50", "retries: must be at most 5"),
        ("timeout_seconds: 0", "timeout_seconds: must be greater than 0"),
        ("hedge_after_seconds: 1\nrepeatable: false", "hedge_after_seconds: asks a second time what must not be"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timeout_seconds: 2000", "no call lasts longer than 900 seconds"),
        ("timeout_seconds: 1\nhedge_after_seconds: 2", "is never reached: 'timeout_seconds' ends the call before"),
        ("retries: 2\nrepeatable: false", "is sent anew only where it never left"),
        ("endpoints: {sales: {breaker: {failures: 2}}}", "has no effect here: a server is left alone by everybody"),
        (
            f"servers: [{{name: crm, {CRM}, rules: {{a: {{breaker: {{failures: 2}}}}}}}}]",
            "has no effect here: a server is left alone by everybody",
        ),
    ],
)
def test_what_is_odd_is_said(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in str(warning) for warning in loaded(tmp_path, text).warnings)
