"""`narthex call`: one tool, from the shell.

Knows: how words on a command line become arguments, and how a result is printed. Refuses to know: what tools do.
"""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import click

from narthex.cli.arguments import ArgumentError, read_arguments
from narthex.cli.client import Gateway, Tree
from narthex.cli.options import key_option
from narthex.cli.say import DONE, NO, WRONG, fail, print_json, shown
from narthex.cli.target import gateway, list_all
from narthex.wire.faults import PeerFault
from narthex.wire.mirror import mirrors_of, param_headers


@click.command()
@click.argument("name")
@click.argument("arguments", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--url", metavar="URL", help="A running gateway; absent: http://127.0.0.1:8080/mcp.")
@click.option("--file", type=click.Path(path_type=Path), help="Start a gateway from this file for the occasion.")
@click.option("--endpoint", metavar="NAME", help="The endpoint to ask; absent: everything.")
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as the protocol has it.")
def call(
    name: str,
    arguments: tuple[str, ...],
    url: str | None,
    file: Path | None,
    endpoint: str | None,
    key: str | None,
    *,
    as_json: bool,
) -> None:
    """Call a tool from the shell.

    KEY=VALUE is text where the tool wants text, else JSON if it can be read as such. KEY:=JSON is always JSON.
    A single - reads all arguments as one JSON object from standard input.

    \b
    narthex call github__search_repos query="mcp gateway" limit=5
    narthex call crm__update id=7 tags:='["a", "b"]'
    echo '{"id": 7}' | narthex call crm__get -

    Exit code 0: a result. 1: the tool or the gateway says no; the text is on standard error.
    """
    if url is not None and file is not None:
        raise click.UsageError("Either --url or --file, not both.")
    with gateway(url, file, endpoint, key) as asked:
        tool = _find(asked, name)
        try:
            values = read_arguments(arguments, tool.get("inputSchema", {}), sys.stdin)
            mirrors, _ = mirrors_of(tool.get("inputSchema", {}))
            headers = dict(param_headers(mirrors, values))
        except (ArgumentError, PeerFault) as error:
            fail(str(error), WRONG)
        params = {"name": name, "arguments": values, "_meta": {"progressToken": 1}}
        result = asked.request("tools/call", params, headers=headers, listen=_show_progress)
    _print(result, as_json=as_json)
    sys.exit(NO if result.get("isError") is True else DONE)


def _find(asked: Gateway, name: str) -> Tree:
    found = list_all(asked, "tools/list", "tools")
    tool = next((tool for tool in found if tool.get("name") == name), None)
    return tool if tool is not None else _unknown(name, [str(tool.get("name")) for tool in found])


def _unknown(name: str, known: list[str]) -> NoReturn:
    if not known:
        fail(f"There is no tool '{name}': there are no tools at all. See 'narthex tools'.")
    bare = {other.partition("__")[2] or other: other for other in known}
    close = [other for other in known if other.endswith(f"__{name}")]
    close += get_close_matches(name, known, n=3, cutoff=0.5)
    close += [bare[word] for word in get_close_matches(name, bare, n=3, cutoff=0.6)]
    nearest = list(dict.fromkeys(close))[:3]
    hint = f"The nearest: {', '.join(nearest)}." if nearest else f"There are {len(known)}: see 'narthex tools'."
    fail(f"There is no tool '{name}'. {shown(hint)}")


def _print(result: Tree, *, as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    if result.get("resultType", "complete") != "complete":
        fail("The tool asks something back, which a shell command cannot answer. Use an MCP client.")
    is_error = result.get("isError") is True
    blocks = [block for block in result.get("content", ()) if isinstance(block, dict)]
    lines = [_line(block) for block in blocks]
    if not lines and "structuredContent" in result:
        print_json(result["structuredContent"])
        return
    text = "\n".join(lines)
    click.echo(shown(text), err=is_error)


def _line(block: Tree) -> str:
    match block.get("type"):
        case "text":
            return str(block.get("text", ""))
        case "resource_link":
            return str(block.get("uri", ""))
        case "resource" if isinstance(block.get("resource"), dict):
            resource = block["resource"]
            return str(resource.get("text") or f"[{resource.get('mimeType', 'binary')}: {resource.get('uri', '')}]")
        case kind:
            size = len(str(block.get("data", ""))) * 3 // 4
            return f"[{block.get('mimeType', kind)}, {size} bytes; --json has it]"


def _show_progress(message: Tree) -> None:
    params = message.get("params")
    if message.get("method") != "notifications/progress" or not isinstance(params, dict) or not sys.stderr.isatty():
        return
    done: Any = params.get("progress", "")
    total: Any = params.get("total")
    share = f"{done}/{total}" if total is not None else f"{done}"
    click.echo(shown(f"… {share} {params.get('message') or ''}".rstrip()), err=True)
