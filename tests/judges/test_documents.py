"""Documents that other people publish: each is imported whole, with names and schemas that every model takes."""

import subprocess
import sys

import jsonschema_rs
import pytest
from outside import places

from narthex.catalog.names import PUBLIC
from narthex.catalog.schemas import too_much
from narthex.limits import DEFAULTS, openapi_argument_chars_max, poison_score_alarm
from narthex.policy.poison.scoring import score
from narthex.policy.validation.compiling import unusable
from narthex.upstream.openapi.choosing import Everything
from narthex.upstream.openapi.document import BadDocument
from narthex.upstream.openapi.importing import Imported, imported

pytestmark = pytest.mark.documents

# Each with how many operations it has. HEAD and TRACE are not among them.
DOCUMENTS = {
    "petstore.json": 20,
    "petstore.yaml": 20,
    "petstore-3.1.json": 20,
    "train-travel.yaml": 7,
    "star-trek.json": 120,
    "circular.json": 1,
    "parameters.json": 23,
    "encodings.json": 1,
    "uploads.json": 3,
    "stripe.json": 452,
    "kubernetes.json": 839,
    "github.json": 1223,
}
SECONDS_MAX, MEGABYTES_MAX = 5.0, 150.0
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def read(name: str) -> Imported:
    return imported(places.document(name).read_bytes(), Everything(deprecated=True))


@pytest.mark.parametrize(("name", "operations"), DOCUMENTS.items())
def test_every_operation_becomes_a_tool_with_a_valid_schema(documents_part: None, name: str, operations: int) -> None:
    found = read(name)
    names = [tool.name for tool in found.tools]

    assert [one for one in found.problems if "#" not in one] == []  # one of them has fragments in its paths
    assert (found.found, len(found.tools), len(set(names))) == (operations, operations, operations)
    assert [name for name in names if not PUBLIC.fullmatch(name)] == []
    for tool in found.tools:
        jsonschema_rs.meta.validate({"$schema": DIALECT, **tool.schema})
        assert too_much(tool.schema, DEFAULTS) is None, tool.name
        assert unusable(tool.schema) is None, tool.name
        assert all(len(name) <= openapi_argument_chars_max for name in tool.schema["properties"])
        assert tool.description.strip()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_honest_operation_looks_like_an_attack(documents_part: None, name: str) -> None:
    scores = {tool.name: score(tool.definition).score for tool in read(name).tools}

    assert {tool: found for tool, found in scores.items() if found >= poison_score_alarm} == {}


def test_an_older_document_is_refused_with_a_reason(documents_part: None) -> None:
    with pytest.raises(BadDocument, match=r"Swagger 2\.0"):
        read("swagger.json")


def test_yaml_and_json_are_one_document(documents_part: None) -> None:
    assert [tool.definition for tool in read("petstore.yaml").tools] == [
        tool.definition for tool in read("petstore.json").tools
    ]


def test_names_as_a_person_would_choose_them(documents_part: None) -> None:
    names = {
        name: {tool.name for tool in read(name).tools} for name in ("github.json", "kubernetes.json", "stripe.json")
    }

    assert {"repos_get", "issues_create", "pulls_merge", "search_repos"} <= names["github.json"]
    assert {"list_core_v1_namespaced_pod", "read_core_v1_namespaced_pod_log"} <= names["kubernetes.json"]
    assert {"get_customers", "post_payment_intents_intent_confirm"} <= names["stripe.json"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a process takes at most is read from Linux")
def test_githubs_document_is_imported_within_its_budget(documents_part: None) -> None:
    """In a process of its own, whose memory is that of the import and nothing else."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from narthex.upstream.openapi.importing import imported\n"
        "began = time.perf_counter()\n"
        "found = imported(Path(sys.argv[1]).read_bytes())\n"
        "status = Path('/proc/self/status').read_text()\n"  # what `getrusage` says was the parent's, too
        "print(len(found.tools), time.perf_counter() - began, status.partition('VmHWM:')[2].split()[0])\n"
    )
    command = [sys.executable, "-c", script, str(places.document("github.json"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    tools, seconds, kilobytes = map(float, done.stdout.split())

    assert tools > 900
    assert seconds < SECONDS_MAX
    assert kilobytes / 1024 < MEGABYTES_MAX
