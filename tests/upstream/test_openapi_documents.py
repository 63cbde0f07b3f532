"""Documents: what can be read, which operations are chosen, how tools are named, what their schemas become."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from openapi_kit import api_of

from narthex.catalog.names import PUBLIC
from narthex.limits import openapi_operations_max, openapi_schema_bytes_max
from narthex.policy.validation.compiling import unusable
from narthex.upstream.openapi.choosing import Everything
from narthex.upstream.openapi.document import BadDocument, Document
from narthex.upstream.openapi.importing import Imported, imported
from narthex.upstream.openapi.prose import clipped, plain
from narthex.upstream.openapi.yaml_text import BadYaml, json_of
from narthex.wire.strict import encode
from process_kit import Tree

PETS = api_of(
    {
        "/pets": {
            "get": {"operationId": "listPets", "tags": ["pets"], "summary": "List all pets"},
            "post": {"operationId": "createPet", "tags": ["pets", "admin"]},
        },
        "/pets/{petId}": {
            "get": {"operationId": "showPetById", "tags": ["pets"]},
            "delete": {"operationId": "deletePet", "tags": ["admin"], "deprecated": True},
        },
        "/pets/{petId}/photos": {"get": {"tags": ["photos"]}},
        "/health": {"head": {"operationId": "alive"}, "trace": {}, "x-note": "", "options": {}},
    }
)


def read(document: Any, **choice: Any) -> Imported:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return imported(text, Everything(**choice) if choice else None)


def names(document: Any, **choice: Any) -> list[str]:
    return [tool.name for tool in read(document, **choice).tools]


def schema(parts: Tree, *, version: str = "3.1.0", **components: Any) -> Tree:
    """What becomes of one parameter's schema, with its definitions beside it."""
    parameter = {"name": "a", "in": "query", "schema": parts}
    document = api_of({"/x": {"get": {"parameters": [parameter]}}}, version=version, components=components)
    made = read(document).tools[0].schema
    valid(made)
    return {**made["properties"]["a"], **({"$defs": made["$defs"]} if "$defs" in made else {})}


def valid(made: Tree) -> None:
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **made})
    assert unusable(made) is None


CHOICES: list[tuple[Tree, list[str]]] = [
    ({}, ["list_pets", "create_pet", "show_pet_by_id", "get_pets_pet_id_photos", "options_health"]),
    ({"tags": ("pets",)}, ["list_pets", "create_pet", "show_pet_by_id"]),
    ({"tags": ("P*",)}, ["list_pets", "create_pet", "show_pet_by_id", "get_pets_pet_id_photos"]),
    ({"tags": ("pets",), "methods": ("get",)}, ["list_pets", "show_pet_by_id"]),
    ({"paths": ("/pets/*",)}, ["show_pet_by_id"]),
    ({"paths": ("/pets/**",), "methods": ("GET",)}, ["list_pets", "show_pet_by_id", "get_pets_pet_id_photos"]),
    ({"paths": ("/pets/{petId}",)}, ["show_pet_by_id"]),
    ({"ids": ("listPets", "show*")}, ["list_pets", "show_pet_by_id"]),
    ({"ids": ("GET /pets/{petId}/photos", "* /pets")}, ["list_pets", "create_pet", "get_pets_pet_id_photos"]),
    ({"exclude": ("create*", "OPTIONS /health")}, ["list_pets", "show_pet_by_id", "get_pets_pet_id_photos"]),
    ({"deprecated": True, "tags": ("admin",)}, ["create_pet", "delete_pet"]),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
def test_chosen(choice: Tree, expected: list[str]) -> None:
    assert names(PETS, **choice) == expected


def test_what_chooses_nothing_is_said() -> None:
    found = read(PETS, ids=("listPets", "listCats"), tags=("pets", "cats"), paths=("/pets", "/cats/**"))

    assert found.problems == [
        f"nothing in the document is called '{name}'" for name in ("listCats", "cats", "/cats/**")
    ]


def test_names_are_legal_distinct_and_lasting() -> None:
    long = "aVeryLongOperationThat" * 8
    paths: Tree = {f"/p{number}/{{id}}": {"get": {"operationId": long}} for number in range(3)}
    paths |= {
        "/ä/ö": {"get": {}},
        "/{x}": {"get": {"operationId": "ünïcødé ☃"}},
        "/same": {"get": {"operationId": "_"}},
    }
    paths |= {"/a/b": {"get": {"operationId": "doIt"}}, "/a/c": {"get": {"operationId": "do-it"}}}
    every = names(api_of(paths))
    without_first = names(api_of(dict(list(paths.items())[1:])))

    assert all(PUBLIC.fullmatch(name) for name in every)
    assert len(set(every)) == len(paths)
    assert set(without_first) <= set(every) | {name for name in without_first if name == "do_it"}
    assert [name.partition("_")[0] for name in every[-2:]] == ["do", "do"]


def test_names_leave_room_for_the_servers() -> None:
    found = imported(json.dumps(PETS).encode(), name_chars_max=12)

    assert max(len(tool.name) for tool in found.tools) <= 12


def test_descriptions_are_for_models() -> None:
    node = {"summary": "List pets", "description": "<p>All <b>pets</b> &amp; more.</p>\n\n\n[See](https://x.example/a)"}
    tool = read(api_of({"/pets": {"get": node}})).tools[0]

    assert tool.description == "List pets\n\nAll pets & more.\n\nSee\n\n(GET /pets)"
    assert tool.title == "List pets"
    assert plain("a < b and c > d") == "a < b and c > d"
    assert clipped("One. Two three four.", 12) == "One. Two…"
    assert clipped("x" * 50, 10) == "x" * 9 + "…"


def test_arguments_of_one_name_at_several_places() -> None:
    parameters = [{"name": "id", "in": place} for place in ("path", "query", "header", "cookie")]
    odd = [{"name": "filter[name]", "in": "query"}, {"name": "ü" * 99, "in": "query"}]
    tool = read(api_of({"/x/{id}/{other}": {"get": {"parameters": parameters + odd}}})).tools[0]

    assert list(tool.schema["properties"]) == [
        "id",
        "query_id",
        "header_id",
        "cookie_id",
        "filter_name",
        "query",
        "other",
    ]
    assert tool.schema["required"] == ["id", "other"]


def test_parameters_of_the_path_and_of_the_operation() -> None:
    shared = [{"name": "a", "in": "query", "description": "theirs"}, {"name": "b", "in": "query"}]
    item = {"parameters": shared, "get": {"parameters": [{"name": "a", "in": "query", "description": "ours"}]}}
    tool = read(api_of({"/x": item})).tools[0]

    assert tool.schema["properties"] == {"a": {"description": "ours"}, "b": {}}


CONVERTED: list[tuple[str, Tree, Tree]] = [
    ("3.0.3", {"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    ("3.0.3", {"type": "string", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
    ("3.0.3", {"minimum": 0, "exclusiveMinimum": True, "maximum": 9}, {"exclusiveMinimum": 0, "maximum": 9}),
    ("3.0.3", {"type": "string", "example": "x"}, {"type": "string", "examples": ["x"]}),
    ("3.0.3", {"type": "file"}, {"type": "string", "contentEncoding": "base64"}),
    (
        "3.0.3",
        {"allOf": [{"type": "object"}], "nullable": True},
        {"anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]},
    ),
    ("3.1.0", {"type": ["string", "null"], "const": None}, {"type": ["string", "null"], "const": None}),
    ("3.1.0", {"exclusiveMinimum": 0, "prefixItems": [True]}, {"exclusiveMinimum": 0, "prefixItems": [True]}),
    ("3.1.0", {"type": "frob", "minLength": -1, "enum": [], "pattern": "(", "required": "x"}, {}),
    ("3.1.0", {"properties": [], "items": 7, "allOf": [], "maximum": "9", "format": 1, "multipleOf": 0}, {}),
    ("3.1.0", {"$id": "http://evil.example/", "$schema": "x", "$anchor": "y", "discriminator": {}, "xml": {}}, {}),
]


@pytest.mark.parametrize(("version", "raw", "expected"), CONVERTED)
def test_converted(version: str, raw: Tree, expected: Tree) -> None:
    assert schema(raw, version=version) == expected


def test_references_stay_references() -> None:
    pet = {"type": "object", "properties": {"owner": {"$ref": "#/components/schemas/Owner"}}}
    owner = {"type": "object", "properties": {"pets": {"items": {"$ref": "#/components/schemas/Pet"}}}}
    made = schema({"$ref": "#/components/schemas/Pet"}, schemas={"Pet": pet, "Owner": owner, "Unused": {}})

    assert made == {
        "$ref": "#/$defs/Pet",
        "$defs": {
            "Pet": {"type": "object", "properties": {"owner": {"$ref": "#/$defs/Owner"}}},
            "Owner": {"type": "object", "properties": {"pets": {"items": {"$ref": "#/$defs/Pet"}}}},
        },
    }


def test_references_of_every_form() -> None:
    schemas = {"A/b~c": {"type": "string"}, "Deep": {"properties": {"x": {"type": "integer"}}}, "A": {"type": "null"}}
    made = schema(
        {
            "anyOf": [
                {"$ref": "#/components/schemas/A~1b~0c"},
                {"$ref": "#/components/schemas/Deep/properties/x"},
                {"$ref": "#/components/schemas/A%7E1b~0c"},
                {"$ref": "#/components/schemas/Nothing"},
                {"$ref": "#/info/title"},
                {"$ref": "#"},
            ]
        },
        schemas=schemas,
    )

    assert len(made["anyOf"]) == 6
    assert {"type": "string"} in made["$defs"].values()
    assert {"type": "integer"} in made["$defs"].values()


LOOPS = [
    {"A": {"$ref": "#/components/schemas/A"}},
    {"A": {"allOf": [{"$ref": "#/components/schemas/B"}]}, "B": {"allOf": [{"$ref": "#/components/schemas/A"}]}},
    {"A": {"allOf": [{"$ref": "#/components/schemas/B"}] * 2}, "B": {"allOf": [{"$ref": "#/components/schemas/C"}] * 2}}
    | {chr(67 + n): {"allOf": [{"$ref": f"#/components/schemas/{chr(68 + n)}"}] * 2} for n in range(22)},
]


@pytest.mark.parametrize("schemas", LOOPS)
def test_schemas_that_never_end_are_left_open(schemas: Tree) -> None:
    made = schema({"$ref": "#/components/schemas/A"}, schemas=schemas)

    assert len(encode(made)) < openapi_schema_bytes_max


def test_a_schema_that_is_too_much_for_a_model_is_left_open_at_its_far_ends() -> None:
    schemas: Tree = {
        f"S{number}": {
            "type": "object",
            "description": "long " * 100,
            "properties": {
                f"p{other}": {"$ref": f"#/components/schemas/S{number * 4 + other}"} for other in range(1, 5)
            },
        }
        for number in range(400)
    }
    made = schema({"$ref": "#/components/schemas/S0"}, schemas=schemas)

    assert len(encode(made)) < openapi_schema_bytes_max * 2
    assert "properties" in made["$defs"]["S1"]


def test_schemas_inside_of_schemas_end_somewhere() -> None:
    deep: Tree = {"type": "string"}
    for _ in range(60):
        deep = {"type": "object", "properties": {"a": deep}}

    assert schema(deep)["type"] == "object"


def test_what_only_the_server_says_is_no_argument() -> None:
    body = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": {"readOnly": True}, "name": {}, "in": {"properties": {"at": {"readOnly": True}}}},
    }
    node = {"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}}
    tool = read(api_of({"/x": {"post": node}})).tools[0]

    assert tool.schema["properties"] == {"name": {}, "in": {"properties": {}}}
    assert tool.schema["required"] == ["name"]


WRONG: list[tuple[bytes, str]] = [
    (b"", "no 'openapi' at the top|neither JSON nor YAML|cannot be read"),
    (b"[]", "cannot be read"),
    (b"{", "cannot be read"),
    (b'{"swagger": "2.0"}', "Swagger 2.0"),
    (b'{"openapi": "4.0.0"}', "of OpenAPI 4.0.0"),
    (b'{"openapi": "3.0.0", "paths": []}', "paths cannot be read"),
    (b'{"openapi": "3.0.0", "paths": {"/x": ' + b"[" * 500 + b"]" * 500 + b"}}", "nests deeper"),
    (b'{"openapi": "3.0.0", "info": {"title": "\xff"}}', "not UTF-8"),
    ('{"openapi": "3.0.0"}'.encode("utf-16"), "not UTF-8"),
    (b"openapi: 3.0.0\nopenapi: 3.1.0", "twice"),
    (b"a: &a [x]\nb: *nobody", "no anchor"),
    (b"a:\n\t- b", "line 2"),
    (b"- " * 300, "deeper|no YAML|line"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_what_is_no_document_says_why(text: bytes, expected: str) -> None:
    with pytest.raises(BadDocument, match=expected):
        Document(text)


def test_a_bomb_of_aliases_is_not_unfolded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(BadYaml, match="values"):
        json_of("\n".join(lines).encode())


def test_a_bomb_of_one_long_text_is_not_unfolded() -> None:
    text = f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 100)}]\n"
    with pytest.raises(BadYaml, match="values"):
        json_of(text.encode())


def test_yaml_means_what_it_says() -> None:
    text = b"""
openapi: 3.0.3
paths:
  /x:
    get: &get
      operationId: no
      parameters:
        - {name: on, in: query, schema: {type: string, enum: [yes, no, 012, 1.0, "1.0"]}}
      responses: {200: {description: ok}}
    put:
      <<: *get
      operationId: put
"""
    found = read(text)

    assert [tool.name for tool in found.tools] == ["no", "put"]
    assert found.tools[1].schema["properties"]["on"]["enum"] == ["yes", "no", 12, 1.0, "1.0"]


def test_a_body_of_a_kind_that_cannot_be_sent_is_left_out() -> None:
    found = read(
        api_of(
            {
                f"/{number}": {"post": {"requestBody": {"content": {kind: {}}}}}
                for number, kind in enumerate(("text/x\r\nX-Evil: 1", "text/é", "text/x"))
            }
        )
    )

    assert [tool.operation.path for tool in found.tools] == ["/2"]
    assert len([text for text in found.problems if "cannot be sent" in text]) == 2


def broken_documents() -> Iterator[Tree]:
    for wrong in (None, 7, "x", [], {}, [1], {"$ref": "#/nothing"}, {"$ref": 7}, True):
        yield api_of({"/x": wrong, "/ok": {"get": {}}})
        yield api_of({"/x": {"get": wrong}, "/ok": {"get": {}}})
        for key in ("parameters", "requestBody", "tags", "operationId", "summary", "description", "deprecated"):
            yield api_of({"/x": {"get": {key: wrong}}, "/ok": {"get": {}}})
        for key in ("content", "required", "description"):
            yield api_of(
                {"/x": {"post": {"requestBody": {"content": {"application/json": {}}, key: wrong}}}, "/ok": {"get": {}}}
            )
        for key in ("schema", "encoding"):
            yield api_of(
                {"/x": {"post": {"requestBody": {"content": {"multipart/x": {key: wrong}}}}}, "/ok": {"get": {}}}
            )
        for key in ("name", "in", "schema", "content", "style", "explode", "required", "description"):
            parameter = {"name": "a", "in": "query", key: wrong}
            yield api_of({"/x": {"get": {"parameters": [parameter, wrong]}}, "/ok": {"get": {}}})
        yield api_of({"/ok": {"get": {}}}, components={"securitySchemes": {"a": wrong}})


def test_one_broken_operation_does_not_cost_the_others() -> None:
    for document in broken_documents():
        made = read(document)
        assert made.tools[-1].operation.path == "/ok", document
        for tool in made.tools:
            valid(tool.schema)


def test_paths_that_lead_elsewhere_are_no_operations() -> None:
    paths = ["x", "//evil.example/x", "/../x", "/a/./b", "/a?b", "/a#b", "/a\\b", "/a\nb", "https://evil.example"]
    paths += ["/%2e%2e/x", "/%252E./x", "/a/..%2fx", "/..;/x"]
    found = read(api_of({path: {"get": {}} for path in paths}))

    assert found.tools == []
    assert len(found.problems) == len(paths)


def test_too_many_operations_are_refused() -> None:
    paths = {f"/{number}": {"get": {}} for number in range(openapi_operations_max + 1)}
    with pytest.raises(BadDocument, match="more than 5000 operations"):
        read(api_of(paths))


def test_problems_are_told_within_bounds() -> None:
    found = read(api_of({f"x{number}": {} for number in range(500)}))

    assert len(found.problems) == 21
    assert found.problems[-1] == "and 480 more"
