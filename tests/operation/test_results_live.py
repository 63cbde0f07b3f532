"""Results that are too large, at a running gateway: cut, put aside, refused; in front of servers of both eras."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from operation_kit import Gateway, Legacy, Tree, connect, exchange, serving, until
from reading_remote import PROXIED, asked_as, called_as, entry, reading

NOTE, REFUSAL, PAGE = "dev.narthex/truncated", "dev.narthex/refusal", "dev.narthex/page"
MOST = 8_000


def result_of(answer: Tree) -> Tree:
    assert "result" in answer, answer
    found: Tree = answer["result"]
    return found


def size(result: Tree) -> int:
    """Bytes of what a server's result is about, without what the gateway says of itself."""
    own = {
        key: value for key, value in result.get("_meta", {}).items() if not key.startswith("io.modelcontextprotocol")
    }
    kept = {key: value for key, value in result.items() if key != "resultType"}
    return len(json.dumps({**kept, "_meta": own}, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize("modern", [True, False])
def test_json_is_cut_between_entries_in_both_its_forms(tmp_path: Path, modern: bool) -> None:
    rule = {"bytes_max": MOST, "hint": "limit=10"}
    with reading(modern=modern) as server, serving(tmp_path, entry(server, result=rule)) as gateway:
        found = result_of(gateway.call("rows"))
        legacy = result_of(Legacy(gateway.url).request("tools/call", {"name": "rows", "arguments": {}}))
        small = result_of(gateway.call("rows", rows=3))

        for result in (found, legacy):
            assert size(result) <= MOST
            rows = result["structuredContent"]["rows"]
            assert 10 < len(rows) < 500
            assert rows == [{"id": number, "name": f'"contact" {number}'} for number in range(len(rows))]
            assert result["structuredContent"]["total"] == 500
            text, note = (block["text"] for block in result["content"])
            said = json.loads(text)
            assert said["rows"] == rows[: len(said["rows"])] or said["rows"][: len(rows)] == rows
            assert note.startswith("… [truncated: ")
            assert note.endswith("; ask for less, e.g. limit=10]")
            assert result["_meta"][NOTE]["structured"] == [
                {"pointer": "/rows", "kind": "entries", "shown": len(rows), "of": 500}
            ]
        assert len(small["structuredContent"]["rows"]) == 3
        assert NOTE not in small.get("_meta", {})
        assert gateway.metric("narthex_large_results_total", tool="rows", how="truncated") == 2


def test_text_is_cut_at_the_end_of_a_line_and_pictures_stay_away(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, result={"tokens_max": 2_000})) as gateway:
        [block] = result_of(gateway.call("plain"))["content"]
        picture = result_of(gateway.call("picture"))["content"]

        *lines, note = block["text"].split("\n")
        assert lines == [f"line {number} of many" for number in range(len(lines))]
        assert len(lines) > 200
        assert note.endswith("bytes shown; ask for less]")
        assert [block["type"] for block in picture] == ["text", "text"]
        assert "1 part left out" in picture[1]["text"]


def test_what_could_not_keep_its_promise_is_refused_and_says_so(tmp_path: Path) -> None:
    rules = {"plain": {"result": {"bytes_max": MOST, "when_larger": "refuse", "hint": "lines=100"}}}
    with reading() as server, serving(tmp_path, entry(server, result={"bytes_max": MOST}, rules=rules)) as gateway:
        strict, plain = result_of(gateway.call("strict")), result_of(gateway.call("plain"))
        fits = result_of(gateway.call("plain", lines=100))

        for refused in (strict, plain):
            assert refused["isError"] is True
            assert refused["_meta"][REFUSAL]["reason"] == "result_too_large"
            assert refused["_meta"][REFUSAL]["bytes_max"] == MOST
            assert "The call itself was carried out." in refused["content"][0]["text"]
        assert plain["content"][0]["text"].endswith("Ask for less, e.g. lines=100.")
        assert "isError" not in fits
        assert gateway.metric("narthex_denials_total", filter="result") == 2


def read_all(gateway: Gateway, user: str, uri: str) -> list[Tree]:
    """Every page, as a client finds them that follows the addresses."""
    found: list[Tree] = []
    following: str | None = uri
    while following:
        result = result_of(asked_as(gateway.url, user, "resources/read", {"uri": following}))
        assert size(result) <= MOST
        found.append(result["contents"][0])
        assert result["_meta"][PAGE]["page"] == len(found)
        following = result["_meta"][PAGE].get("next")
        assert (following or "") in result["contents"][-1]["text"]
    return found


def link_of(result: Tree) -> str:
    uri: str = result["content"][-1]["uri"]
    assert result["content"][-1]["type"] == "resource_link"
    assert uri in result["content"][-2]["text"]
    assert result["_meta"][NOTE]["uri"] == uri
    assert uri.startswith("narthex-result:")
    return uri


@pytest.mark.parametrize("modern", [True, False])
def test_a_result_is_put_aside_for_its_caller_alone(tmp_path: Path, modern: bool) -> None:
    offload = {"result": {"bytes_max": MOST, "when_larger": "offload"}}
    houses = {"authentication": PROXIED, "endpoints": {"other": {}}}
    with reading(modern=modern) as server, serving(tmp_path, entry(server, **offload), **houses) as gateway:
        plain, rows = (result_of(called_as(gateway.url, "ana", name)) for name in ("plain", "rows"))
        pages = read_all(gateway, "ana", link_of(plain))
        whole = read_all(gateway, "ana", link_of(rows))
        listed = result_of(asked_as(gateway.url, "ana", "resources/list", {}))["resources"]
        discovered = result_of(asked_as(gateway.url, "ana", "server/discover", {}))
        uri = link_of(plain)
        others = [
            asked_as(gateway.url, "ben", "resources/read", {"uri": uri}),
            asked_as(gateway.url, "ana", "resources/read", {"uri": f"{uri}/99"}),
            asked_as(gateway.url, "ana", "resources/read", {"uri": f"{uri}x"}),
            asked_as(gateway.url, "ana", "resources/read", {"uri": "narthex-result:"}),
        ]

        assert size(plain) <= MOST
        assert size(rows) <= MOST
        assert "".join(page["text"] for page in pages) == "\n".join(f"line {n} of many" for n in range(2_000))
        assert all(page["text"].endswith("\n") for page in pages[:-1])
        assert len(json.loads("".join(page["text"] for page in whole))["rows"]) == 500
        assert {page["mimeType"] for page in whole} == {"application/json"}
        assert listed == []
        assert "resources" in discovered["capabilities"]
        assert [other["error"]["data"]["reason"] for other in others] == ["unknown_resource"] * 4
        assert {other["error"]["message"][:20] for other in others} == {"Unknown resource: 'n"}
        assert gateway.metric("narthex_offloaded_results") == 2
        written = "".join(path.read_text() for path in (tmp_path / "state" / "audit").glob("*.jsonl"))
        assert uri[:40] not in gateway.log_text() + written
        assert "narthex-result" in written


def test_an_older_client_gets_the_address_as_text(tmp_path: Path) -> None:
    offload = {"result": {"bytes_max": MOST, "when_larger": "offload"}}
    with reading() as server, serving(tmp_path, entry(server, **offload)) as gateway:
        client = Legacy(gateway.url)
        uri = link_of(client.request("tools/call", {"name": "plain", "arguments": {}})["result"])
        page = client.request("resources/read", {"uri": f"{uri}/2"})["result"]
        missing = client.request("resources/read", {"uri": f"{uri}y"})["error"]

        assert page["_meta"][PAGE]["page"] == 2
        assert missing["code"] == -32002


def test_what_was_put_aside_ends_with_its_tool(tmp_path: Path) -> None:
    offload = {"result": {"bytes_max": MOST, "when_larger": "offload"}}
    with reading() as server, serving(tmp_path, entry(server, **offload)) as gateway:
        uri = link_of(result_of(gateway.call("plain")))
        assert "result" in gateway.request("resources/read", {"uri": uri})
        gateway.write(servers=[entry(server, **offload, tools=["rows"])])

        until(lambda: "error" in gateway.request("resources/read", {"uri": uri}), "the address leads nowhere")


def test_whoever_lost_the_right_to_call_lost_the_pages(tmp_path: Path) -> None:
    offload = {"result": {"bytes_max": MOST, "when_larger": "offload"}, "scopes": {"plain": ["crm:read"]}}
    proxy = {**PROXIED["proxy"], "scopes": "X-Scopes"}
    house = {"authentication": {**PROXIED, "proxy": proxy}}
    with reading() as server, serving(tmp_path, entry(server, **offload), **house) as gateway:
        uri = link_of(result_of(called_as(gateway.url, "ana", "plain", scopes="crm:read")))
        params = {"uri": uri}
        answers = [
            asked_as(gateway.url, "ana", "resources/read", params, scopes) for scopes in ("crm:read", "crm:write", "")
        ]

        assert ["error" in answer for answer in answers] == [False, True, True]


@pytest.mark.parametrize("stopped", [("--tool", "crm/plain"), ("--tool", "plain"), ("--server", "crm")])
def test_the_pages_of_what_is_stopped_are_stopped(tmp_path: Path, stopped: tuple[str, str]) -> None:
    offload = {"result": {"bytes_max": MOST, "when_larger": "offload"}}
    with reading() as server, serving(tmp_path, entry(server, **offload)) as gateway:
        params = {"uri": link_of(result_of(gateway.call("plain")))}
        assert "result" in gateway.request("resources/read", params)
        command = [sys.executable, "-m", "narthex", "stop", *stopped, "--state", str(tmp_path / "state")]
        subprocess.run(command, capture_output=True, timeout=60, check=True)

        until(lambda: "error" in gateway.request("resources/read", params), "the pages are stopped too")


def test_what_is_hidden_is_hidden_in_every_page(tmp_path: Path) -> None:
    line = {"name": "line", "pattern": "line 1[0-9]*"}
    rules: dict[str, Any] = {"redaction": {"detect": [], "patterns": [line], "findings_per_kb": 100}}
    rules["result"] = {"bytes_max": MOST, "when_larger": "offload"}
    with reading() as server, serving(tmp_path, entry(server, **rules), authentication=PROXIED) as gateway:
        pages = read_all(gateway, "ana", link_of(result_of(called_as(gateway.url, "ana", "plain"))))
        text = "".join(page["text"] for page in pages)

        assert "line 1" not in text
        assert text.count("[line] of many") == 1_111


def test_the_usual_way_and_the_general_way_say_the_same(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, result={"bytes_max": MOST})) as gateway:
        connection = connect(gateway.url)
        answers = []
        for pad in ("", "", "x" * 2_000):
            params = {"name": "plain", "arguments": {"pad": pad}}
            answers.append(exchange(connection, gateway.url, "tools/call", params)["result"])
        connection.close()

        assert answers[0] == answers[1] == answers[2]
        assert NOTE in answers[0]["_meta"]


def test_explain_says_what_becomes_of_a_large_result(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, result={"bytes_max": MOST}, cache={})) as gateway:
        assert "look" in gateway.tools()
        connection = connect(gateway.admin)
        body = json.dumps({"scopes": [], "tool": "look"})
        connection.request("POST", "/api/explain", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()

        kept, large = answer["answer"]
        assert kept.startswith("Its answer may be up to 60 seconds old, and may be that of the same call of the same ")
        assert kept.endswith("(servers.crm.cache).")
        assert large == "A result over 8,000 bytes is truncated (servers.crm.result)."
