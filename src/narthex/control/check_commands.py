"""Checks of the commands that tell secrets: words that a system takes, and a program that is there.

Knows: what can be known of a command without running it. Refuses to know: what it would tell.
"""

import shutil

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.credentials import OAuthClientConfig

_COMMANDS = ("value_command", "client_secret_command", "private_key_command")


def check_commands(findings: Findings, path: Path, shown: OAuthClientConfig) -> None:
    found = {key: command for key in _COMMANDS if (command := getattr(shown, key, None)) is not None}
    for key, command in found.items():
        _command(findings, (*path, key), command)
    if found:
        return
    for key in ("secret_seconds", "inherit_env"):
        if findings.has((*path, key)):
            findings.problem((*path, key), "is said of no command", "Remove it.", at_key=True)


def _command(findings: Findings, path: Path, command: tuple[str, ...]) -> None:
    if not command or not command[0]:
        remedy = "Write it as a list: [vault, kv, get, -field=token, secret/crm]."
        findings.problem(path, "names no program", remedy)
        return
    if any("\0" in word for word in command):
        findings.problem(path, "holds a NUL character", "")
        return
    if len(command) == 1 and " " in command[0].strip():
        what = "is one word with blanks in it, and no shell takes it apart"
        findings.warn(path, what, "Write each argument apart: [vault, kv, get, -field=token, secret/crm].")
    elif shutil.which(command[0], path=findings.environ.get("PATH")) is None:
        where = "" if "/" in command[0] else " on the PATH"
        findings.warn(path, f"the program '{command[0]}' is not found{where}", "Install it, or give its full path.")
