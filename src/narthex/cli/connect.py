"""`narthex connect`: the gateway written into a client's own configuration.

Knows: what to write, how to show it first, how to replace a file whole. Refuses to know: the clients' peculiarities
(`clients`), and how a text is edited (`edit_json`, `edit_toml`).
"""

import os
import re
import shutil
import sys
from pathlib import Path

import click

from narthex.cli.client import HttpGateway, Refused, Unreachable
from narthex.cli.client_keys import Key, NoWay, with_key
from narthex.cli.clients import CLIENTS, Client, Entry, Place
from narthex.cli.edit_json import EditError, remove_member, set_member
from narthex.cli.edit_toml import remove_table, set_table
from narthex.cli.options import KEY_VARIABLE, find_config
from narthex.cli.say import DONE, NO, WRONG, fail, print_json
from narthex.cli.target import address
from narthex.wire.api_key import MARK, prefix_of
from narthex.wire.faults import UNAUTHENTICATED

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_LOOK_SECONDS_MAX = 1.0  # at the gateway, for a hint that nobody waits for


@click.command()
@click.argument("client", type=click.Choice([client.name for client in CLIENTS]))
@click.option("--endpoint", metavar="NAME", help="The endpoint to use; absent: everything.")
@click.option("--url", metavar="URL", help="The gateway's address; absent: http://127.0.0.1:8080/mcp.")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="Let the client start 'narthex stdio' with this file, instead of opening a URL.",
)
@click.option("--key-env", metavar="NAME", help="The client shows the API key in this variable of its environment.")
@click.option("--key", metavar="KEY", help="Write the API key itself into the file; -: read it from standard input.")
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
    key_env: str | None,
    key: str | None,
    *,
    project: bool,
    remove: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Write the gateway into an MCP client's own configuration.

    Shows the change, asks, keeps a copy of the old file beside it, and leaves everything else in the file as it was.

    \b
    narthex connect cursor --key-env NARTHEX_KEY     the file names the variable, Cursor fills it in
    narthex connect claude-desktop --key - --yes     the file holds the key, and only you can read it
    """
    if as_json and not yes:
        raise click.UsageError("--json needs --yes: there is nobody to ask.")
    shown = _key(key_env, key, project=project, yes=yes)
    chosen = next(each for each in CLIENTS if each.name == client)
    path = _path(chosen, project=project)
    entry = name or (f"narthex-{endpoint}" if endpoint else "narthex")
    before = _read(path)
    try:
        after = _edit(chosen, before, entry, None if remove else _entry(chosen, endpoint, url, file, shown))
    except EditError as error:
        fail(f"{path} is left as it is: {error}.", NO)
    except NoWay as no_way:
        fail(f"{path} is left as it is: {no_way}.", WRONG)
    if after == before:
        text = f"{path} has no '{entry}'." if remove else f"{path} already has it."
        _done(path, None, changed=False, text=text, as_json=as_json)
    if not as_json:
        _show(path, before, after, shown)
    if not yes and not click.confirm(f"Write {path}?"):
        fail("Nothing was written.", NO)
    backup = _replace(path, after, private=bool(shown and shown.text))
    text = f"Wrote {path}." + (f" The old one is {backup.name} beside it." if backup else "")
    hint = "" if remove else _hint(chosen, shown, None if file or chosen.remote is None else address(url, endpoint))
    _done(
        path,
        backup,
        changed=True,
        text=f"{text}\n{hint}Restart {chosen.label} if it does not notice by itself.",
        as_json=as_json,
    )


def _key(variable: str | None, text: str | None, *, project: bool, yes: bool) -> Key | None:
    if variable is not None and text is not None:
        raise click.UsageError("Either --key-env or --key, not both.")
    if variable is not None:
        if not _VARIABLE.fullmatch(variable) or variable.startswith(MARK):
            raise click.UsageError(f"--key-env takes the name of a variable, like {KEY_VARIABLE}; '--key' takes a key.")
        return Key(variable=variable)
    if text is None:
        return None
    if project:
        raise click.UsageError("The file of a project is shared with others, and no place for a key. Use --key-env.")
    if text == "-":
        if not yes:
            raise click.UsageError("With '--key -' nobody can be asked: add --yes.")
        text = str(sys.stdin.readline()).strip()
    if prefix_of(text) is None:
        raise click.UsageError(
            "This is no whole API key: it begins with nx_, and 'narthex keys create' prints it once."
        )
    return Key(text=text)


def _hint(client: Client, key: Key | None, url: str | None) -> str:
    """What is still to be done so that the gateway lets the client in."""
    if key is not None and key.variable:
        unset = "" if os.environ.get(key.variable) else ", which is not set here"
        return f"{client.label} takes the API key from {key.variable}{unset}: set it where {client.label} is started.\n"
    if key is not None:
        return "It holds the key, so nobody but you can read it.\n"
    if url is not None and _asks_who_calls(url):
        return (
            f"The gateway asks who calls. If {client.label} does not offer to sign in, it needs an API key: "
            f"run this again with --key-env {KEY_VARIABLE}.\n"
        )
    return ""


def _asks_who_calls(url: str) -> bool:
    try:
        HttpGateway(url, None, _LOOK_SECONDS_MAX).request("server/discover", {})
    except Refused as refusal:
        return refusal.code == UNAUTHENTICATED
    except Unreachable:
        return False  # it need not run
    return False


def _path(client: Client, *, project: bool) -> Path:
    if not project:
        return Path(client.path(Place(sys.platform, os.environ))).expanduser()
    if client.project is None:
        raise click.UsageError(f"{client.label} has no file per project.")
    return Path(client.project).absolute()


def _entry(client: Client, endpoint: str | None, url: str | None, file: Path | None, key: Key | None) -> Entry:
    plain = _plain_entry(client, endpoint, url, file)
    return plain if key is None else with_key(client, plain, key)


def _plain_entry(client: Client, endpoint: str | None, url: str | None, file: Path | None) -> Entry:
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


def _show(path: Path, before: str, after: str, key: Key | None) -> None:
    from difflib import unified_diff

    if key is not None and key.text:  # terminals are looked at, and remember
        masked = f"{MARK}{prefix_of(key.text)}_…"
        before, after = before.replace(key.text, masked), after.replace(key.text, masked)
    old = str(path) if before else "/dev/null"
    for line in unified_diff(before.splitlines(), after.splitlines(), old, str(path), lineterm=""):
        colour = None if "NO_COLOR" in os.environ else {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        click.secho(line, fg=colour)


def _replace(path: Path, text: str, *, private: bool) -> Path | None:
    """Write `text` whole or not at all; the copy of the old file, if there was one. `private`: for the owner alone."""
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
        if backup is not None and not private:
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
