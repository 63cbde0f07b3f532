"""`${…}` in the strings of a configuration: environment variables, and files that hold secrets.

Knows: the forms that our own files and the files of MCP clients use. Refuses to know: what a value is for; and it
never puts a value, or the text of a default, into a problem.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from narthex.limits import secret_bytes_max

# `$${` is a literal `${`.
_FORM = re.compile(r"\$(\$\{)|\$\{([^{}]*)\}|(\$\{)")
_GEMINI = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_OF_CALLERS = re.compile(r"(\$\{(?:claims|principal)\.[^{}]+\})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Missing(Exception):
    """A `${…}` that cannot be filled: what, and the remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


@dataclass(slots=True)
class Substitution:
    """What `${…}` may refer to. `read` collects the files that were read, so that a reload can watch them."""

    environ: Mapping[str, str]
    folder: Path  # where relative `${file:…}` paths begin
    workspace: Path | None = None  # `${workspaceFolder}`; absent: `folder`
    bare_names: bool = False  # Gemini CLI also fills `$NAME`
    inputs: Mapping[str, str] = field(default_factory=dict)  # VS Code: defaults of `${input:…}`
    read: list[Path] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)  # every value that was put in -> the form it replaced

    def fill(self, text: str, *, of_callers: bool = False) -> str:
        """`text` with every form replaced, once: what was put in is not looked into again.

        `of_callers`: what speaks of whoever calls stays as it is; it is filled in with each call.
        """
        if "$" not in text:
            return text
        if of_callers and _OF_CALLERS.search(text):
            pieces = _OF_CALLERS.split(text)
            return "".join(piece if index % 2 else self.fill(piece) for index, piece in enumerate(pieces))
        if self.bare_names and (found := _GEMINI.fullmatch(text)):
            value = self.variable(found.group(1))
            self.given[value] = text
            return value
        return _FORM.sub(self._replace, text)

    def _replace(self, found: re.Match[str]) -> str:
        escaped, inner, unclosed = found.groups()
        if escaped:
            return "${"
        if unclosed:
            raise Missing("a '${' is not closed by '}'", "For a literal '${' write '$${'.")
        value = self.lookup(inner)
        self.given[value] = found.group()
        return value

    def lookup(self, form: str) -> str:
        kind, colon, rest = form.partition(":")
        if kind == "file" and colon:
            return self.file(rest)
        if kind == "env" and colon and not rest.startswith("-"):
            return self.variable(rest)
        if kind == "input" and colon:
            return self.input(rest)
        if form in ("workspaceFolder", "workspaceFolderBasename", "userHome", "pathSeparator", "/"):
            return self.place(form)
        return self.variable(form)

    def variable(self, form: str) -> str:
        if form.startswith(("claims.", "principal.")):
            what = f"'${{{form.partition('.')[0]}.…}}' speaks of a caller, and can only stand in 'headers' of a server"
            raise Missing(what, "Write a fixed value here.")
        name, dash, default = form.partition(":-")
        if not _NAME.fullmatch(name):
            forms = "${NAME}, ${NAME:-default} and ${file:/path}"
            raise Missing(
                "'${…}' holds something that is not understood", f"Understood are {forms}; a literal '${{' is '$${{'."
            )
        value = self.environ.get(name)
        if dash and not value:
            return default
        if value is None:
            raise Missing(
                f"the environment variable {name} is not set",
                f"Set it before starting, or give a default: ${{{name}:-default}}.",
            )
        return value

    def input(self, identifier: str) -> str:
        name = "NARTHEX_INPUT_" + re.sub(r"[^A-Za-z0-9]", "_", identifier).upper()
        value = self.environ.get(name, self.inputs.get(identifier))
        if value is None:
            raise Missing(
                f"the input '{identifier}' is asked for by the editor, and nobody can be asked here",
                f"Set the environment variable {name}.",
            )
        return value

    def place(self, form: str) -> str:
        workspace = self.workspace or self.folder
        home = self.environ.get("HOME") or self.environ.get("USERPROFILE") or str(Path.home())
        return {
            "workspaceFolder": str(workspace),
            "workspaceFolderBasename": workspace.name,
            "userHome": home,
        }.get(form, os.sep)

    def file(self, name: str) -> str:
        path = self.folder / Path(name).expanduser()
        self.read.append(path)
        try:
            with path.open("rb") as file:
                content = file.read(secret_bytes_max + 1)
        except OSError as error:
            remedy = "Create it, or correct the path (relative paths begin beside the configuration file)."
            raise Missing(f"the file {name} cannot be read: {error.strerror}", remedy) from None
        if len(content) > secret_bytes_max:
            raise Missing(
                f"the file {name} is larger than {secret_bytes_max} bytes", "Name the file that holds the value alone."
            )
        try:
            # Editors end a file with a newline; a secret does not end with one.
            return content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise Missing(f"the file {name} is not UTF-8 text", "") from None
