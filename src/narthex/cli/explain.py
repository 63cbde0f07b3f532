"""`narthex explain`: why would this caller be let in, or denied.

Knows: how the question is put on a command line, and how the answer is printed. Refuses to know: who decides; a running
gateway is asked at its administration address.
"""

import json
import sys
from pathlib import Path

import click

from narthex.cli.admin_address import Tree, admin_option, asked
from narthex.cli.say import DONE, NO, WRONG, fail, print_json, shown

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


@click.command()
@click.option("--key", metavar="PREFIX", help="Who: the API key that begins so ('narthex keys list').")
@click.option("--scopes", metavar="A,B", help="Who: somebody who was granted these; '' for none.")
@click.option(
    "--claims", type=_FILE, metavar="FILE", help="Who: the holder of a genuine token with these claims (JSON)."
)
@click.option("--tool", metavar="NAME", help="What: a tool, by its public name.")
@click.option("--prompt", metavar="NAME", help="What: a prompt.")
@click.option("--resource", metavar="URI", help="What: a resource.")
@click.option("--args", metavar="JSON", default="{}", help="The arguments of the call.")
@click.option("--endpoint", metavar="NAME", default="", help="The endpoint; absent: everything, /mcp.")
@admin_option
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
def explain(
    args: str, admin: str, claims: Path | None, scopes: str | None, *, as_json: bool, **rest: str | None
) -> None:
    """Say why a caller would be let in, or denied.

    Walks through every filter of a running gateway, in their order. Nothing is called.

    \b
    narthex explain --key nx_k3v9x2mp --tool jira__create_issue
    narthex explain --scopes jira:read,mcp:tools --tool crm__pay --args '{"amount": 5000}'

    Exit code 0: let in. 1: denied, or nobody answers. 2: the question cannot be answered.
    """
    question: Tree = {name: value for name, value in rest.items() if value is not None}
    question["arguments"] = _object(args, "--args")
    if scopes is not None:
        question["scopes"] = scopes.replace(",", " ").split()
    if claims is not None:
        question["claims"] = _object(_read(claims), str(claims))
    answer = asked(admin, "/api/explain", question)
    if as_json:
        print_json(answer)
    else:
        click.echo("\n".join(_lines(answer)))
    sys.exit(DONE if answer["allowed"] else NO)


def _read(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path} cannot be read: {error}.", WRONG)


def _object(text: str, name: str) -> Tree:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        fail(f"{name} is not JSON: {error}.", WRONG)
    if not isinstance(value, dict):
        fail(f"{name} must hold one JSON object.", WRONG)
    return value


def _lines(answer: Tree) -> list[str]:
    what = f"{answer['method']} of '{answer['name']}' at {_place(answer['endpoint'])}"
    if answer["allowed"]:
        lines = [f"Yes: {what} is allowed.", ""]
    else:
        lines = [f"No: {what} is denied by '{answer['decided_by']}'.", f"The caller is told: {answer['told']}", ""]
    width = max(len(step["name"]) for step in answer["steps"])
    for step in answer["steps"]:
        lines.append(f"  {step['name']:{width}}  {step['verdict']:11}  {step['why'] or step['about']}")
    if answer.get("rules"):
        lines += ["", "What is laid down about it, and where:"]
        lines += [f"  {key}  {place}" for key, place in answer["rules"].items()]
    if answer.get("answer"):
        lines += ["", "What becomes of its answer:", *(f"  {words}" for words in answer["answer"])]
    if answer["required_by"]:
        lines += ["", "What it requires, and who says so:"]
        lines += [f"  {', '.join(one['scopes']) or '(nothing)'}  {one['where']}" for one in answer["required_by"]]
    if answer["required_scopes"]:
        lines += ["", f"The caller has: {', '.join(answer['granted_scopes']) or 'no scopes'}"]
        lines.append(f"It lacks:       {', '.join(answer['missing_scopes']) or 'nothing'}")
    return [shown(line) for line in lines]


def _place(endpoint: str) -> str:
    return f"/mcp/{endpoint}" if endpoint else "/mcp"
