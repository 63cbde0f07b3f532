"""How the code is written: a module says what it knows, functions are small, nothing is unowned or left open."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from exceptions import LONG_FILES, LONG_FUNCTIONS, TASK_OWNERS
from house import ROOT, calls, house_modules, line, modules, source, tree, written_files

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
STARTS = {"create_task", "ensure_future", "run_coroutine_threadsafe"}
BROAD = {"Exception", "BaseException"}
WRITTEN = modules("src", "bench", "conformance", "tests")
BUILT = modules("src", "bench", "conformance")


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in WRITTEN if len(ast.get_docstring(tree(path)) or "") < 20]

    assert silent == []


def test_functions_are_small() -> None:
    long = {
        f"{path}:{node.name}": node.end_lineno - node.lineno + 1
        for path in BUILT
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno
        and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    }

    assert_only_exceptions(long, LONG_FUNCTIONS)


def test_files_are_small() -> None:
    lines = {str(path): len(source(path).splitlines()) for path in BUILT}

    assert_only_exceptions({path: n for path, n in lines.items() if n > FILE_LINES_MAX}, LONG_FILES)


def test_every_task_has_an_owner() -> None:
    """A task group awaits what it starts. Whoever starts a task otherwise is in the list, with who awaits it."""
    bare = {str(path): lines for path in BUILT if (lines := list(bare_starts(path)))}

    assert_only_exceptions(bare, TASK_OWNERS)


def assert_only_exceptions(found: dict[str, object], listed: dict[str, str]) -> None:
    """Everything found is listed with a reason, and everything listed is still found."""
    assert {name: what for name, what in found.items() if name not in listed} == {}
    assert [name for name in listed if name not in found] == []


def bare_starts(path: Path) -> Iterator[int]:
    """The lines that start a task outside `async with asyncio.TaskGroup() as NAME`."""
    groups = {
        item.optional_vars.id
        for node in ast.walk(tree(path))
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name) and "TaskGroup" in ast.unparse(item.context_expr)
    }
    for call in calls(path):
        owner, _, verb = ast.unparse(call.func).rpartition(".")
        if verb in STARTS and owner not in groups:
            yield call.lineno


def test_a_broad_except_says_why() -> None:
    """As `# noqa: BLE001 - reason`, or as a comment where ruff has no objection; letting it pass on needs none."""
    silent = [
        f"{path}:{node.lineno}"
        for path in BUILT
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and catches_everything(node)
        and not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
        and not re.search(r"# (noqa: BLE001 - )?[a-z].{9,}", line(path, node.lineno).partition("except")[2])
    ]

    assert silent == []


def catches_everything(handler: ast.ExceptHandler) -> bool:
    named = handler.type
    names = named.elts if isinstance(named, ast.Tuple) else [named]
    return any(name is None or (isinstance(name, ast.Name) and name.id in BROAD) for name in names)


def test_nobody_suppresses_everything() -> None:
    broad = [
        f"{path}:{call.lineno}"
        for path in BUILT
        for call in calls(path)
        if ast.unparse(call.func).endswith("suppress") and any(ast.unparse(a) in BROAD for a in call.args)
    ]

    assert broad == []


def test_only_the_command_line_prints() -> None:
    """And a library on stderr: it is a program of its own. And a module that is run to write its own page."""
    prints = [
        f"{path}:{call.lineno}"
        for path in house_modules()
        if not path.is_relative_to("src/narthex/cli")
        for statement in tree(path).body
        if not (isinstance(statement, ast.If) and "__main__" in ast.unparse(statement.test))
        for call in ast.walk(statement)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "print"
        and not (path.is_relative_to("src/narthex/libraries") and "file=sys.stderr" in ast.unparse(call))
    ]

    assert prints == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")

    found = [f"{path}:{number}" for path, number, text in written_lines() if later.search(text)]

    assert found == []


def test_the_tree_names_no_registry_and_no_place_of_its_makers() -> None:
    hosts = ["pypi" + ".org", "registry.npmjs" + ".org", "pythonhosted" + ".org", "deb.debian" + ".org",
             "crates" + ".io", "proxy.golang" + ".org", "/wo" + "rk/", "/opt/" + "wheels"]  # fmt: skip

    found = [f"{path}:{n}: {host}" for path, n, text in written_lines() for host in hosts if host in text]

    assert found == []


def written_lines() -> Iterator[tuple[Path, int, str]]:
    for path in written_files():
        for number, text in enumerate((ROOT / path).read_text("utf-8", "replace").splitlines(), 1):
            yield path, number, text


def test_an_exception_to_a_rule_gives_a_reason() -> None:
    reasons = {**TASK_OWNERS, **LONG_FILES, **LONG_FUNCTIONS}

    assert [name for name, reason in reasons.items() if len(reason) < 15] == []
