"""The official conformance suite: its command line, and the checks that it wrote down.

What is kept of a run is a multiset of (scenario, check, status). SKIPPED and WARNING are statuses like the others, so
nobody looks better by declaring less.
"""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from outside import places
from outside.process import excerpt

SECONDS_MAX = 300.0
SCENARIO_MS_MAX = 60_000
SUITE = "@modelcontextprotocol/conformance/dist/index.js"
# Revisions for which the suite has a frozen list of what they require; the others are chosen by scenario.
WITH_REQUIREMENTS = ("2026-07-28", "2025-11-25")
REVISIONS = (*WITH_REQUIREMENTS, "2025-06-18", "2025-03-26")
# The client scenarios without authorization, one by one: `client --requirements` starts all of them at once.
CLIENT_SCENARIOS = {
    "2026-07-28": (
        "tools_call",
        "request-metadata",
        "sep-2322-client-request-state",
        "http-standard-headers",
        "http-custom-headers",
        "http-invalid-tool-headers",
        "json-schema-ref-no-deref",
        "json-schema-2020-12-preservation",
    ),
    "2025-11-25": (
        "initialize",
        "tools_call",
        "elicitation-sep1034-client-defaults",
        "sse-retry",
        "json-schema-2020-12-preservation",
    ),
}
# Those with authorization, in which the gateway is the OAuth client. What is scored has to be in one of both lists.
_AUTH = (
    *("auth/metadata-default", "auth/metadata-var1", "auth/metadata-var2", "auth/metadata-var3", "auth/basic-cimd"),
    *("auth/scope-from-www-authenticate", "auth/scope-from-scopes-supported", "auth/scope-omitted-when-undefined"),
    *("auth/scope-step-up", "auth/scope-retry-limit"),
    *("auth/token-endpoint-auth-basic", "auth/token-endpoint-auth-post", "auth/token-endpoint-auth-none"),
    "auth/pre-registration",
)
# On no revision's list, and run all the same.
EXTENSION_SCENARIOS = (
    *("auth/client-credentials-basic", "auth/client-credentials-jwt"),
    "auth/enterprise-managed-authorization",
)
AUTH_SCENARIOS = {
    "2026-07-28": (
        *_AUTH,
        *("auth/resource-mismatch", "auth/authorization-server-migration", "auth/metadata-issuer-mismatch"),
        *("auth/offline-access-scope", "auth/offline-access-not-supported"),
        *("auth/iss-supported", "auth/iss-not-advertised", "auth/iss-supported-missing"),
        *("auth/iss-wrong-issuer", "auth/iss-unexpected", "auth/iss-normalized"),
        *EXTENSION_SCENARIOS,
    ),
    "2025-11-25": (*_AUTH, *EXTENSION_SCENARIOS),
    "2025-03-26": ("auth/2025-03-26-oauth-metadata-backcompat", "auth/2025-03-26-oauth-endpoint-fallback"),
}
# In these nobody may be let in.
REFUSED_SCENARIOS = (
    *("auth/scope-retry-limit", "auth/resource-mismatch", "auth/metadata-issuer-mismatch"),
    *("auth/iss-supported-missing", "auth/iss-wrong-issuer", "auth/iss-unexpected", "auth/iss-normalized"),
)
CLIENT_ENDED = "the client ended well"


class Check(NamedTuple):
    """One verdict of the suite."""

    scenario: str
    check: str
    status: str


Checks = Counter[Check]


class SuiteFailure(Exception):
    """The suite itself did not work: it wrote no checks, which says nothing about who was tested."""


def server_checks(url: str, revision: str, folder: Path) -> Checks:
    """Every server scenario of the revision against the URL."""
    chosen = (
        ["--requirements", revision]
        if revision in WITH_REQUIREMENTS
        else ["--suite", "all", "--spec-version", revision]
    )
    return judge(["server", "--url", url, *chosen, "--timeout", str(SCENARIO_MS_MAX)], folder)


def client_checks(command: str, revision: str, scenario: str, folder: Path) -> Checks:
    """One client scenario; the suite starts the command with the URL of its mock server appended.

    A gateway may connect more often than one client does, and each connection is checked again: here a check has a
    name beside its id, and how often it came does not count. The command leaves its status in the folder.
    """
    # Extensions stand on no revision's list; the suite runs them all the same, if it is told to.
    extension = ["--force"] if scenario in EXTENSION_SCENARIOS else []
    chosen = ["--scenario", scenario, "--spec-version", revision, *extension]
    judge(["client", "--command", command, *chosen, "--timeout", str(SCENARIO_MS_MAX)], folder)
    found = Counter(set(read_checks(folder / "results", names=True)))
    status = folder / "client-status"
    if not status.exists():
        raise SuiteFailure(f"the client was not started, or not waited for; {said(folder)}")
    found[Check(scenario, CLIENT_ENDED, "SUCCESS" if status.read_text() == "0" else "FAILURE")] = 1
    return found


def said(folder: Path) -> str:
    """How what was written down beside the checks begins and ends: what failed is in there."""
    return "\n".join(f"{log.name}:\n{excerpt(log)}" for log in sorted(folder.glob("*.log")))


def scored(revision: str) -> list[str]:
    """The client scenarios that the revision requires, as the suite lists them."""
    command = [str(places.node()), places.npm_file("suite", SUITE), "list", "--requirements", revision]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60)
    listed = said.stdout.partition("Client scenarios")[2].partition("never scored")[0]
    return re.findall(r"^  - (\S+)$", listed, re.MULTILINE)


def judge(arguments: list[str], folder: Path) -> Checks:
    """Runs the suite once; its results and its words stay in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "suite.log"
    with log.open("wb") as out:
        # Its exit code counts scored scenarios only; the comparison of checks is stricter, so it is not asked.
        subprocess.run(
            [str(places.node()), places.npm_file("suite", SUITE), *arguments, "-o", str(folder / "results")],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=SECONDS_MAX,
            check=False,
        )
    found = read_checks(folder / "results")
    if not found:
        raise SuiteFailure(f"the suite wrote no checks; it said:\n{log.read_text('utf-8', 'replace')[-4000:]}")
    return found


def read_checks(folder: Path, *, names: bool = False) -> Checks:
    """The checks of every scenario in the folder; with `names`, each under its id and its name."""
    found: Checks = Counter()
    for path in folder.rglob("checks.json"):
        stamped = str(path.parent.relative_to(folder))
        scenario = re.sub(r"-\d{4}-\d\d-\d\dT[\d-]+Z$", "", stamped)
        for check in json.loads(path.read_text("utf-8")):
            # INFO is a diary of messages, except in the SSE scenarios, whose findings are INFO too.
            if check["status"] != "INFO" or check["id"].startswith("server-sse"):
                title = f"{check['id']} {check['name']}" if names else check["id"]
                found[Check(scenario, title, check["status"])] += 1
    return found
