"""The loops of docs/models.md, as they stand there, with the providers' SDKs, against a real gateway."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs_pages import ROOT, snippets, text_of

sys.path.insert(0, str(ROOT / "tests" / "models"))
sys.path.insert(0, str(ROOT / "tests" / "operation"))

from docs_model_provider import providing
from operation_kit import Gateway, serving

from narthex import limits
from narthex.libraries.demo import demo_config
from narthex.models import FORMATS
from narthex.models.dialects import DIALECTS, STRICT

PYTHON = [one.text for one in snippets("python") if one.page == "docs/models.md"]
HELPER, LOOPS = PYTHON[0], PYTHON[1:]
SECONDS_MAX = 50.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("gateway"), *demo_config()["servers"]) as found:
        yield found


def form_of(loop: str) -> str:
    return next(form for form in FORMATS if f'"{form}"' in loop)


@pytest.mark.parametrize("loop", LOOPS, ids=form_of)
def test_a_loop_of_the_page_works(loop: str, gateway: Gateway, tmp_path: Path) -> None:
    tool = next(name for name in gateway.tools() if "search_contacts" in name)
    told = gateway.text(tool, query="an")
    (tmp_path / "gateway.py").write_text(HELPER.replace("http://127.0.0.1:8080/mcp", gateway.url))
    (tmp_path / "loop.py").write_text(loop)

    with providing(form_of(loop), tool, {"query": "an"}) as provider:
        ran = subprocess.run(
            [sys.executable, "loop.py"],
            cwd=tmp_path,
            env=environment(provider.url, tmp_path),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
        )

    assert provider.wrong == []
    assert ran.returncode == 0, ran.stderr
    assert len(provider.requests) == 2
    assert "There is no tool 'crm__nobody'" in json.dumps(provider.requests[1])
    assert ran.stdout.startswith("It said: ")
    assert set(words(told)[:20]) <= set(words(ran.stdout)), "what the tool answered has reached the model"


def words(text: str) -> list[str]:
    """Also of a text that is in JSON, which is in JSON."""
    for escape in ("\\\\n", "\\n", "\\"):
        text = text.replace(escape, " ")
    return "".join(letter if letter.isalpha() else " " for letter in text).split()


def environment(url: str, home: Path) -> dict[str, str]:
    """Every SDK talks to the stand-in, and to nobody else."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(home),
        "PYTHONUTF8": "1",
        "NO_PROXY": "127.0.0.1",
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": url,
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{url}/v1",
        "GEMINI_API_KEY": "none",
        "GOOGLE_GEMINI_BASE_URL": url,
        "LLAMA_API_KEY": "none",
        "LLAMA_API_CLIENT_BASE_URL": f"{url}/v1/",
    }


def test_there_is_a_loop_for_every_api() -> None:
    assert [form_of(loop) for loop in LOOPS] == [form for form in FORMATS if form != "mcp"]


def test_the_page_names_every_format_and_the_numbers_of_the_tables() -> None:
    page = text_of("docs/models.md")
    anthropic: Any = STRICT["anthropic"]

    assert all(f"| `{form}` |" in page for form in FORMATS)
    assert f"longer than {limits.model_note_chars_max} characters" in page
    assert f"| name of a tool | {DIALECTS['anthropic'].name.chars_max} | {DIALECTS['openai'].name.chars_max} |" in page
    assert f"| {DIALECTS['openai'].description_chars_max:,} in Chat Completions" in page
    assert f"| any number | {DIALECTS['openai'].tools_max} | {DIALECTS['gemini'].tools_max} |" in page
    assert (
        f"{anthropic.tools_max} strict tools in a request, with {anthropic.optional_max} optional arguments and "
        f"{anthropic.unions_max} of several types"
    ) in page
