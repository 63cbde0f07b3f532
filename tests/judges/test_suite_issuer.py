"""The official suite's authorization-server scenarios: all of them pass."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import places
from outside.ports import free_port
from outside.suite import SUITE, read_checks

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issuer"))

from issuer_kit import PASSWORD, Browser, ask

pytestmark = pytest.mark.suite

HOUSE = Path(__file__).resolve().parents[1] / "issuer" / "issuer_house.py"
SECONDS_MAX = 60.0


@pytest.fixture
def house(suite_part: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    with subprocess.Popen(
        [sys.executable, str(HOUSE), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(SECONDS_MAX)


async def agree(url: str) -> None:
    """What a person does at the browser, up to the page of the suite."""
    browser = Browser()
    consent = await browser.submit(await browser.get(url), "login-form", {"name": "bo", "password": PASSWORD})
    answer = await browser.submit(consent, "consent-form", {"decision": "allow"})
    assert (await ask(answer.location)).status == 200


def test_the_suite_finds_every_scenario_of_the_authorization_server_good(house: dict[str, str], tmp_path: Path) -> None:
    port, results = free_port(), tmp_path / "results"
    arguments = ["--url", house["url"], "--client-id", "known", "-p", str(port), "-o", str(results)]
    command = [str(places.node()), places.npm_file("suite", SUITE), "authorization", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as suite:
        said = []
        for line in suite.stdout:
            said.append(line)
            found = re.match(r"(http://127\.0\.0\.1:\d+/oauth/authorize\S+)", line.strip())
            if found:
                asyncio.run(agree(found[1]))
        suite.wait(SECONDS_MAX)

    checks = read_checks(results)

    assert {check.status for check in checks} == {"SUCCESS"}, "".join(said)
    assert {check.check for check in checks} == {
        "authorization-server-metadata",
        "authorization-server-metadata-cimd",
        "authorization-code-grant",
    }
