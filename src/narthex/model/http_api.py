"""What the operator writes of HTTP APIs: which operations of a document are offered, single requests, and what of their
answers is handed on.

Knows: shapes. Refuses to know: documents, and how requests are sent (that is `upstream.openapi`).
"""

from typing import Annotated, Any, Literal

import msgspec

from narthex.limits import http_pages_max

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
RequestName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Method = Literal["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]


def is_address(place: str) -> bool:
    """Of a document: whether it is fetched, and is no file."""
    return place.lower().startswith(("http://", "https://"))


class OperationsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which operations of an OpenAPI document become tools. Whatever is said must hold; names may be globs."""

    ids: tuple[Text, ...] | None = None  # operationIds, or `GET /pets/{petId}`
    tags: tuple[Text, ...] | None = None
    paths: tuple[Text, ...] | None = None  # `/pets/*` one segment, `/pets/**` all below
    methods: tuple[Method, ...] | None = None
    exclude: tuple[Text, ...] = ()  # as `ids`; wins over all others
    deprecated: bool = False  # those that the document calls deprecated too


class PagesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the pages after the first are found, and how many of them one call fetches."""

    next: Text | None = None  # `link` (the header), or where the answer holds the next address or cursor
    parameter: Text | None = None  # the argument that takes the cursor; alone: a page number that is counted up
    items: Text | None = None  # where the answer holds a page's items; absent: the answer is the list
    max: Annotated[int, msgspec.Meta(ge=1, le=http_pages_max)] = 5


class AnswerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of an answer is handed on, in this order."""

    select: Text | None = None  # by path: `$.data.items`
    keep: tuple[Text, ...] = ()  # of each object these members alone: `id`, `owner.login`
    flatten: bool = False  # objects inside of objects become `owner.login`
    rename: dict[Text, Text] = {}  # members by path
    pages: PagesConfig | None = None


class RequestConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request to an API without a document. `{name}` stands for an argument."""

    request: Annotated[str, msgspec.Meta(pattern=r"^(GET|PUT|POST|DELETE|OPTIONS|PATCH) /\S*$", max_length=4096)]
    description: Text
    title: Text | None = None
    parameters: dict[Text, dict[str, Any]] = {}  # argument -> its schema
    required: tuple[Text, ...] = ()  # besides those of the path
    headers: dict[str, Text] = {}
    body: Any = None  # a template; absent: the arguments that stand nowhere else
    encoding: Literal["json", "form", "multipart"] = "json"
    answer: AnswerConfig | None = None
