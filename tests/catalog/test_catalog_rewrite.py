"""URIs inside answers: every place of R16, and not one byte elsewhere."""

from typing import Any

import msgspec
import pytest
from catalog_makers import main, offer, tool

from narthex.catalog.rewrite import rewrite_result

two = main(offer("crm"), offer("erp"))
alone = main(offer("crm"))

LINK = {"type": "resource_link", "uri": "file:///x", "name": "x", "_meta": {"uri": "file:///kept"}}
INSIDE = {"type": "resource", "resource": {"uri": "ui://form", "text": "file:///x", "more": 1}, "annotations": None}
TEXT = {"type": "text", "text": 'see "uri": file:///x', "uri": "file:///not-a-link"}
WEB = {"type": "resource_link", "uri": "https://a.example/", "name": "x"}
SHOWN_LINK = {**LINK, "uri": "gw+crm:file:///x"}
SHOWN_INSIDE = {**INSIDE, "resource": {**INSIDE["resource"], "uri": "ui://gw.crm/form"}}  # type: ignore[dict-item]

CASES = [
    ("tools/call", "content", [LINK, INSIDE, TEXT, WEB], [SHOWN_LINK, SHOWN_INSIDE, TEXT, WEB]),
    (
        "prompts/get",
        "messages",
        [
            {"role": "user", "content": LINK, "x": 1},
            {"role": "user", "content": INSIDE},
            {"role": "user", "content": TEXT},
        ],
        [
            {"role": "user", "content": SHOWN_LINK, "x": 1},
            {"role": "user", "content": SHOWN_INSIDE},
            {"role": "user", "content": TEXT},
        ],
    ),
    ("prompts/get", "messages", [{"content": [LINK, TEXT]}], [{"content": [SHOWN_LINK, TEXT]}]),
    (
        "resources/read",
        "contents",
        [{"uri": "file:///x", "text": "file:///x"}, {"uri": "https://a.example/", "blob": "AA=="}],
        [{"uri": "gw+crm:file:///x", "text": "file:///x"}, {"uri": "https://a.example/", "blob": "AA=="}],
    ),
]


def read(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize(("method", "member", "private", "public"), CASES)
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "decoded"])
def test_every_place_is_rewritten(method: str, member: str, private: Any, public: Any, *, raw: bool) -> None:
    value = msgspec.Raw(msgspec.json.encode(private)) if raw else private
    members = {member: value, "structuredContent": {"uri": "file:///x"}, "isError": False}
    before = read(members)

    changed = rewrite_result(two, "crm", method, members)

    assert read(changed) == {**before, member: public}
    assert type(changed[member]) is (msgspec.Raw if raw else list)
    assert read(members) == before, "the original is not touched"


@pytest.mark.parametrize(("method", "member", "private", "public"), CASES)
def test_one_server_alone_is_passed_on_as_it_is(method: str, member: str, private: Any, public: Any) -> None:
    members = {member: private}

    assert rewrite_result(alone, "crm", method, members) is members


@pytest.mark.parametrize("kind", ["raw", "decoded"])
@pytest.mark.parametrize(
    ("method", "members"),
    [
        ("tools/call", {"content": [TEXT, WEB, {"type": "text", "text": "x"}]}),
        ("tools/call", {"content": []}),
        ("tools/call", {"content": None, "structuredContent": {"uri": "file:///x"}}),
        ("tools/call", {"content": {"uri": "file:///x"}}),
        ("tools/call", {"content": ["uri", 5, None, [LINK]]}),
        ("tools/call", {"content": [{"type": ["resource_link"], "uri": "file:///x"}]}),
        ("tools/call", {"content": [{"type": "resource_link", "uri": 5}]}),
        ("tools/call", {"content": [{"type": "resource_link"}, {"uri": "no type"}]}),
        ("tools/call", {"content": [{"type": "resource", "resource": "uri"}, {"type": "resource", "uri": "x"}]}),
        ("tools/call", {"content": [{"type": "resource", "resource": {"text": "no uri"}, "uri": "x"}]}),
        ("tools/call", {"resultType": "input_required", "inputRequests": {}}),
        ("prompts/get", {"messages": [{"role": "user", "uri": "no content"}, "uri"]}),
        ("prompts/get", {"messages": [{"content": "uri"}, {"content": ['"uri"', None]}]}),
        ("resources/read", {"contents": [{"text": "no uri"}, 5]}),
        ("completion/complete", {"completion": {"uri": "file:///x"}}),
    ],
)
def test_what_holds_no_uri_of_ours_is_the_very_same(method: str, members: dict[str, Any], kind: str) -> None:
    if kind == "raw":
        members = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in members.items()}

    assert rewrite_result(two, "crm", method, members) is members


def test_what_is_not_a_uri_keeps_its_very_bytes() -> None:
    odd = (
        b'[{"type":"resource_link" , "uri":"file:\\/\\/\\/\\u00e4","size":123456789012345678901234567890,'
        b'"score": 1.10000000000000000001,"e":1E400,"n":null, "\\u0061":"\\u00e4"},{"type":"text","text":"\\u00e4"}]'
    )

    changed = rewrite_result(two, "crm", "tools/call", {"content": msgspec.Raw(odd)})

    assert bytes(changed["content"]) == (
        b'[{"type":"resource_link","uri":"gw+crm:file:///\xc3\xa4","size":123456789012345678901234567890,'
        b'"score":1.10000000000000000001,"e":1E400,"n":null,"a":"\\u00e4"},{"type":"text","text":"\\u00e4"}]'
    )


def test_the_user_interface_of_a_tool_is_named_by_its_public_uri() -> None:
    ui = {"ui": {"resourceUri": "ui://form", "more": 1}, "ui/resourceUri": "ui://form", "x": 2}
    offered = offer("crm", tool("a", _meta=ui), tool("b", _meta={"ui": "no object"}), tool("c", _meta=5))

    shown = {name: one.definition.get("_meta") for name, one in main(offered, offer("erp")).tools.items()}

    assert shown == {
        "crm__a": {
            "ui": {"resourceUri": "ui://gw.crm/form", "more": 1},
            "ui/resourceUri": "ui://gw.crm/form",
            "x": 2,
        },
        "crm__b": {"ui": "no object"},
        "crm__c": 5,
    }
    assert main(offered).tools["a"].definition["_meta"] == ui
