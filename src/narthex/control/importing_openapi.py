"""An OpenAPI document to an entry of `servers:`, with what its tools would cost a model, before any is offered.

Knows: where a document says the API is and which keys it takes; that an operator confirms both by keeping the entry.
Refuses to know: where the text goes.
"""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

import msgspec

from narthex.catalog.names import SEPARATOR
from narthex.control.importing import dumped
from narthex.limits import tool_name_chars_max
from narthex.model.http_api import OperationsConfig, is_address
from narthex.upstream.fetch import shown
from narthex.upstream.http.origin import parse
from narthex.upstream.openapi.budget import tokens_of
from narthex.upstream.openapi.choosing import Everything
from narthex.upstream.openapi.document import BadDocument, Document
from narthex.upstream.openapi.importing import imported
from narthex.upstream.openapi.operation import HttpTool
from narthex.upstream.openapi.source import text_of

_NAME_CHARS_MAX = 24  # of 32 that it may have: the names of its tools begin with it
_VARIABLE = re.compile(r"\{([^{}]+)\}")


class Offered(NamedTuple):
    """One operation of the document. `chosen`: it becomes a tool of this name."""

    request: str
    tags: tuple[str, ...]
    tokens: int
    tool: str | None


@dataclass(slots=True)
class ImportedApi:
    """The entry as text; every operation with what it costs; variables to be set; what could not be taken over."""

    text: str
    offered: list[Offered]
    variables: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def chosen(self) -> list[Offered]:
        return [one for one in self.offered if one.tool is not None]


async def import_openapi(
    place: str, choice: OperationsConfig, *, name: str | None = None, base_url: str | None = None, beside: Path
) -> ImportedApi:
    """`beside`: the folder of the configuration, from which its paths begin. Raises BadDocument."""
    text = await text_of(place)
    every = await asyncio.to_thread(imported, text, Everything(deprecated=True))
    document = every.document
    name = name or _server_name(document)
    most = tool_name_chars_max - len(name) - len(SEPARATOR)
    wanted = await asyncio.to_thread(imported, text, choice, name_chars_max=most)
    base = base_url or _base_url(document, place)
    try:
        parse(base)
    except ValueError as fault:
        raise BadDocument(f"{shown(base)} is no address of an API: {fault}; say --base-url") from None
    entry: dict[str, Any] = {"name": name, "openapi": _place(place, beside), "base_url": base}
    operations = msgspec.to_builtins(choice)
    said = {key: value for key, value in operations.items() if value not in (None, [], (), False)}
    if said:
        entry["operations"] = said
    keys, variables, problems = _keys(document, name)
    entry |= keys
    problems = [*wanted.problems, *(one for one in every.problems if one not in wanted.problems), *problems]
    return ImportedApi(
        dumped({"servers": [entry]}), _offered(every.tools, wanted.tools, every.tags), variables, problems
    )


def by_tag(offered: Sequence[Offered]) -> list[tuple[str, int, int, int]]:
    """Tag, operations, tokens, how many are chosen; the largest first. What has two tags counts at its first."""
    found: dict[str, list[int]] = {}
    for one in offered:
        row = found.setdefault(one.tags[0] if one.tags else "", [0, 0, 0])
        row[0] += 1
        row[1] += one.tokens
        row[2] += one.tool is not None
    rows = [(tag, row[0], row[1], row[2]) for tag, row in found.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def _offered(
    every: Sequence[HttpTool], wanted: Sequence[HttpTool], tags: Mapping[str, tuple[str, ...]]
) -> list[Offered]:
    names = {tool.operation.title: tool.name for tool in wanted}
    return [
        Offered(
            tool.operation.title,
            tags.get(tool.operation.title, ()),
            tokens_of(tool.definition),
            names.get(tool.operation.title),
        )
        for tool in every
    ]


def _base_url(document: Document, place: str) -> str:
    """The first of its servers, with the defaults of its variables. Raises BadDocument."""
    servers = document.member("servers")
    first = servers[0] if type(servers) is list and servers and type(servers[0]) is dict else {}
    url = first.get("url")
    if type(url) is not str or not url:
        url = "/" if is_address(place) else ""
    variables = first.get("variables")
    defaults = variables if type(variables) is dict else {}

    def default(match: re.Match[str]) -> str:
        variable = defaults.get(match[1])
        said = variable.get("default") if type(variable) is dict else None
        return str(said) if said is not None else match[0]

    url = _VARIABLE.sub(default, url)
    url = urljoin(place, url) if is_address(place) else url
    if not is_address(url) or _VARIABLE.search(url):
        raise BadDocument("it does not say where the API is; say --base-url https://api.example.com/v1")
    return url


def _server_name(document: Document) -> str:
    info = document.member("info")
    title = info.get("title") if type(info) is dict else None
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") if type(title) is str else ""
    for filler in ("openapi", "swagger", "specification", "spec", "rest", "api"):
        words = re.sub(rf"(?:^|-){filler}(?=-|$)", "", words).strip("-")
    words = re.sub(r"-\d+$|-v\d+.*$", "", words)
    while len(words) > _NAME_CHARS_MAX:
        words = words.rpartition("-")[0] or words[:_NAME_CHARS_MAX]
    return words or "api"


def _place(place: str, beside: Path) -> str:
    if is_address(place):
        return place
    return os.path.relpath(Path(place).resolve(), beside.resolve())


def _keys(document: Document, name: str) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """What the document says that callers show, as a placeholder for it: entry, variables, notes."""
    components = document.member("components")
    schemes = components.get("securitySchemes") if type(components) is dict else None
    prefix = re.sub(r"[^A-Z0-9]", "_", name.upper())
    notes: list[str] = []
    for title, raw in schemes.items() if type(schemes) is dict else ():
        scheme: Mapping[str, Any] = raw if type(raw) is dict else {}
        kind, where = scheme.get("type"), f"securitySchemes.{title[:60]}"
        if kind == "http" and str(scheme.get("scheme")).lower() in ("bearer", "basic"):
            word = str(scheme["scheme"]).capitalize()
            variable = f"{prefix}_{'TOKEN' if word == 'Bearer' else 'BASIC'}"
            return {"headers": {"Authorization": f"{word} ${{{variable}}}"}}, {variable: where}, []
        if kind == "apiKey" and scheme.get("in") == "header" and type(scheme.get("name")) is str:
            variable = f"{prefix}_KEY"
            return {"headers": {scheme["name"]: f"${{{variable}}}"}}, {variable: where}, []
        if kind == "apiKey":
            notes.append(f"{where}: its key goes into the {scheme.get('in')}; write it into 'base_url' or 'headers'")
        elif kind in ("oauth2", "openIdConnect"):
            notes.append(f"{where}: write the issuer and the client under 'credentials'")
    return {}, {}, notes
