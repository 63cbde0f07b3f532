"""What can go wrong with a stdio server, each with a sentence that says what to do.

Knows: how the system refuses to start a program, in words. Refuses to know: JSON-RPC codes; the layer above maps these.
"""

import errno
import os
from pathlib import PurePath


class StdioFault(Exception):
    """A server that is a process did not do what a process should; the client did nothing wrong."""


class SpawnFailed(StdioFault):
    """It could not be started. The text names the command and a remedy, and is for the operator."""


class ChildBusy(StdioFault):
    """It does not read what it is sent, and the queue before it is full."""


class ChildGone(StdioFault):
    """It is stopping, or has ended: nothing can be sent to it any more."""


INSTALLERS = {
    "npx": "it comes with Node.js (https://nodejs.org)",
    "npm": "it comes with Node.js (https://nodejs.org)",
    "node": "install Node.js (https://nodejs.org)",
    "uvx": "it comes with uv (https://docs.astral.sh/uv)",
    "uv": "install uv (https://docs.astral.sh/uv)",
    "pipx": "install pipx (https://pipx.pypa.io)",
    "docker": "install Docker, or Podman and write `podman`",
    "podman": "install Podman (https://podman.io)",
    "deno": "install Deno (https://deno.com)",
    "bunx": "it comes with Bun (https://bun.sh)",
    "bun": "install Bun (https://bun.sh)",
    "python": "on many systems it is called `python3`",
}


def why_not_started(program: str, cwd: str | None, path: str, stage: str, number: int) -> str:
    """`stage` and `number` (an errno) as the keeper reports them; `path` is the PATH that was searched."""
    if stage == "cwd":
        return f"the folder {cwd!r} cannot be entered ({os.strerror(number)}); mend `cwd` in the configuration"
    if stage == "exec" and number in (errno.ENOENT, errno.ENOTDIR):
        return _not_found(program, cwd, path)
    if stage == "exec" and number == errno.EACCES:
        return f"{program!r} may not be executed; is it a program, and does its mode allow it (chmod +x)?"
    if stage == "exec" and number == errno.ENOEXEC:
        return f"{program!r} is not a program; begin `command` with its interpreter, such as python3 or sh"
    if stage == "fork":
        return f"the system has no room for one more process ({os.strerror(number)}); mind `ulimit -u` or pids.max"
    if number == errno.E2BIG:
        return f"the arguments and environment of {program!r} are larger than the system allows"
    return f"{program!r} could not be started ({stage}: {os.strerror(number)})"


def _not_found(program: str, cwd: str | None, path: str) -> str:
    if "/" in program:
        place = PurePath(cwd or ".", program)
        if os.path.exists(place):  # noqa: PTH110 - one look, for the words only
            return f"the interpreter that the first line of {program!r} names does not exist"
        return f"there is no file {str(place)!r}; mend `command` in the configuration"
    advice = INSTALLERS.get(program, "install it, or write its full path in `command`")
    return f"{program} is not installed or not on PATH: {advice}. Searched: {path}"
