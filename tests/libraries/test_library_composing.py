"""Libraries into one another, renamed and bound; where they are found; what they have to read."""

import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from narthex import Context, File, Library, NotFound, ToolError, tool
from narthex.libraries.finding import NotALibrary, find, load_file, server_of
from narthex.libraries.surroundings import Surroundings, encode, from_environment
from narthex.libraries.uri_template import UriTemplate
from narthex.testing import CallFailed, call, connect

Tree = dict[str, Any]


def database(version: str) -> Library:
    library = Library("database", version=version, instructions="Ask in SQL.", scopes=["db"])

    @library.tool(scopes=["db:read"], cost=2)
    def query(sql: str, tenant: str, rows: int = 10) -> str:
        """Ask the database."""
        return f"{version}: {sql} for {tenant}, {rows} rows"

    @library.tool
    def region(context: Context) -> str:
        return f"{context.library} {context.settings.get('region')}"

    @library.resource("db://tables", description="All tables")
    def tables() -> list[str]:
        return ["orders"]

    @library.prompt
    def explain(table: str) -> str:
        return f"Explain {table}."

    return library


async def test_a_library_in_another_is_renamed_bound_and_keeps_its_scopes() -> None:
    agent = Library("agent", instructions="Be brief.")
    agent.include(
        database("1.0"),
        prefix="db_",
        rename={"query": "ask"},
        bind={"query": {"tenant": "acme"}},
        scopes=["agent"],
    )
    given = {"region": "eu", "database.region": "ch"}
    async with connect(agent, settings=given) as client:
        tools = {one["name"]: one for one in await client.tools()}

        assert list(tools) == ["ask", "db_region"]
        assert list(tools["ask"]["inputSchema"]["properties"]) == ["sql", "rows"]
        assert tools["ask"]["_meta"]["dev.narthex/required_scopes"] == ["agent", "db", "db:read"]
        assert tools["ask"]["_meta"]["dev.narthex/rules"] == {"cost": 2}
        assert tools["ask"]["_meta"]["dev.narthex/library"] == {"name": "database", "version": "1.0"}
        assert (await client.call("ask", sql="x")).text == "1.0: x for acme, 10 rows"
        assert "Unknown: tenant" in (await client.call("ask", sql="x", tenant="other")).text
        assert (await client.call("db_region")).text == "database ch"
        assert await client.read("db://tables") == '["orders"]'
        assert [one["name"] for one in await client.prompts()] == ["db_explain"]
        assert client.server.instructions == "Be brief.\n\nAsk in SQL."


def test_versions_stand_side_by_side() -> None:
    both = Library("both")
    both.include(database("1.0"), only=["query"], prefix="v1_")
    second = database("2.0")
    with pytest.raises(ValueError, match="there is a resource 'db://tables' already"):
        both.include(second, only=["query"], prefix="v2_")
    only_tools = Library("tools").include(database("1.0"), exclude=["region"]).include(Library("none"))

    assert list(both.to_server().tools) == ["v1_query", "v2_query"]
    assert call(both, "v2_query", sql="x", tenant="t").text.startswith("2.0")
    assert list(only_tools.to_server().tools) == ["query"]


def test_what_cannot_be_included_is_said() -> None:
    with pytest.raises(ValueError, match="the library 'database' has no tool nothing"):
        Library("a").include(database("1"), rename={"nothing": "x"})
    with pytest.raises(TypeError, match="takes no other that could be bound"):
        Library("a").include(database("1"), bind={"query": {"other": 1}})
    with pytest.raises(TypeError, match="rows cannot be bound to this"):
        Library("a").include(database("1"), bind={"query": {"rows": "many"}})


def test_marked_functions_are_taken_up_anywhere() -> None:
    @tool(name="double", read_only=True)
    def twice(number: int) -> int:
        return 2 * number

    assert twice(2) == 4
    assert call(Library("test").add(twice), "double", number=4).data == 8


def test_a_module_of_marked_functions_is_called_in_a_test_as_it_is(folder: Path) -> None:
    module = load_file(folder / "one.py")

    assert call(module, "add", a=1, b=2).data == 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "narthex_sample_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    text = "from narthex import Library\nlibrary = Library('{}')\nother = Library('other')\n"
    (package / "tools.py").write_text(text.format("packaged"))
    (tmp_path / "one.py").write_text(
        "from narthex import tool\n@tool\ndef add(a: int, b: int) -> int:\n    return a + b\n"
    )
    (tmp_path / "several.py").write_text("from narthex import Library\na = Library('a')\nb = Library('b')\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("import nothing_like_this\n")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "syntax.py").write_text("x = 1\ndef f(a: int -> int:\n    return a\n")
    hint = "class Thing: ...\n{}\ndef f(a: Thing) -> int:\n    return 1\n"
    (tmp_path / "hint.py").write_text("from narthex import tool\n" + hint.format("@tool"))
    (tmp_path / "decorated.py").write_text(
        "from narthex import Library\nlibrary = Library('a')\n" + hint.format("@library.tool")
    )
    (tmp_path / "a_neighbour.py").write_text("from narthex import Library\nlibrary = Library('neighbour')\n")
    (tmp_path / "neighbours.py").write_text("from a_neighbour import library\n")
    for beside in ("a", "b"):
        (tmp_path / beside).mkdir()
        (tmp_path / beside / "same.py").write_text(text.format(beside))
    return tmp_path


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("narthex_sample_package.tools", "packaged"),
        ("narthex_sample_package.tools:other", "other"),
        ("one.py", "one"),
        ("several.py:b", "b"),
        ("neighbours.py", "neighbour"),
        ("a/same.py", "a"),
        ("b/same.py", "b"),
    ],
)
def test_a_library_is_found_by_module_and_by_file(folder: Path, target: str, name: str) -> None:
    path = list(sys.path)
    try:
        assert server_of(find(target, folder), Surroundings()).name == name
    finally:
        sys.path[:] = path


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("nothing.here", "there is no module 'nothing.here'"),
        ("nothing.py", "there is no file"),
        ("empty.py", "has no Library"),
        ("several.py", "has several libraries: say 'several.py:a', 'several.py:b'"),
        ("several.py:c", "there is no 'c' in 'several.py'"),
        ("empty.py:x", "'empty.py:x' is int, not a Library"),
        ("broken.py", "needs the module 'nothing_like_this', which is not installed"),
        ("leaves.py", "could not be imported: SystemExit(3)"),
        ("json", "has no Library"),
        ("syntax.py", "'syntax.py' is not Python: invalid syntax ("),
        ("syntax.py", "/syntax.py:2)"),
        ("hint.py", "f(): the type Thing cannot be described in a schema. Use a dataclass"),
        ("decorated.py", "f(): the type Thing cannot be described in a schema. Use a dataclass"),
        ("decorated.py", "/decorated.py:4)"),
    ],
)
def test_what_is_no_library_is_said(folder: Path, target: str, why: str) -> None:
    with pytest.raises(NotALibrary) as refusal:
        find(target, folder)

    assert why in str(refusal.value)


def test_an_installed_package_gives_its_library_a_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = folder / "sample-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[narthex.libraries]\nsample-tools = narthex_sample_package.tools:other\n")
    monkeypatch.syspath_prepend(str(folder))

    assert find("sample-tools").name == "other"


def test_settings_and_secrets_go_through_the_environment() -> None:
    text = encode({"region": "eu"}, {"KEY": "secret-1"})
    given = from_environment({"NARTHEX_LIBRARY": text})

    assert (given.settings, dict(given.secrets), given.behind) == ({"region": "eu"}, {"KEY": "secret-1"}, True)
    assert "secret-1" not in repr(given)
    assert from_environment({}).settings == {}
    with pytest.raises(ValueError, match="does not hold") as refusal:
        from_environment({"NARTHEX_LIBRARY": "secret-1"})
    assert "secret-1" not in str(refusal.value)


# Resources, prompts, completion


LIBRARY = Library("papers")
PAPERS = {"a": "Alpha", "b": "Beta"}


@LIBRARY.resource("papers://all", mime_type="text/markdown")
def every() -> str:
    return "# All"


@LIBRARY.resource("papers://{kind}/{+path}{?page}", complete={"path": lambda start: [p for p in PAPERS if p >= start]})
async def paper(kind: Literal["draft", "final"], path: str, page: int = 1) -> dict[str, Any]:
    """One paper."""
    if path not in PAPERS:
        raise NotFound(path)
    return {"text": PAPERS[path], "kind": kind, "page": page}


@LIBRARY.resource("papers://{number}/scan")
def scan(number: int) -> File:
    if number > 9:
        raise ToolError("There are nine scans.")
    return File(f"papers://{number}/scan", b"%PDF", "application/pdf")


@LIBRARY.prompt(complete={"paper": lambda start: [name for name in PAPERS if name.startswith(start)]})
def review(paper: str, manner: Literal["kind", "strict"] = "kind", words: int = 100) -> list[Any]:
    """Review a paper.

    Args:
        paper: Which one.
    """
    return [f"Review {paper} in {words + 1} words.", {"role": "assistant", "content": f"In a {manner} manner."}]


async def test_resources_are_listed_and_read() -> None:
    async with connect(LIBRARY) as client:
        listed = await client.resources()

        assert [one.get("uri") or one["uriTemplate"] for one in listed] == [
            "papers://all",
            "papers://{kind}/{+path}{?page}",
            "papers://{number}/scan",
        ]
        assert await client.read("papers://all") == "# All"
        assert await client.read("papers://draft/a?page=3") == '{"text":"Alpha","kind":"draft","page":3}'
        assert await client.read("papers://7/scan") == b"%PDF"


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("papers://final/c", "Resource not found"),
        ("papers://other/a", "kind: invalid enum value 'other'"),
        ("papers://draft/a?page=x", "page: expected `int`"),
        ("papers://draft/a?pages=1", "Resource not found"),
        ("papers://draft/../../etc/passwd", "Resource not found"),
        ("papers://draft/%2e%2e/%2e%2e/etc", "Resource not found"),
        ("papers://draft/..%5c..", "Resource not found"),
        ("papers://draft/%ff", "Resource not found"),
        ("papers://draft/a%00", "Resource not found"),
        ("papers://1%2f2/scan", "Resource not found"),
        ("papers://" + "a" * 5_000, "Resource not found"),
        ("papers://10/scan", "There are nine scans."),
        ("", "Resource not found"),
    ],
)
async def test_a_uri_that_means_nothing_is_refused(uri: str, why: str) -> None:
    async with connect(LIBRARY) as client:
        with pytest.raises(CallFailed) as refusal:
            await client.read(uri)

        assert why in str(refusal.value)


async def test_prompts_and_completion() -> None:
    async with connect(LIBRARY) as client:
        (prompt,) = await client.prompts()
        messages = await client.prompt("review", paper="a", words="9")

        assert prompt["arguments"] == [
            {"name": "paper", "description": "Which one.", "required": True},
            {"name": "manner", "required": False},
            {"name": "words", "required": False},
        ]
        assert [(one["role"], one["content"]["text"]) for one in messages] == [
            ("user", "Review a in 10 words."),
            ("assistant", "In a kind manner."),
        ]
        assert await client.complete("review", "paper", "b") == ["b"]
        assert await client.complete("review", "manner", "S") == ["strict"]
        assert await client.complete("review", "words", "1") == []
        assert await client.complete("papers://{kind}/{+path}{?page}", "kind", "f") == ["final"]
        assert await client.complete("papers://{kind}/{+path}{?page}", "path", "b") == ["b"]
        with pytest.raises(CallFailed, match="words: expected `int`"):
            await client.prompt("review", paper="a", words="many")


@pytest.mark.parametrize(
    "text", ["a://{", "a://}", "a://{}", "a://{a}{a}", "a://{a,b}", "a://{?q}/rest", "a://{a-b}", "a://{a:3}"]
)
def test_a_text_that_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"URI template"):
        UriTemplate(text)


def test_a_resource_has_the_parameters_of_its_uri() -> None:
    library = Library("test")
    with pytest.raises(TypeError, match="name is in the URI, and no parameter"):
        library.resource("a://{name}")(lambda: "x")
    with pytest.raises(TypeError, match="name is a parameter, and not in the URI"):
        library.resource("a://b")(lambda name: "x")
    with pytest.raises(TypeError, match="needs a default"):
        library.resource("a://b{?q}")(lambda q: "x")
