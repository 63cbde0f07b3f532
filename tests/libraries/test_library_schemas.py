"""From hints and docstrings to a schema, and from JSON to what a function takes."""

import dataclasses
import datetime as dt
import decimal
import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema_rs
import msgspec
import pytest
from pydantic import BaseModel, Field, computed_field

from narthex import Context, Library
from narthex.libraries import docstring
from narthex.libraries.declared import declare
from narthex.testing import call, connect

Tree = dict[str, Any]


class Unit(enum.Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


@dataclass
class Place:
    name: str
    height: float = 0.0
    tags: list[str] = field(default_factory=list)


class Options(TypedDict):
    deep: bool
    limit: NotRequired[int]


class Point(msgspec.Struct):
    x: int
    y: int = 0


class Street(BaseModel):
    name: str = Field(max_length=20)


class Person(BaseModel):
    name: str = Field(min_length=1, description="In full")
    street: Street | None = None


class Unknown:
    """Nothing is known of it."""


def tool_of(function: Any, **said: Any) -> Tree:
    library = Library("test")
    library.tool(**said)(function)
    (tool,) = library.to_server().tools.values()
    jsonschema_rs.meta.validate(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **tool.definition["inputSchema"]}
    )
    return tool.definition


def property_of(hint: Any) -> Tree:
    def function(value: Any) -> None: ...

    function.__annotations__["value"] = hint
    schema = tool_of(function)["inputSchema"]
    found: Tree = schema["properties"]["value"]
    name = found.get("$ref", "").rpartition("/")[2]
    return schema["$defs"][name] if name else found


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (str, {"type": "string"}),
        (Any, {}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (Unit, {"enum": ["celsius", "fahrenheit"], "title": "Unit"}),
        (dt.date, {"type": "string", "format": "date"}),
        (Annotated[dt.datetime, msgspec.Meta(tz=True)], {"type": "string", "format": "date-time"}),
        (decimal.Decimal, {"type": "string", "format": "decimal"}),
        (Annotated[int, msgspec.Meta(ge=1, le=9)], {"type": "integer", "minimum": 1, "maximum": 9}),
        (Annotated[int, Field(ge=1, lt=9)], {"type": "integer", "minimum": 1, "exclusiveMaximum": 9}),
        (Annotated[str, Field(pattern="^a+$")], {"type": "string", "pattern": "^a+$"}),
        (Annotated[str, msgspec.Meta(min_length=2)], {"type": "string", "minLength": 2}),
        (Annotated[str, "What it is"], {"type": "string", "description": "What it is"}),
        (
            list[Annotated[int, Field(multiple_of=5)]],
            {"type": "array", "items": {"type": "integer", "multipleOf": 5}},
        ),
        (Annotated[list[str], Field(max_length=3)], {"type": "array", "items": {"type": "string"}, "maxItems": 3}),
        (
            Options,
            {
                "title": "Options",
                "type": "object",
                "properties": {"deep": {"type": "boolean"}, "limit": {"type": "integer"}},
                "required": ["deep"],
            },
        ),
    ],
    ids=str,
)
def test_a_hint_becomes_this_schema(hint: Any, schema: Tree) -> None:
    assert property_of(hint) == schema


@pytest.mark.parametrize("hint", [Place, Point, Person, list[Place], dict[str, Person], Person | None])
def test_models_of_every_kind_are_described_and_read(hint: Any) -> None:
    assert property_of(hint)


def test_defaults_and_words_come_from_the_function() -> None:
    def forecast(city: str, days: int = 3, unit: Unit = Unit.CELSIUS, *, since: dt.date | None = None) -> str:
        """The weather of the next days.

        It may be wrong.

        Args:
            city: Where.
            days: How many,
                at most a week.

        Returns:
            Text.
        """
        return f"{city} {days} {unit} {since}"

    definition = tool_of(forecast)
    properties = definition["inputSchema"]["properties"]

    assert definition["name"] == "forecast"
    assert definition["description"] == "The weather of the next days.\n\nIt may be wrong."
    assert definition["inputSchema"]["required"] == ["city"]
    assert properties["city"] == {"type": "string", "description": "Where."}
    assert properties["days"] == {"type": "integer", "description": "How many, at most a week.", "default": 3}
    assert properties["unit"]["default"] == "celsius"
    assert "outputSchema" not in definition


@pytest.mark.parametrize(
    "text",
    [
        "Does it.\n\nArgs:\n    a: The first.\n    b (int): The second,\n        in two lines.\n",
        "Does it.\n\nParameters\n----------\na : int\n    The first.\nb : int\n    The second,\n    in two lines.\n",
        "Does it.\n\n:param a: The first.\n:param int b: The second,\n    in two lines.\n:returns: nothing\n",
    ],
    ids=["google", "numpy", "sphinx"],
)
def test_a_docstring_is_read_in_three_manners(text: str) -> None:
    found = docstring.read(text)

    assert found == ("Does it.", {"a": "The first.", "b": "The second, in two lines."})


@pytest.mark.parametrize(
    ("hint", "value", "schema", "data"),
    [
        (Place, Place("a"), "object", {"name": "a", "height": 0.0, "tags": []}),
        (Person, Person(name="a"), "object", {"name": "a", "street": None}),
        (dict[str, int], {"a": 1}, "object", {"a": 1}),
        (list[Point], [Point(1)], "result", [{"x": 1, "y": 0}]),
        (int, 7, "result", 7),
        (int | None, None, "result", None),
        (dt.date, dt.date(2026, 1, 2), "result", "2026-01-02"),
    ],
    ids=str,
)
async def test_a_return_type_promises_a_structured_answer(hint: Any, value: Any, schema: str, data: Any) -> None:
    library = Library("test")

    def give() -> Any:
        return value

    give.__annotations__["return"] = hint
    library.tool(give)
    async with connect(library) as client:
        (tool,) = await client.tools()
        result = await client.call("give")

    assert tool["outputSchema"]["type"] == "object"
    assert ("result" in tool["outputSchema"].get("properties", {})) == (schema == "result")
    assert result.data == data
    assert not result.is_error


LIBRARY = Library("arguments")


@LIBRARY.tool
def take(
    name: Annotated[str, Field(max_length=5)],
    count: Annotated[int, Field(ge=1, le=3)] = 1,
    unit: Unit = Unit.CELSIUS,
    person: Person | None = None,
    many: list[Point] = [],  # noqa: B006 - as people write it
) -> str:
    return f"{name!r} {count!r} {unit!r} {person!r} {many!r}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Wrong arguments. Missing: name. It takes name, count, unit, person, many."),
        ({"name": "a", "x": 1}, "Wrong arguments. Unknown: x. It takes name, count, unit, person, many."),
        ({"name": 1}, "Wrong arguments. 'name': expected `str`, got `int`."),
        ({"name": None}, "Wrong arguments. 'name': expected `str`, got `null`."),
        ({"name": "abcdef"}, "Wrong arguments. 'name': expected `str` of length <= 5."),
        ({"name": "a", "count": 4}, "Wrong arguments. 'count': expected `int` <= 3."),
        ({"name": "a", "count": 1.5}, "Wrong arguments. 'count': expected `int`, got `float`."),
        ({"name": "a", "count": True}, "Wrong arguments. 'count': expected `int`, got `bool`."),
        ({"name": "a", "unit": "kelvin"}, "Wrong arguments. 'unit': invalid enum value 'kelvin'."),
        ({"name": "a", "many": [{"x": "1"}]}, "Wrong arguments. 'many[0].x': expected `int`, got `str`."),
        ({"name": "a", "person": {"name": ""}}, "String should have at least 1 character"),
        ({"name": "a", "person": {"name": "b", "street": {"name": "s" * 30}}}, "street.name"),
        ({"name": "a", "person": "b"}, "Wrong arguments. 'person'"),
    ],
    ids=str,
)
def test_wrong_arguments_are_answered_in_words_for_a_model(given: Tree, said: str) -> None:
    result = call(LIBRARY, "take", **given)

    assert result.is_error
    assert said in result.text


def test_arguments_arrive_as_what_the_function_takes() -> None:
    given = {"count": 2.0, "unit": "fahrenheit", "person": {"name": "x"}, "many": [{"x": 1}]}
    result = call(LIBRARY, "take", name="a", **given)

    assert result.text == f"'a' 2 {Unit.FAHRENHEIT!r} {Person(name='x')!r} [Point(x=1, y=0)]"


def test_a_function_keeps_its_own_defaults() -> None:
    assert call(LIBRARY, "take", name="a").text == f"'a' 1 {Unit.CELSIUS!r} None []"


def refused(function: Any, **said: Any) -> str:
    with pytest.raises((TypeError, ValueError)) as refusal:
        Library("test").tool(**said)(function)
    return str(refusal.value)


def test_what_cannot_be_a_tool_is_said_at_once() -> None:
    def several(*things: int) -> None: ...
    def anything(**things: int) -> None: ...
    def positional(a: int, /) -> None: ...
    def unknown(a: Unknown) -> None: ...
    def hidden(_a: int) -> None: ...
    def plain() -> None: ...

    assert "cannot be given by name" in refused(several)
    assert "cannot be given by name" in refused(anything)
    assert "cannot be given by name" in refused(positional)
    assert "the type Unknown cannot be described" in refused(unknown)
    assert "cannot be called '_a'" in refused(hidden)
    assert "cannot be a tool's name" in refused(plain, name="a b")
    assert "these are no scopes" in refused(plain, scopes=["a b"])
    assert "are lists" in refused(plain, scopes="crm")
    assert "1 or more" in refused(plain, cost=0.5)
    assert "nothing is known of color" in refused(plain, color="red")


def test_a_name_is_taken_once() -> None:
    library = Library("test")
    library.tool(name="a")(lambda: "x")

    with pytest.raises(ValueError, match="there is a tool 'a' in the library 'test' already"):
        library.tool(name="a")(lambda: "y")


def test_what_is_declared_stands_in_the_definition() -> None:
    def remove(context: Context) -> None: ...

    definition = tool_of(
        remove,
        title="Remove",
        scopes=["files:write"],
        rate_limit={"requests_per_minute": 5},
        cost=3,
        tags=["files"],
        destructive=True,
        read_only=False,
    )

    assert definition["title"] == "Remove"
    assert definition["annotations"] == {"destructiveHint": True, "readOnlyHint": False}
    assert definition["inputSchema"]["properties"] == {}
    assert definition["_meta"] == {
        "dev.narthex/rules": {"rate_limit": {"requests_per_minute": 5}, "cost": 3},
        "dev.narthex/tags": ["files"],
        "dev.narthex/required_scopes": ["files:write"],
    }


def test_the_library_speaks_for_tools_that_say_nothing() -> None:
    declared = declare(scopes=["b"], cost=2).beside(declare(scopes=["a"], cost=5, rate_limit={"concurrent": 1}))

    assert declared.scopes == ("a", "b")
    assert declared.cost == 2
    assert declared.rate_limit == {"concurrent": 1}


def models_of_one_name() -> tuple[type[BaseModel], type[BaseModel], type]:
    """As they are where each comes out of a module of its own."""

    class Item(BaseModel):
        amount: int

    class Order(BaseModel):
        item: Item

    def other() -> tuple[type[BaseModel], type]:
        class Item(BaseModel):
            text: str

        class Offer(BaseModel):
            item: Item

        return Offer, dataclasses.make_dataclass("Item", [("weight", float)])

    return (Order, *other())


def test_models_of_one_name_keep_their_own_schemas() -> None:
    order, offer, item = models_of_one_name()

    def sends(a: Any, b: Any, c: Any, d: Any) -> str:
        return ""

    sends.__annotations__ = {"a": order, "b": offer, "c": item, "d": list[item], "return": str}  # type: ignore[valid-type]
    schema = tool_of(sends)["inputSchema"]
    given: Tree = {"a": {"item": {"amount": 1}}, "b": {"item": {"text": "x"}}, "c": {"weight": 1.5}, "d": []}

    assert jsonschema_rs.is_valid(schema, given)
    for wrong in ({"a": given["b"]}, {"b": given["a"]}, {"c": given["a"]["item"]}, {"d": [{"weight": "much"}]}):
        assert not jsonschema_rs.is_valid(schema, given | wrong)


class Named(BaseModel):
    name: str = Field(alias="fullName")
    age: int = Field(default=3, serialization_alias="years")

    @computed_field
    def loud(self) -> str:
        return self.name.upper()


async def test_what_a_model_of_pydantics_is_called_is_said_and_promised_alike() -> None:
    library = Library("test")

    @library.tool
    def renamed(one: Named) -> Named:
        return one

    async with connect(library) as client:
        result = await client.call("renamed", one={"fullName": "ana"})

    assert result.data == {"fullName": "ana", "years": 3, "loud": "ANA"}


def test_what_cannot_be_described_is_told_with_its_function() -> None:
    class Odd(BaseModel):
        what: Callable[[], int]

    def gives() -> Iterator[int]:
        yield 1

    def takes(odd: Any) -> str:
        return ""

    takes.__annotations__["odd"] = Odd
    with pytest.raises(TypeError, match=r"gives\(\): what it returns: the type Iterator cannot be described"):
        tool_of(gives)
    with pytest.raises(TypeError, match=r"takes\(\): .* cannot be described in a schema"):
        tool_of(takes)
