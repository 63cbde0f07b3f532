"""Checks of HTTP APIs: an address to speak to, a document that is there, templates that can be filled in.

Knows: what the keys mean together. Refuses to read a document or to ask anybody: that is done at the start.
"""

from pathlib import Path as FilePath

from narthex.control.address import AddressError, parse_url
from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.limits import http_requests_max
from narthex.model.config import ServerConfig
from narthex.model.http_api import is_address
from narthex.policy.validation.compiling import unusable
from narthex.upstream.http import origin
from narthex.upstream.openapi.templates import BadTemplate, shape_of, tool_of


def check_http(findings: Findings, path: Path, server: ServerConfig) -> None:
    if server.openapi is not None:
        _document(findings, path, server, server.openapi)
        for name, answer in server.answers.items():
            try:
                shape_of(answer)
            except BadTemplate as fault:
                findings.problem((*path, "answers", name), f"'{name}' {fault}", "", at_key=True)
    if server.http is not None:
        _address(findings, (*path, "http"), server.http)
        _requests(findings, path, server)


def _document(findings: Findings, path: Path, server: ServerConfig, place: str) -> None:
    if is_address(place):
        _address(findings, (*path, "openapi"), place)
    elif not FilePath(place).is_file():
        remedy = "Relative paths begin beside the configuration file."
        findings.warn((*path, "openapi"), f"there is no file '{place}'", remedy)
    if server.base_url is not None:
        _address(findings, (*path, "base_url"), server.base_url)
    elif not findings.touches_broken((*path, "base_url")):
        remedy = "Add 'base_url: https://api.example.com/v1'. What the document says of servers is not believed."
        findings.problem((*path, "openapi"), "the key 'base_url' is missing", remedy, at_key=True)


def _requests(findings: Findings, path: Path, server: ServerConfig) -> None:
    if not server.requests and not findings.touches_broken(path):
        remedy = "Like 'requests: {forecast: {request: \"GET /forecast/{city}\", description: The weather of a city}}'."
        findings.problem((*path, "http"), "the key 'requests' is missing", remedy, at_key=True)
    if len(server.requests) > http_requests_max:
        findings.problem((*path, "requests"), f"there are more than {http_requests_max} requests", "", at_key=True)
    for name, request in server.requests.items():
        inner = (*path, "requests", name)
        try:
            tool = tool_of(name, request)
        except BadTemplate as fault:
            findings.problem(inner, f"'{name}' {fault}", "", at_key=True)
            continue
        if (why := unusable(tool.schema)) is not None:
            findings.problem((*inner, "parameters"), f"the schema of '{name}' cannot be used: {why}", "", at_key=True)


def _address(findings: Findings, path: Path, text: str) -> None:
    try:
        parts = parse_url(text)
        if "@" in parts.netloc:
            remedy = "Write 'headers: {Authorization: \"Basic ${CREDENTIALS}\"}' instead."
            findings.problem(path, "user and password do not belong in a URL", remedy)
            return
        origin.parse(text)
    except (AddressError, ValueError) as fault:
        findings.problem(path, f"{fault}", "")
