"""What is said of limits that cannot be meant so, wherever they stand."""

from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError

ENDS = """
servers:
  - {name: crm, upstream: "https://crm.example.com"}
"""


def loaded(folder: Path, text: str) -> Loaded:
    path = folder / "narthex.yaml"
    path.write_text(text if "servers" in text else text + ENDS)
    return load(path, {})


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return [str(problem).partition("narthex.yaml:")[2] for problem in caught.value.problems]


WRONG = {
    "rate_limit: {}": "1:13: rate_limit: says no limit. Like '{requests_per_minute: 60}'.",
    "rate_limit: []": ("1:13: rate_limit: must not be empty. Leave the key out, and a less specific place decides."),
    "rate_limit: {burst: 5}": (
        "1:21: rate_limit.burst: says how many calls may come at once, and no rate says how many may come in the long "
        "run. Add 'requests_per_minute', or write 'concurrent' if that is meant."
    ),
    "rate_limit: {requests_per_minut: 5}": (
        "1:14: rate_limit.requests_per_minut: unknown key 'requests_per_minut'. Did you mean 'requests_per_minute'?"
    ),
    "rate_limit: [{requests_per_minute: 5}, {requests_per_minute: 0}]": (
        "1:62: rate_limit[1].requests_per_minute: must be at least 1."
    ),
    "rate_limit: [{concurrent: 5}, {concurrent: 5}]": "1:31: rate_limit[1]: stands there twice. Remove one of them.",
    "rate_limit: 60": "1:13: rate_limit: must be a list or a mapping (key: value), and is a number.",
    "rate_limit: [60]": "1:14: rate_limit[0]: must be a mapping (key: value), and is a number.",
    "rate_limit: {requests_per_minute: 5, per: caller}": (
        "1:43: rate_limit.per: 'caller' is not one of endpoint, principal, server, session, tenant, tool. Known here: "
        "endpoint, principal, server, session, tenant, tool."
    ),
    "quota: {per: tool}": "1:8: quota: says no quota. Like '{calls_per_day: 1000}'.",
    "quota: {calls_per_day: 5, time_zone: Europe/Berln}": (
        "1:38: quota.time_zone: there is no time zone 'Europe/Berln' on this machine. Did you mean 'Europe/Berlin'?"
    ),
    "cost: {per_rows: 1}": "1:8: cost.per_rows: unknown key 'per_rows'. Did you mean 'per_row'?",
    "cost: -1": "1:7: cost: must be a number or a mapping (key: value), and is a number.",
    'shared: {url: "http://cache:6379"}': (
        "1:15: shared.url: must be the URL of a Redis or Valkey server. Like 'redis://cache.internal:6379/0'."
    ),
    'shared: {url: "redis://:s3/cret@cache:6379"}': (
        "1:15: shared.url: is no address: its host or its port cannot be read. A '/', '@', ':' or '#' in a password is "
        "written as %2F, %40, %3A, %23."
    ),
    "endpoints: {desk: {rules: {'crm/x': {rate_limit: {burst: 1}}}}}": (
        '1:58: endpoints.desk.rules["crm/x"].rate_limit.burst: says how many calls may come at once, and no rate says '
        "how many may come in the long run. Add 'requests_per_minute', or write 'concurrent' if that is meant."
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_meant_so_is_said_with_its_place_and_a_remedy(text: str, tmp_path: Path) -> None:
    assert problems(tmp_path, text) == [WRONG[text]]


ODD = {
    "quota: {calls_per_day: 50, calls_per_month: 20}": (
        "quota.calls_per_day: is never reached: 'calls_per_month' is less."
    ),
    "rate_limit: {requests_per_minute: 5, per: tenant}": (
        "rate_limit.per: counts all callers together: without authentication nobody belongs to a tenant. Add "
        "'authentication', or write 'per: principal'."
    ),
    "tenants: {acme: {rate_limit: {concurrent: 5}}}": (
        "tenants: has no effect: without authentication nobody belongs to a tenant. Add 'authentication'."
    ),
}


@pytest.mark.parametrize("text", ODD)
def test_what_has_another_effect_than_it_seems_is_a_warning(text: str, tmp_path: Path) -> None:
    said = [str(warning).partition(": ")[2] for warning in loaded(tmp_path, text).warnings]

    assert said == [ODD[text]]


def test_what_is_right_is_right_at_every_place(tmp_path: Path) -> None:
    rule = "{rate_limit: [{requests_per_minute: 60, burst: 5}, {concurrent: 5, per: tool, mode: warn}], cost: 3,"
    rule += " quota: {cost_per_month: 10.5, time_zone: Europe/Berlin}}"
    text = f"""
authentication: {{type: keys}}
rate_limit: {{requests_per_second: 5}}
cost: {{per_call: 1, per_kb: 0.1}}
shared: {{url: "valkeys://cache:6379", when_lost: refuse}}
tenants: {{acme: {rule}}}
endpoints: {{desk: {{rules: {{"crm/x": {rule}}}}}}}
servers:
  - {{name: crm, upstream: "https://crm.example.com", rules: {{"get_*": {rule}}}}}
"""
    found = loaded(tmp_path, text)

    assert found.warnings == ()
    assert found.unready == ()


def test_the_address_of_a_shared_store_is_not_shown_by_mistake(tmp_path: Path) -> None:
    config = loaded(tmp_path, 'shared: {url: "redis://:s3cret@cache:6379"}').config

    assert "s3cret" not in f"{config} {config.shared!r}"
