"""The admin address: metrics, and the state of the house as JSON, for an operator on the same machine.

Knows: HTTP, and who may ask: programs on this machine, and pages this address itself served. Refuses to know: where
the answers come from; that is the `House` it is given.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from narthex import __version__
from narthex.control.answering import Tree, Wing, answers, body_of, json_answer, object_of
from narthex.control.explaining import ANSWER, QUESTION, NoAnswer
from narthex.limits import (
    admin_body_bytes_max,
    admin_connections_max,
    admin_keepalive_seconds_max,
    admin_stop_seconds_max,
)
from narthex.telemetry.log import Log
from narthex.telemetry.metrics import Metrics
from narthex.upstream.credentials.face import CredentialFault


class House(Protocol):
    """What the admin address can show. Called on the event loop, so it answers from memory, at once, or waits."""

    def servers(self) -> list[Tree]:
        """One tree per server: name, kind, era, revision, state, tools, degraded, last_error, processes."""
        ...

    def keys(self) -> list[Tree]:
        """One tree per API key: prefix, name, state, scopes, tenant, endpoints and times. Never the key."""
        ...

    async def grants(self) -> list[Tree]:
        """One tree per grant of a user: user, tenant, server, issuer, state and times. Never a token.

        Raises CredentialFault."""
        ...

    def explain(self, question: object) -> Tree:
        """Who would decide about one call, and why. Raises `NoAnswer`."""
        ...

    def snapshot(self) -> Tree:
        """serial, and endpoints: one tree each with name, tools, resources, resource_templates, prompts."""
        ...


class AdminRefused(ValueError):
    """`admin.listen` asks for what this version does not do; the text says why and what to write instead."""


class Admin:
    """Starlette on uvicorn, in the event loop of the gateway, on its own port."""

    def __init__(self, listen: str, house: House, metrics: Metrics, log: Log, wings: Sequence[Wing] = ()) -> None:
        self._host, self._port = listen_address(listen)
        self._house, self._metrics, self._log, self._wings = house, metrics, log, wings
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens; with the real port once it was started on port 0."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        listener = _listener(self._host, self._port)
        self._port = listener.getsockname()[1]
        app = application(self._house, self._metrics, self._log, self._port, self._wings)
        self._server = _Server(_uvicorn_config(app))
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="admin")

    async def aclose(self) -> None:
        """Let answers on their way end, within `admin_stop_seconds_max`, then stop listening."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        done, _ = await asyncio.wait([self._task], timeout=admin_stop_seconds_max + 1)
        if not done:
            self._task.cancel()
            await asyncio.wait([self._task])
        elif (fault := self._task.exception()) is not None:
            self._log.error("The admin address had stopped before its time", error=repr(fault))


def listen_address(listen: str) -> tuple[str, int]:
    """Host and port of `admin.listen`. Raises AdminRefused for anything but plain HTTP on the loopback."""
    parts = urlsplit(listen)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError as fault:
        raise AdminRefused(f"admin.listen is '{listen}': {fault}.") from None
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.username is not None:
        raise AdminRefused(f"admin.listen is '{listen}': write it as http://127.0.0.1:8081, without a path.")
    if not _is_loopback(host):
        raise AdminRefused(
            f"admin.listen is '{listen}': nobody signs in at the admin address in this version, so it serves this "
            f"machine only. Use http://127.0.0.1:{port or 80}, and a tunnel (ssh -L) to reach it from elsewhere."
        )
    return ("127.0.0.1" if host == "localhost" else host), (80 if port is None else port)


def application(house: House, metrics: Metrics, log: Log, port: int, wings: Sequence[Wing] = ()) -> ASGIApp:
    """The ASGI application: the door first, then the routes."""

    async def healthz(request: Request) -> Response:
        return json_answer({"status": "ok", "version": __version__})

    async def servers(request: Request) -> Response:
        return json_answer({"servers": house.servers()})

    async def keys(request: Request) -> Response:
        return json_answer({"keys": house.keys()})

    async def grants(request: Request) -> Response:
        try:
            return json_answer({"grants": await house.grants()})
        except CredentialFault as fault:
            return json_answer({"error": fault.note}, status=503)

    async def explain(request: Request) -> Response:
        question = await body_of(request)
        try:
            return json_answer(house.explain(msgspec.json.decode(question or b"{}")))
        except (NoAnswer, msgspec.DecodeError) as error:
            return json_answer({"error": str(error)}, status=400)

    async def snapshot(request: Request) -> Response:
        return json_answer(house.snapshot())

    async def openapi(request: Request) -> Response:
        paths = {path: said for wing in wings for path, said in wing.paths.items()}
        return json_answer({**OPENAPI, "paths": {**OPENAPI["paths"], **paths}})

    async def scrape(request: Request) -> Response:
        page, content_type = await metrics.scrape(request.headers.get("accept", ""))
        return Response(page, headers={"content-type": content_type})

    views = (healthz, servers, keys, grants, snapshot, openapi, scrape)
    paths = ("/healthz", "/api/servers", "/api/keys", "/api/grants", "/api/snapshot", "/api/openapi.json", "/metrics")
    routes = [Route(path, view, methods=["GET"]) for path, view in zip(paths, views, strict=True)]
    routes += [Route("/api/explain", explain, methods=["POST"]), *(route for wing in wings for route in wing.routes)]
    return _Door(Starlette(routes=routes, exception_handlers=dict.fromkeys(_SAID, _refused)), log, port)


class _Door:
    """Turns away pages of other sites, and keeps faults of ours inside.

    A page of another site can make a browser on this machine call us under a name of its own that now points to
    127.0.0.1 (DNS rebinding); the Host header, which it cannot choose, gives it away. Its requests under our own name
    carry its Origin.
    """

    def __init__(self, app: ASGIApp, log: Log, port: int) -> None:
        self._app, self._log, self._port = app, log, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # no websockets here
            return
        request = Request(scope)
        answer = self._refusal(request)
        if answer is not None:
            await answer(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except Exception as fault:  # noqa: BLE001 - a fault while showing the house must not bring uvicorn's own log
            self._log.error(f"The admin address could not answer {request.url.path}", error=repr(fault))

    def _refusal(self, request: Request) -> Response | None:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(f"http://{hosts[0]}"):
            return json_answer(
                {"error": f"This address serves {self._names()} only; check the Host header."}, status=421
            )
        origins = request.headers.getlist("origin")
        if any(not self._is_ours(origin) for origin in origins):
            return json_answer({"error": "Pages of other sites may not read this address."}, status=403)
        return None

    def _is_ours(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
            return parts.scheme == "http" and parts.port in (None, self._port) and _is_loopback(parts.hostname or "")
        except ValueError:
            return False

    def _names(self) -> str:
        return f"127.0.0.1:{self._port} and localhost:{self._port}"


_SAID = {
    404: "There is nothing here; see /api/openapi.json.",
    405: "Not with this method; see /api/openapi.json.",
    413: f"No question is larger than {admin_body_bytes_max} bytes.",
    415: "Send the question as application/json.",
}


async def _refused(request: Request, fault: Exception) -> Response:
    status = getattr(fault, "status_code", 404)
    return json_answer({"error": _SAID[status]}, status=status)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listener(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=64)


def _uvicorn_config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # what matters is said in our own log
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=admin_connections_max,
        timeout_keep_alive=admin_keepalive_seconds_max,
        timeout_graceful_shutdown=admin_stop_seconds_max,
    )


class _Server(uvicorn.Server):
    """uvicorn without its hands on the signals: SIGTERM belongs to the composition root."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


_TEXT: Tree = {"type": "string"}
_TEXT_OR_NULL: Tree = {"type": ["string", "null"]}
_COUNT: Tree = {"type": "integer", "minimum": 0}
_SERVER = object_of(
    name=_TEXT,
    kind=_TEXT,
    era=_TEXT_OR_NULL,
    revision=_TEXT_OR_NULL,
    state=_TEXT,
    tools=_COUNT,
    degraded={"type": "boolean"},
    last_error=_TEXT_OR_NULL,
    processes=_COUNT,
    breaker={"enum": ["closed", "open", "half_open"]},
    failures=_COUNT,
    retry_seconds={"type": ["number", "null"], "description": "Until a call may try, while the breaker is open."},
    calls=_COUNT,
    calls_waiting=_COUNT,
)
_TIME_OR_NULL: Tree = {"type": ["number", "null"], "description": "Seconds since the epoch."}
_TEXTS: Tree = {"type": "array", "items": _TEXT}
_KEY = object_of(
    prefix=_TEXT,
    name=_TEXT,
    state={"enum": ["active", "replaced", "expired", "revoked"]},
    scopes=_TEXTS,
    tenant=_TEXT_OR_NULL,
    endpoints={**_TEXTS, "type": ["array", "null"]},
    created=_TIME_OR_NULL,
    expires=_TIME_OR_NULL,
    last_used=_TIME_OR_NULL,
    revoked=_TIME_OR_NULL,
    replaced_by=_TEXT_OR_NULL,
)
_GRANT = object_of(
    user=_TEXT_OR_NULL,
    tenant=_TEXT_OR_NULL,
    known_by=_TEXT_OR_NULL,
    server=_TEXT,
    issuer=_TEXT,
    state={"enum": ["given", "void"]},
    since=_TIME_OR_NULL,
    renewal=_TIME_OR_NULL,
)
_ENDPOINT = object_of(name=_TEXT, tools=_COUNT, resources=_COUNT, resource_templates=_COUNT, prompts=_COUNT)

OPENAPI: Tree = {
    "openapi": "3.1.0",
    "info": {
        "title": "Narthex admin address",
        "version": __version__,
        "description": "The state of the gateway, for programs on the same machine.",
    },
    "paths": {
        "/healthz": {
            "get": {
                "summary": "Does the process live",
                "responses": answers("It lives.", object_of(status=_TEXT, version=_TEXT)),
            }
        },
        "/metrics": {
            "get": {
                "summary": "Metrics in the Prometheus text format, or OpenMetrics",
                "responses": {"200": {"description": "See docs/metrics.md.", "content": {"text/plain": {}}}},
            }
        },
        "/api/servers": {
            "get": {
                "summary": "The servers behind the gateway, and how they are",
                "responses": answers("All of them.", object_of(servers={"type": "array", "items": _SERVER})),
            }
        },
        "/api/keys": {
            "get": {
                "summary": "The API keys, without the keys; 'narthex keys' makes and revokes them",
                "responses": answers("All of them.", object_of(keys={"type": "array", "items": _KEY})),
            }
        },
        "/api/grants": {
            "get": {
                "summary": "What users let the gateway do at servers; 'narthex grants' revokes it",
                "responses": {
                    **answers("All of them.", object_of(grants={"type": "array", "items": _GRANT})),
                    "503": {"description": "They cannot be looked up; the text says why."},
                },
            }
        },
        "/api/snapshot": {
            "get": {
                "summary": "The configured world that calls begin in now",
                "responses": answers(
                    "Its serial number and its endpoints.",
                    object_of(serial=_COUNT, endpoints={"type": "array", "items": _ENDPOINT}),
                ),
            }
        },
        "/api/explain": {
            "post": {
                "summary": "Why would this caller be let in, or not: filter by filter",
                "requestBody": {"required": True, "content": {"application/json": {"schema": QUESTION}}},
                "responses": {
                    **answers("Who decides, and why.", ANSWER),
                    "400": {"description": "The question cannot be answered; the text says why."},
                },
            }
        },
        "/api/openapi.json": {
            "get": {"summary": "This document", "responses": answers("OpenAPI 3.1.", {"type": "object"})}
        },
    },
}
