"""An HTTP API in a process of its own: a Starlette app that implements the document beside it and records what arrived.

It prints its address and ends with its standard input. `/echo/…` answers with what arrived, byte for byte; the rest
behaves as APIs do: well, and otherwise.
"""

import asyncio
import base64
import gzip
import sys
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

ITEMS = [
    {"id": number, "name": f"pet {number}", "owner": {"login": "ana", "id": 7}, "tags": []} for number in range(25)
]
SEEN: list[dict[str, Any]] = []
EVERY = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]


async def arrived(request: Request) -> dict[str, Any]:
    body = await request.body()
    found = {
        "method": request.method,
        "path": request.scope["raw_path"].decode("ascii"),
        "query": request.scope["query_string"].decode("ascii"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.scope["headers"]],
        "body": body.decode("utf-8", "replace"),
        "bytes": base64.b64encode(body).decode(),
    }
    SEEN.append(found)
    return found


async def echo(request: Request) -> Response:
    return JSONResponse(await arrived(request))


async def items(request: Request) -> Response:
    await arrived(request)
    page, size = int(request.query_params.get("page", 1)), int(request.query_params.get("per_page", 10))
    found = ITEMS[(page - 1) * size : page * size]
    headers = {}
    if page * size < len(ITEMS):
        base = str(request.url).partition("?")[0]
        headers["link"] = f'<{base}?page={page + 1}&per_page={size}>; rel="next", <{base}?page=3>; rel="last"'
    return JSONResponse(found, headers=headers)


async def from_zero(request: Request) -> Response:
    await arrived(request)
    page = int(request.query_params.get("page", 0))
    if page > 2 and "strict" in request.query_params:
        return JSONResponse({"detail": "Invalid page."}, 404)
    return JSONResponse([f"page {page}"] if page < 3 else [])


async def cursors(request: Request) -> Response:
    await arrived(request)
    start = int(request.query_params.get("cursor", "0"))
    following = start + 10 if start + 10 < len(ITEMS) else None
    return JSONResponse({"data": ITEMS[start : start + 10], "meta": {"next_cursor": following}})


async def linked_out(request: Request) -> Response:
    await arrived(request)
    to = request.query_params.get("to", "http://169.254.169.254/latest")
    return JSONResponse([1], headers={"link": f'<{to}>; rel="next"'})


async def item(request: Request) -> Response:
    await arrived(request)
    number = int(request.path_params["id"])
    if number >= len(ITEMS):
        return JSONResponse({"message": f"there is no pet {number}", "code": "not_found"}, 404)
    return JSONResponse(ITEMS[number])


async def status(request: Request) -> Response:
    await arrived(request)
    code = int(request.path_params["code"])
    headers = {"retry-after": "17"} if code in (429, 503) else {}
    if code == 204:
        return Response(status_code=204)
    if code == 201:
        return Response(status_code=201, headers={"location": "/v1/items/26"})
    if code == 500:
        return Response("<html><body>Traceback: secret path /srv/app.py</body></html>", 500, media_type="text/html")
    return JSONResponse({"message": f"this is {code}"}, code, headers=headers)


async def redirect(request: Request) -> Response:
    await arrived(request)
    return RedirectResponse(request.query_params["to"], int(request.query_params.get("code", "302")))


async def odd(request: Request) -> Response:
    await arrived(request)
    kind = request.path_params["kind"]
    snowman = {"text": "Grüße ☃"}
    made: dict[str, tuple[bytes, str]] = {
        "latin": ("Grüße".encode("latin-1"), "text/plain; charset=iso-8859-1"),
        "utf16": (JSONResponse(snowman).body.decode().encode("utf-16"), "application/json; charset=utf-16"),
        "bom": (b"\xef\xbb\xbf" + JSONResponse(snowman).body, "application/json"),
        "broken": (b'{"text": ', "application/json"),
        "escaped": (rb'{"a/b": "key/of+the\/api==", "b": "\u006bey\u002fof+the/api=="}', "application/json"),
        "unknown": (b"caf\xe9", "text/plain; charset=klingon"),
        "codec": (b"caf\xe9", "text/plain; charset=zlib_codec"),
        "deep": (b"[" * 5000 + b"]" * 5000, "application/json"),
        "picture": (b"\x89PNG\r\n\x1a\n0000", "image/png"),
        "file": (b"PK\x03\x04\x00", "application/zip"),
        "large-file": (b"\0" * 2_000_000, "application/zip"),
        "csv": (b"id,name\n1,ana\n", "text/csv"),
        "vendor": (b'{"a": 1}', "application/vnd.api+json"),
        "untyped": (b'{"a": 1}', ""),
        "nothing": (b"", "application/json"),
    }
    body, media_type = made[kind]
    return Response(body, headers={"content-type": media_type} if media_type else {})


async def large(request: Request) -> Response:
    await arrived(request)

    async def pieces() -> Any:
        for _ in range(600):
            yield b"x" * 10_000

    return StreamingResponse(pieces(), media_type="text/plain")


async def bomb(request: Request) -> Response:
    await arrived(request)
    return Response(gzip.compress(b"0" * 5_000_000), headers={"content-encoding": "gzip", "content-type": "text/plain"})


async def slow(request: Request) -> Response:
    await arrived(request)
    while not await request.is_disconnected():
        await asyncio.sleep(0.02)
    SEEN.append({"method": "GONE", "path": request.url.path})
    return Response()


async def document(request: Request) -> Response:
    found = await arrived(request)
    if request.query_params.get("key") == "wanted" and ["x-key", "wanted"] not in found["headers"]:
        return Response(status_code=401)
    paths = {"/items": {"get": {"operationId": "listItems", "responses": {}}}}
    return JSONResponse({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})


async def large_document(request: Request) -> Response:
    await arrived(request)
    paths = {"/items": {"get": {"operationId": "listItems", "x-note": "x" * 5_000_000}}}
    return JSONResponse({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})


async def control(request: Request) -> Response:
    if request.method == "POST":
        SEEN.clear()
    return JSONResponse({"seen": SEEN})


ROUTES = [
    Route("/control", control, methods=["GET", "POST"]),
    Route("/v1/echo/{rest:path}", echo, methods=EVERY),
    Route("/v1/items", items),
    Route("/v1/items/{id:int}", item),
    Route("/v1/from-zero", from_zero),
    Route("/v1/cursors", cursors),
    Route("/v1/linked-out", linked_out),
    Route("/v1/status/{code:int}", status, methods=EVERY),
    Route("/v1/redirect", redirect, methods=EVERY),
    Route("/v1/odd/{kind}", odd),
    Route("/v1/large", large),
    Route("/v1/bomb", bomb),
    Route("/v1/slow", slow, methods=EVERY),
    Route("/v1/openapi.json", document),
    Route("/v1/large.json", large_document),
    Route("/{rest:path}", echo, methods=EVERY),
]


def main() -> None:
    config = uvicorn.Config(Starlette(routes=ROUTES), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)

    def until_closed() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=until_closed, daemon=True).start()

    async def serve() -> None:
        running = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}", flush=True)
        await running

    asyncio.run(serve())


if __name__ == "__main__":
    main()
