"""From a file to a configuration: everything that is wrong said at once, or nothing wrong.

Knows: the steps and their order: read, fill in, translate, judge, freeze, check. Refuses to know: how each is done,
and what a running gateway does with the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Literal, get_args

import msgspec

from narthex.control.check import Findings, run_checks
from narthex.control.coerce import coerce
from narthex.control.document import Document
from narthex.control.dotenv import parse_dotenv
from narthex.control.mcp_json import is_off, servers_path, translate
from narthex.control.problem import ConfigError, Path, Problem
from narthex.control.read import read
from narthex.control.substitute import Missing, Substitution
from narthex.control.validate import validate
from narthex.model.config import Config
from narthex.model.rules.rules import KEYS
from narthex.upstream.sql.address import beside

LogFormat = Literal["auto", "human", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
LOG_FORMATS: tuple[str, ...] = get_args(LogFormat)
LOG_LEVELS: tuple[str, ...] = get_args(LogLevel)

# Folders in which clients keep the file of a project; `${workspaceFolder}` is the folder around them.
_PROJECT_FOLDERS = {".vscode", ".cursor", ".gemini", ".codex", ".windsurf"}


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says instead of the file. None: the file's word stands."""

    listen: str | None = None
    admin: str | None = None
    state: str | None = None
    log_format: LogFormat | None = None
    log_level: LogLevel | None = None

    def over(self, config: Config) -> Config:
        log = msgspec.structs.replace(
            config.log, format=self.log_format or config.log.format, level=self.log_level or config.log.level
        )
        return msgspec.structs.replace(
            config,
            listen=self.listen or config.listen,
            admin=msgspec.structs.replace(config.admin, listen=self.admin or config.admin.listen),
            state=config.state if self.state is None else str(FilePath(self.state).expanduser().absolute()),
            log=log,
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used.

    `warnings` are worth a line and stop nothing. `sources` are all files it was made of. `unready` is why it cannot
    be served although it is understood; `require_ready` raises it.
    """

    config: Config
    warnings: tuple[Problem, ...] = ()
    sources: tuple[FilePath, ...] = ()
    unready: tuple[Problem, ...] = ()

    def require_ready(self) -> None:
        """Serving a promise that is not kept would fail open: refuse, naming each."""
        if self.unready:
            raise ConfigError(self.unready, self.sources)


def load(path: FilePath, environ: Mapping[str, str], overrides: Overrides | None = None) -> Loaded:
    """The configuration in `path`: our YAML or JSON, or the file of an MCP client. ConfigError holds all problems."""
    document = read(path)
    return _loaded(document, substitution_for(path, environ, document), overrides or Overrides(), (path,))


def load_tree(name: str, tree: dict[str, Any], overrides: Overrides) -> Loaded:
    """The same for a tree of our YAML that stands in no file, called `name` where something is wrong with it."""
    return _loaded(Document(name, tree), Substitution({}, FilePath.cwd()), overrides, ())


def _loaded(document: Document, substitution: Substitution, overrides: Overrides, own: tuple[FilePath, ...]) -> Loaded:
    findings, problems = _judge(document, substitution, overrides)
    sources = (*own, *(file.absolute() for file in substitution.read))
    if problems or findings is None:
        raise ConfigError(_in_order(problems), sources)
    config = findings.config
    warnings = _in_order([*findings.document.notes, *findings.warnings])
    unready = _in_order([*findings.document.unready, *findings.unready])
    return Loaded(config, warnings, (*sources, *_files_of(config)), unready)


def _files_of(config: Config) -> list[FilePath]:
    """The files that it names and that are read with it."""
    named = [*(config.tls or {}).values()]
    found = config.authentication
    if found is not None:
        named += [found.policies or "", found.certificates.authority if found.certificates is not None else ""]
    return [FilePath(name) for name in named if name]


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """As they stand in the file."""
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))


def _judge(
    document: Document, substitution: Substitution, overrides: Overrides
) -> tuple[Findings | None, list[Problem]]:
    home = servers_path(document.tree)
    if home is not None:
        document = translate(document, home, overrides.listen or Config().listen)
    substituted, problems = fill(document, substitution)
    if home is not None:
        problems += _read_env_files(document, substitution)
    coerce(document, substituted)
    complaints, broken = validate(document)
    if () in broken:
        return None, problems + complaints
    config, places = _freeze(document, broken, substitution.folder)
    findings = Findings(document, overrides.over(config), places, broken, substitution.environ, substitution.folder)
    _note_overrides(document, overrides)
    run_checks(findings)
    # Where a value could not be filled in, whatever else is said of the place is said of the unfilled text.
    unfilled = {(problem.line, problem.column) for problem in problems}
    others = [*complaints, *findings.problems]
    return findings, problems + [problem for problem in others if (problem.line, problem.column) not in unfilled]


def fill(document: Document, substitution: Substitution) -> tuple[set[Path], list[Problem]]:
    """Replace every `${…}` in the tree. What cannot be replaced stays as it was written, with a problem."""
    filled: set[Path] = set()
    problems: list[Problem] = []

    def walk(value: Any, path: Path) -> Any:
        if isinstance(value, str):
            try:
                text = substitution.fill(value, of_callers=_speaks_of_callers(path))
            except Missing as missing:
                problems.append(document.problem(path, missing.what, missing.remedy))
                return value
            if text is not value and text != value:
                filled.add(path)
                document.written[path] = value
            return text
        if isinstance(value, dict):
            return value if is_off(value) else {key: walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, index)) for index, item in enumerate(value)]
        return value

    document.tree = walk(document.tree, ())
    document.given = substitution.given
    return filled, problems


def _speaks_of_callers(path: Path) -> bool:
    """Whether `${claims.…}` may stand here: a header for a server, which is filled in for each call."""
    return len(path) == 4 and (path[0], path[2]) == ("servers", "headers")


def substitution_for(path: FilePath, environ: Mapping[str, str], document: Document) -> Substitution:
    folder = path.absolute().parent
    in_project = folder.name in _PROJECT_FOLDERS and servers_path(document.tree) is not None
    inputs = document.tree.get("inputs") if isinstance(document.tree, dict) else None
    defaults = {
        str(item["id"]): str(item["default"])
        for item in (inputs if isinstance(inputs, list) else ())
        if isinstance(item, dict) and "id" in item and item.get("default")
    }
    return Substitution(
        environ,
        folder,
        workspace=folder.parent if in_project else None,
        bare_names=in_project and folder.name == ".gemini",
        inputs=defaults,
    )


def _read_env_files(document: Document, substitution: Substitution) -> list[Problem]:
    problems = []
    for index, server in enumerate(document.tree["servers"]):
        name = server.pop("x-env-file", None)
        if not isinstance(name, str) or is_off(server):
            continue
        try:
            variables = parse_dotenv(substitution.file(name))
        except Missing as missing:
            problems.append(document.problem(("servers", index, "x-env-file"), missing.what, missing.remedy))
            continue
        own = server.get("env")
        server["env"] = {**variables, **own} if isinstance(own, dict) else variables
    return problems


# Half of `authentication` would let other people in than the whole; half of the others is of no use.
_WHOLE = ("authentication", "audit", "metering", "ner")
# Half of a credential would be another one, half of a choice would offer more.
_WHOLE_OF_SERVERS = ("credentials", "operations", "answers", "requests")


def _freeze(document: Document, broken: set[Path], folder: FilePath) -> tuple[Config, tuple[int, ...]]:
    """The nouns, made of what the schema accepted, and the place of each server that was."""
    tree = {key: value for key, value in document.tree.items() if not str(key).startswith("x-")}
    broken = {_whole(path) for path in broken}
    for path in sorted((path for path in broken if path and path[0] != "servers"), key=len, reverse=True):
        _remove(tree, path)
    for name in _WHOLE:
        if any(path[:1] == (name,) for path in broken):
            tree.pop(name, None)
    servers = tree.pop("servers", [])
    places = []
    good = []
    if ("servers",) not in broken:
        for place, server in enumerate(servers):
            inner = sorted((path[2:] for path in broken if path[:2] == ("servers", place)), key=len, reverse=True)
            if () in inner or ("name",) in inner:
                continue
            for path in inner:
                _remove(server, path)
            for name in _WHOLE_OF_SERVERS:
                if any(path[:1] == (name,) for path in inner):
                    server.pop(name, None)
            good.append(_normal(server, folder))
            places.append(place)
    _make_absolute(tree, folder)
    return msgspec.convert({**tree, "servers": good}, Config), tuple(places)


def _make_absolute(tree: dict[str, Any], folder: FilePath) -> None:
    """Paths stand relative to the configuration."""
    if "tls" in tree:
        tree["tls"] = {key: str(folder / FilePath(name).expanduser()) for key, name in tree["tls"].items()}
    if isinstance(tree.get("authentication"), dict):
        tree["authentication"] = _with_files(tree["authentication"], folder)
    if isinstance(tree.get("audit"), dict):
        tree["audit"] = _with_paths(tree["audit"], folder)
    if isinstance(tree.get("ner"), dict) and "/" in tree["ner"].get("model", ""):
        tree["ner"] = {**tree["ner"], "model": str(folder / FilePath(tree["ner"]["model"]).expanduser())}
    if "state" in tree:
        tree["state"] = str(folder / FilePath(tree["state"]).expanduser())


def _with_files(authentication: dict[str, Any], folder: FilePath) -> dict[str, Any]:
    """The same with absolute files: they stand relative to the configuration."""
    found = dict(authentication)
    if "policies" in found:
        found["policies"] = str(folder / FilePath(found["policies"]).expanduser())
    if "certificates" in found and "authority" in found["certificates"]:
        authority = str(folder / FilePath(found["certificates"]["authority"]).expanduser())
        found["certificates"] = {**found["certificates"], "authority": authority}
    if "server" in found and "users" in found["server"]:
        users = str(folder / FilePath(found["server"]["users"]).expanduser())
        found["server"] = {**found["server"], "users": users}
    return found


def _with_paths(audit: dict[str, Any], folder: FilePath) -> dict[str, Any]:
    """The same with absolute paths."""
    found = dict(audit)
    if "folder" in found:
        found["folder"] = str(folder / FilePath(found["folder"]).expanduser())
    found["sinks"] = [
        {**sink, "path": str(folder / FilePath(sink["path"]).expanduser())} if "path" in sink else sink
        for sink in found.get("sinks", ())
    ]
    return found


def _normal(server: dict[str, Any], folder: FilePath) -> dict[str, Any]:
    """`command: npx` with `args: [...]` becomes one list; folders become absolute."""
    server = dict(server)
    arguments = server.pop("args", [])
    command = server.get("command")
    if command is not None:
        server["command"] = [*([command] if isinstance(command, str) else command), *arguments]
    if "cwd" in server:
        server["cwd"] = str(folder / FilePath(server["cwd"]).expanduser())
    elif "python" in server:
        server["cwd"] = str(folder)  # where a module beside the file is found
    if isinstance(server.get("openapi"), str) and "://" not in server["openapi"]:
        server["openapi"] = str(folder / FilePath(server["openapi"]).expanduser())
    if isinstance(server.get("sql"), str):
        server["sql"] = beside(server["sql"], folder)
    if isinstance(server.get("credentials"), dict):
        server["credentials"] = _with_secret_files(server["credentials"], folder)
    return server


def _with_secret_files(shown: dict[str, Any], folder: FilePath) -> dict[str, Any]:
    found = dict(shown)
    for key in (key for key in shown if key.endswith("_file")):
        found[key] = str(folder / FilePath(shown[key]).expanduser())
    if isinstance(shown.get("idp"), dict):
        found["idp"] = _with_secret_files(shown["idp"], folder)
    return found


def _whole(path: Path) -> Path:
    """Half of a rule would be another rule."""
    cut = next((place + 1 for place, part in enumerate(path) if part in KEYS), len(path))
    return path[:cut]


def _remove(tree: Any, path: Path) -> None:
    *around, last = path
    for part in around:
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            return  # something around it has already gone
    if isinstance(tree, dict):
        tree.pop(last, None)
    elif isinstance(tree, list) and isinstance(last, int):
        tree[last] = "x"  # any name will do: it keeps the numbers of the others, and the file is refused in any case


def _note_overrides(document: Document, overrides: Overrides) -> None:
    """A problem with a value from the command line is shown under the option's name."""
    for path, option, value in (
        (("listen",), "--listen", overrides.listen),
        (("admin", "listen"), "--admin", overrides.admin),
    ):
        if value is not None:
            document.origin[path] = (option,)
