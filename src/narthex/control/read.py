"""A file on disk to a document, whatever syntax it has.

Knows: YAML, JSON with comments, TOML; sizes and encodings. Refuses to know: what the keys mean, except for the few
that tell the file of an MCP client from ours.
"""

from pathlib import Path

from narthex.control import jsonc, toml, yaml
from narthex.control.document import Document, Node, flatten
from narthex.control.problem import ConfigError, Problem
from narthex.limits import config_bytes_max

_JSON_NAMES = (".json", ".jsonc", ".code-workspace")


def read(path: Path) -> Document:
    """The document in `path`, or ConfigError."""
    text = read_text(path)
    document = flatten(str(path), parse(path, text))
    if document.tree is None:
        remedy = "Write at least 'servers: []', or see the README for a first example."
        raise ConfigError([Problem(str(path), 0, 0, "", "the file is empty", remedy)])
    return document


def read_text(path: Path) -> str:
    """The text of `path`: UTF-8, of bounded size."""
    try:
        with path.open("rb") as file:
            content = file.read(config_bytes_max + 1)
    except FileNotFoundError:
        raise ConfigError([Problem(str(path), 0, 0, "", "there is no such file", "")]) from None
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, 0, "", f"the file cannot be read: {error.strerror}", "")]) from None
    if len(content) > config_bytes_max:
        raise ConfigError([Problem(str(path), 0, 0, "", f"the file is larger than {config_bytes_max} bytes", "")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise ConfigError(
            [Problem(str(path), line, column, "", "the file is not UTF-8 text", "Save it as UTF-8.")]
        ) from None


def parse(path: Path, text: str) -> Node:
    """The nodes of `text`, in the syntax the file's name says; without a telling name: JSON if it can be, else YAML."""
    if path.suffix == ".toml":
        return toml.parse(str(path), text)
    if path.suffix in _JSON_NAMES:
        return _trimmed(jsonc.parse(str(path), text))
    if path.suffix not in (".yaml", ".yml") and text.lstrip()[:1] in ("{", "/"):
        try:
            return _trimmed(jsonc.parse(str(path), text))
        except ConfigError:
            return yaml.parse(str(path), text)
    return yaml.parse(str(path), text)


CLIENT_KEYS = ("mcpServers", "mcp_servers", "mcp")


def is_client_map(node: Node | None) -> bool:
    """Whether this is a mapping of server names, as clients write it; ours is a list."""
    return node is not None and node.kind == "map"


def _trimmed(root: Node) -> Node:
    """Clients keep megabytes of other things beside their servers; they are dropped before a tree is built."""
    if any(is_client_map(root.member(key)) for key in CLIENT_KEYS) or is_client_map(root.member("servers")):
        kept = [*CLIENT_KEYS, "servers", "inputs"]
        if is_client_map(root.member("mcpServers")):
            kept.append("projects")
        root.value = [(key, value) for key, value in root.value if key.value in kept]
    projects = root.member("projects")  # where Claude Code has servers of single projects, beside their histories
    for _, project in projects.value if projects is not None and projects.kind == "map" else ():
        if project.kind == "map":
            project.value = [(key, value) for key, value in project.value if key.value == "mcpServers"]
    return root
