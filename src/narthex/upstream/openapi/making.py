"""A server of the configuration that is an HTTP API, made: its document read, its tools ready to be called.

Knows: how the parts of this folder go together. Refuses to know: what each of them does.
"""

import asyncio
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, urlsplit

import msgspec

from narthex import __version__
from narthex.catalog.names import SEPARATOR
from narthex.libraries.server import Server, Tool
from narthex.limits import Limits, http_answer_bytes_max, openapi_document_bytes_max, tool_name_chars_max
from narthex.model.config import ServerConfig
from narthex.upstream.credentials.about_caller import speaks_of_caller
from narthex.upstream.credentials.client import BearingClient
from narthex.upstream.credentials.wallet import credentials_of
from narthex.upstream.http.client import HttpClient
from narthex.upstream.http.tls import Tls
from narthex.upstream.kinds import LoadFault, Site
from narthex.upstream.mask import mask_of
from narthex.upstream.openapi.calling import HttpCall
from narthex.upstream.openapi.document import BadDocument
from narthex.upstream.openapi.importing import imported
from narthex.upstream.openapi.operation import HttpTool
from narthex.upstream.openapi.sending import Sender
from narthex.upstream.openapi.source import text_of
from narthex.upstream.openapi.templates import BadTemplate, shape_of, tool_of


async def make(config: ServerConfig, site: Site) -> Server:
    """Raises LoadFault."""
    limits = msgspec.structs.replace(
        site.limits, result_bytes_max=min(http_answer_bytes_max, site.limits.result_bytes_max)
    )
    sender = _sender(config, limits, site)
    try:
        tools = await _tools(config, sender.client, limits, site)
        server = served(config.name, config.description or "", tools, sender)
    except (BadDocument, BadTemplate) as fault:
        await sender.client.aclose()
        raise LoadFault(str(fault)) from None
    except BaseException:
        await sender.client.aclose()
        raise
    server.on_close.append(sender.client.aclose)
    return server


def served(name: str, description: str, tools: list[HttpTool], sender: Sender) -> Server:
    """Raises BadPath."""
    server = Server(name=name, title=name, version=__version__, instructions=description)
    for tool in tools:
        server.tools[tool.name] = Tool(tool.definition, HttpCall(name, tool, sender), check=_nothing_wrong)
    return server


def _nothing_wrong(_arguments: object) -> None:
    """Which arguments there must be, and how each is written, is judged where the request is made."""


def _sender(config: ServerConfig, limits: Limits, site: Site) -> Sender:
    if config.address is None:
        raise LoadFault("it has no base_url")
    credentials = credentials_of(config, site.owned, site.say, Tls(), site.connections)
    headers = tuple(
        (name.encode(), value.encode()) for name, value in config.headers.items() if not speaks_of_caller(value)
    )
    if credentials is None:
        client = HttpClient(config.address, limits, allow_private=True, headers=headers)
    else:
        client = BearingClient(config.address, limits, headers=headers, credentials=credentials)
    hide = mask_of(config, credentials.hide if credentials is not None else None)
    return Sender(client, seconds=limits.call_seconds_max, hide=hide)


async def _tools(config: ServerConfig, client: HttpClient, limits: Limits, site: Site) -> list[HttpTool]:
    if config.http is not None:
        return [tool_of(name, request) for name, request in config.requests.items()]
    assert config.openapi is not None, "it is one of the two"
    client.adopt(msgspec.structs.replace(limits, result_bytes_max=openapi_document_bytes_max))
    try:
        text = await text_of(config.openapi, client)
    finally:
        client.adopt(limits)
    most = tool_name_chars_max - len(config.name) - len(SEPARATOR)
    made = await asyncio.to_thread(imported, text, config.operations, name_chars_max=most, fixed=_fixed(config))
    for problem in made.problems:
        site.say("warning", f"{config.name}: in its OpenAPI document, {problem}")
    if not made.tools:
        raise BadDocument(f"none of its {made.found} operations is chosen")
    return [_with_answer(tool, config, site) for tool in made.tools]


def _fixed(config: ServerConfig) -> frozenset[tuple[str, str]]:
    """What the operator sends with every request, no argument may set."""
    query = parse_qsl(urlsplit(config.base_url or "").query, keep_blank_values=True)
    headers = {("header", name.lower()) for name in (*config.headers, *config.pass_headers)}
    if config.credentials is not None and config.credentials.header is not None:
        headers.add(("header", config.credentials.header.lower()))
    return frozenset(headers | {("query", name.lower()) for name, _ in query})


def _with_answer(tool: HttpTool, config: ServerConfig, site: Site) -> HttpTool:
    """A name that is written out wins over globs, of which the first counts."""
    patterns = [pattern for pattern in config.answers if fnmatchcase(tool.name, pattern)]
    if not patterns:
        return tool
    shape, pages = shape_of(config.answers[tool.name if tool.name in patterns else patterns[0]])
    if pages is not None and pages.parameter is not None and pages.parameter not in tool.operation.arguments:
        if tool.name in patterns:  # a glob is also for tools that have no pages
            site.say("warning", f"{config.name}: {tool.name} has no argument {pages.parameter!r} for its pages")
        pages = None
    return msgspec.structs.replace(tool, shape=shape, pages=pages)
