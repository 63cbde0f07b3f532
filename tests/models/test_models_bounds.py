"""What a hostile schema may cost: written out, it stays within its bounds, and soon."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from narthex import limits
from narthex.models import FORMATS, Toolset

Tree = dict[str, Any]


def doubling(levels: int) -> Tree:
    """Every definition twice in the next: 2 to the power of `levels`, written out."""
    defs = {
        f"d{at}": {"type": "object", "properties": {side: {"$ref": f"#/$defs/d{at + 1}"} for side in ("a", "b")}}
        for at in range(levels)
    }
    return {"properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": {**defs, f"d{levels}": {"type": "string"}}}


def deep(levels: int) -> Tree:
    schema: Tree = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def heavy() -> Tree:
    """A long enum that a thousand members have."""
    defs = {"e": {"enum": [f"{at:060}" for at in range(4_000)]}}
    return {"properties": {f"m{at}": {"$ref": "#/$defs/e"} for at in range(1_000)}, "$defs": defs}


HOSTILE = {
    "doubling": doubling(40),
    "deep": deep(300),
    "heavy": heavy(),
    "wide": {"properties": {f"m{at}": {"type": "string"} for at in range(20_000)}},
    "branches": {"anyOf": [{"properties": {"a": {"const": at}}, "required": [f"r{at}"]} for at in range(3_000)]},
    "required": {"allOf": [{"required": [f"r{at}" for at in range(20_000)]}] * 8, "properties": {}},
    "enums": {"properties": {"a": {"allOf": [{"enum": list(range(20_000))}, {"enum": list(range(1, 20_001))}]}}},
    "loop": {"$ref": "#"},
    "loops": {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/a"}]}}},
    "names": {"$defs": {"d": {"type": "object", "properties": {"n" * 100_000: {}}}},
              "properties": {f"m{at}": {"$ref": "#/$defs/d"} for at in range(1_000)}},
    "unions": {"properties": {"a": {"anyOf": [{"anyOf": [{"type": "string"}] * 60}] * 60}}},
}  # fmt: skip


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "mcp"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_written_out_within_bounds(form: Any, name: str) -> None:
    began = time.process_time()
    toolset = Toolset([{"name": "t", "inputSchema": HOSTILE[name]}], form)
    took = time.process_time() - began

    assert len(json.dumps(toolset.definitions)) < 3 * limits.model_schema_chars_max
    assert took < 2.0
    assert len(toolset.warnings) < 50


def test_what_is_beyond_the_bound_is_said() -> None:
    toolset = Toolset([{"name": "t", "inputSchema": doubling(40)}], "anthropic")

    assert any("too large, written out" in one for one in toolset.warnings)
    assert json.dumps(toolset.definitions).count('"type"') <= limits.model_schema_nodes_max + 1


def test_a_schema_within_its_bounds_is_whole() -> None:
    assert Toolset([{"name": "t", "inputSchema": deep(limits.model_schema_depth_max)}], "anthropic").warnings == ()


def test_more_alternatives_of_one_argument_than_are_shown_become_any() -> None:
    branches = [{"properties": {"a": {"const": at}}} for at in range(limits.model_variants_max + 1)]

    (shown,) = Toolset([{"name": "t", "inputSchema": {"anyOf": branches}}], "anthropic").definitions

    assert shown["input_schema"]["properties"]["a"] == {}


def test_importing_it_imports_no_sdk_and_little_else() -> None:
    code = "import sys, narthex.models; print(' '.join(sorted({n.partition('.')[0] for n in sys.modules})))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True).stdout

    assert not {"anthropic", "openai", "google", "pydantic", "asyncio", "click", "httptools", "uvloop"} & set(
        loaded.split()
    )
