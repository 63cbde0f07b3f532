"""Requests to HTTP APIs: whatever the arguments are, the request stays below its base URL, and says nothing else."""

import json
from typing import Any
from urllib.parse import unquote

from hypothesis import strategies as st

from fuzz.target import Target
from narthex.libraries.server import Refusal
from narthex.upstream.openapi.operation import Body, Field, Operation, Parameter, Style
from narthex.upstream.openapi.request import Request, request_of

BASE = "/base/v1"
STYLES: dict[str, tuple[Style, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
}


def operation(choice: int) -> Operation:
    path, query = STYLES["path"][choice % 3], STYLES["query"][choice % 4]
    explode, reserved = choice % 2 == 0, choice % 5 == 0
    kind: Any = ("json", "form", "multipart")[choice % 3]
    return Operation(
        "POST",
        "/things/{p}/more-{p2}/end",
        (
            Parameter("p", "path", "p", required=True, style=path, explode=explode),
            Parameter("p2", "path", "p2", required=True, style="simple", explode=explode),
            Parameter("q", "query", "q", style=query, explode=explode, reserved=reserved),
            Parameter("X-H", "header", "h", style="simple", explode=explode),
            Parameter("c", "cookie", "c", style="form", explode=False),
        ),
        Body(kind, "multipart/form-data" if kind == "multipart" else "application/json", fields=(Field("b", "b"),)),
    )


def check(data: bytes) -> None:
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        return
    if type(given) is not dict:
        return
    try:
        request = request_of(operation(len(data)), given, BASE)
    except Refusal:
        return
    stays(request)
    says_nothing_else(request)


def stays(request: Request) -> None:
    path = request.target.partition("?")[0]
    segments = path.split("/")

    assert segments[:4] == ["", "base", "v1", "things"]
    assert len(segments) == 7
    assert segments[5].startswith("more-")
    assert segments[6] == "end"
    assert request.target.isascii()
    assert not set(request.target) & set(" \\#\r\n\t\0")
    for _ in range(4):  # as a careless proxy would do it
        path = unquote(path)
        assert not {".", ".."} & {part.partition(";")[0] for part in path.replace("\\", "/").split("/")}


def says_nothing_else(request: Request) -> None:
    assert request.headers.endswith(b"\r\n")
    lines = request.headers.split(b"\r\n")[:-1]
    names = [line.partition(b":")[0] for line in lines]

    assert set(names) <= {b"accept", b"content-type", b"X-H", b"cookie"}
    assert len(set(names)) == len(names)
    assert not any(set(line) & {10, 13, 0} for line in lines)


NASTY = st.sampled_from(
    [
        "..",
        ".",
        "",
        "/",
        "\\",
        "%2e%2e",
        "%252e",
        "%2f",
        "//evil",
        "@evil",
        "?",
        "#",
        "&a=b",
        "\r\nX: y",
        "\0",
        ";",
        "ü",
        " ",
    ]
)
VALUES = st.recursive(
    st.lists(NASTY | st.text(max_size=4), max_size=4).map("".join) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY | st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.fixed_dictionaries({"p": VALUES, "p2": VALUES}, optional=dict.fromkeys("qhcb", VALUES))
TARGET = Target("http_requests", ARGUMENTS.map(lambda given: json.dumps(given).encode()), check)
