"""What the keys of HTTP APIs mean, in words.

Knows: the sentences. Refuses to know: types and defaults (`model/http_api.py`).
"""

from narthex.control.wording import Words

OF_HTTP = {
    "openapi": Words(
        "An OpenAPI document (3.0 or 3.1) whose operations become tools: a file, or a URL. See "
        "[HTTP APIs](http-apis.md).",
        "petstore.yaml",
    ),
    "base_url": Words(
        "Where the API of `openapi` is. Every request goes there; a query in it is sent with each of them.",
        "https://petstore.example.com/v1",
    ),
    "operations": Words(
        "Which operations of `openapi` become tools. Absent: all that are not deprecated.",
        '{tags: [pets], methods: [GET], exclude: ["admin*"]}',
    ),
    "answers": Words(
        "What of the answers of `openapi` is handed on, by tool or glob.",
        '{"list_*": {keep: [id, owner.login], pages: {next: link}}}',
    ),
    "http": Words(
        "Base URL of an API without a document; `requests` says what is asked there.", "https://api.example.com"
    ),
    "requests": Words(
        "The tools of `http`: each a request, with `{name}` for arguments.",
        '{forecast: {request: "GET /forecast/{city}", description: "The weather of a city"}}',
    ),
}
WORDS: dict[str, dict[str, Words]] = {
    "OperationsConfig": {
        "ids": Words("Their operationIds, as names or globs, or `GET /pets/{petId}`.", '["listPets", "GET /pets/*"]'),
        "tags": Words("Their tags, as names or globs.", "[pets]"),
        "paths": Words("Their paths: `/pets/*` is one segment more, `/pets/**` all below.", '["/pets/**"]'),
        "methods": Words("Their methods.", "[GET]"),
        "exclude": Words("Those not to offer, written as under `ids`; it wins over all other keys.", '["delete*"]'),
        "deprecated": Words("Those that the document calls deprecated are offered too.", "true"),
    },
    "AnswerConfig": {
        "select": Words("The part of an answer that counts, by path.", "$.data.items"),
        "keep": Words("Of each object these members alone.", "[id, name, owner.login]"),
        "flatten": Words("Objects inside of objects become members: `owner.login`.", "true"),
        "rename": Words("Other names for members, by path.", "{owner.login: owner}"),
        "pages": Words("How the pages after the first are found. Absent: one call brings one page.", "{next: link}"),
    },
    "PagesConfig": {
        "next": Words(
            "`link`: the `Link` header says it. Otherwise where in the answer the next address or cursor is.",
            "$.meta.next_cursor",
        ),
        "parameter": Words(
            "The argument that takes the cursor. Without `next`: the number of the page, which is counted up.", "cursor"
        ),
        "items": Words("Where in the answer a page's items are. Absent: the answer is the list.", "$.data"),
        "max": Words("How many pages one call fetches.", "3"),
    },
    "RequestConfig": {
        "request": Words(
            "Method, path and query. `{name}` is an argument: a part of the path, or a whole value of the query.",
            '"GET /forecast/{city}?units={units}"',
        ),
        "description": Words("What it is good for, for the model.", "The weather of a city for the next days"),
        "title": Words("The same in short, for people.", "Forecast"),
        "parameters": Words(
            "The arguments and their schemas. What stands in no template goes into the query, or the body.",
            "{city: {type: string}, units: {enum: [metric, imperial]}}",
        ),
        "required": Words("The arguments that must be given, besides those of the path.", "[units]"),
        "headers": Words("Headers of this request; a value `{name}` is an argument.", '{X-Tag: "{tag}"}'),
        "body": Words(
            "A template of the body: each value `{name}` is an argument. Absent: the arguments named nowhere else.",
            '{query: "{text}", limit: 10}',
        ),
        "encoding": Words("How the body is written.", "form"),
        "answer": Words("What of the answer is handed on.", "{select: $.daily}"),
    },
}
