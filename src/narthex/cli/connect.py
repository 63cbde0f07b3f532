"""`narthex connect`: the gateway written into a client's own configuration.

Knows: what to write, how to show it first, how to replace a file whole. Refuses to know: the clients' peculiarities
(`clients`), and how a text is edited (`edit_json`, `edit_toml`).
"""

import os
import shutil
import sys
from pathlib import Path

import click

from narthex.cli.clients import CLIENTS, Client, Entry, Place
from narthex.cli.edit_json import EditError, remove_member, set_member
from narthex.cli.edit_toml import remove_table, set_table
from narthex.cli.options import find_config
from narthex.cli.say import DONE, NO, fail, print_json
from narthex.cli.target import address


@click.command()
@click.argument("client", type=click.Choice([client.name for client in CLIENTS]))
@click.option("--endpoint", metavar="NAME", help="The endpoint to use; absent: everything.")
@click.option("--url", metavar="URL", help="The gateway's address; absent: http://127.0.0.1:8080/mcp.")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="Let the client start 'narthex stdio' with this file, instead of opening a URL.",
)
@click.option("--project", is_flag=True, help="Write the file of the project in this folder, not the user's.")
@click.option("--name", metavar="NAME", help="What the client shall call it; absent: narthex.")
@click.option("--remove", is_flag=True, help="Take the gateway out again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON; needs --yes.")
def connect(
    client: str,
    endpoint: str | None,
    url: str | None,
    file: Path | None,
    name: str | None,
    *,
    project: bool,
    remove: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Write the gateway into an MCP client's own configuration.

    Shows the change, asks, keeps a copy of the old file beside it, and leaves everything else in the file as it was.
    """
    if as_json and not yes:
        raise click.UsageError("--json needs --yes: there is nobody to ask.")
    chosen = next(each for each in CLIENTS if each.name == client)
    path = _path(chosen, project=project)
    key = name or (f"narthex-{endpoint}" if endpoint else "narthex")
    before = _read(path)
    try:
        after = _edit(chosen, before, key, None if remove else _entry(chosen, endpoint, url, file))
    except EditError as error:
        fail(f"{path} is left as it is: {error}.", NO)
    if after == before:
        text = f"{path} has no '{key}'." if remove else f"{path} already has it."
        _done(path, None, changed=False, text=text, as_json=as_json)
    if not yes:
        _show(path, before, after)
        if not click.confirm(f"Write {path}?"):
            fail("Nothing was written.", NO)
    backup = _replace(path, after)
    text = f"Wrote {path}." + (f" The old one is {backup.name} beside it." if backup else "")
    _done(
        path,
        backup,
        changed=True,
        text=f"{text}\nRestart {chosen.label} if it does not notice by itself.",
        as_json=as_json,
    )


def _path(client: Client, *, project: bool) -> Path:
    if not project:
        return Path(client.path(Place(sys.platform, os.environ))).expanduser()
    if client.project is None:
        raise click.UsageError(f"{client.label} has no file per project.")
    return Path(client.project).absolute()


def _entry(client: Client, endpoint: str | None, url: str | None, file: Path | None) -> Entry:
    if file is not None and url is not None:
        raise click.UsageError("Either --url or --file, not both.")
    if file is None and client.remote is not None:
        return client.remote(address(url, endpoint))
    if url is not None:
        raise click.UsageError(
            f"{client.label} starts programs and opens no URLs in its file. Use --file narthex.yaml."
        )
    command = [*_ourselves(), "stdio", str(find_config(file).absolute())]
    return client.local([*command, "--endpoint", endpoint] if endpoint else command)


def _ourselves() -> list[str]:
    """How to start this Narthex from anywhere: clients have another PATH than a shell."""
    started_as = Path(sys.argv[0])
    if started_as.name in ("narthex", "narthex.exe") and started_as.exists():
        return [str(started_as.absolute())]
    beside = shutil.which("narthex", path=str(Path(sys.executable).parent))
    return [beside] if beside else [sys.executable, "-m", "narthex"]


def _edit(client: Client, before: str, key: str, entry: Entry | None) -> str:
    keys = (*client.keys, key)
    if client.is_toml:
        return remove_table(before, keys) if entry is None else set_table(before, keys, entry)
    return remove_member(before, keys) if entry is None else set_member(before, keys, entry)


def _read(path: Path) -> str:
    try:
        # Line ends stay as they are: open() would turn them.
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path} cannot be read: {error}.", NO)


def _show(path: Path, before: str, after: str) -> None:
    from difflib import unified_diff

    old = str(path) if before else "/dev/null"
    for line in unified_diff(before.splitlines(), after.splitlines(), old, str(path), lineterm=""):
        colour = None if "NO_COLOR" in os.environ else {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        click.secho(line, fg=colour)


def _replace(path: Path, text: str) -> Path | None:
    """Write `text` whole or not at all; the copy of the old file, if there was one."""
    from datetime import datetime

    try:
        target = path.resolve()  # a link into a folder of dotfiles stays a link
        target.parent.mkdir(parents=True, exist_ok=True)
        backup = None
        if target.exists():
            stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")
            backup = target.with_name(f"{target.name}.{stamp}.bak")
            shutil.copy2(target, backup)
        fresh = target.with_name(f".{target.name}.narthex-{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # such files hold secrets
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if backup is not None:
            shutil.copymode(target, fresh)
        fresh.replace(target)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}.", NO)
    return backup


def _done(path: Path, backup: Path | None, *, changed: bool, text: str, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(path), "changed": changed, "backup": str(backup) if backup else None})
    else:
        click.echo(text)
    sys.exit(DONE)
