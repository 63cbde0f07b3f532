"""The library `github` among people who mean harm: names, answers, redirects, and whose token is shown to whom."""

import json
from pathlib import Path
from typing import Any

import pytest
from github_kit import KITES, asked, github, headers

from narthex import Principal
from narthex.libraries.github import library
from narthex.libraries.github.given import read
from narthex.libraries.server import Refusal
from narthex.libraries.surroundings import Secrets, Surroundings
from narthex.testing import CallFailed, connect
from process_kit import Far

README = {**KITES, "path": "README.md"}
FAR_AWAY = ["evil", "upwards", "sideways", "user", "broken", "port", "slashes", "script"]
PATHS = [
    "../../../user", "src/../../x", "./x", "src//x", "..", ".", "%2e%2e/user", "%252e%252e/user", "..%2fuser",
    "src/..%5c..%5cuser", "..\\user", "a\0b", "a\r\nX-Evil: 1", "a\nb", "%0d%0aX-Evil: 1", "src/%2e%2e/%2E%2e/user",
]  # fmt: skip
NAMES = [
    "..", ".", "", "a/b", "../x", "a\nb", "a b", "acme\n", "kites\n", "a?b", "a#b", "a%2fb", "@evil", "a:b", "a\\b",
    "ä", "x" * 101,
]  # fmt: skip
REFS = [
    "..", "a..b", "a b", "a\nb", "/a", "a/", "a//b", "a~1", "a^", "a:b", "a?b", "a*", "a[b", "a\\b", "@{1}", "-x",
    ".hidden", "a/.b", "a.lock", "a.", "a\u202eb", "", "x" * 256,
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("tool", ["get_file", "list_directory", "read_directory", "list_commits"])
async def test_no_path_leads_out_of_a_repository(far: Far, tool: str, path: str) -> None:
    async with github(far) as client:
        found = await client.call(tool, **KITES, path=path)

    assert found.is_error
    assert asked(far) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("of", ["owner", "repo"])
async def test_no_name_is_more_than_a_name(far: Far, of: str, name: str) -> None:
    async with github(far) as client:
        for tool, more in [
            ("get_file", {"path": "README.md"}),
            ("search_issues", {"query": "x"}),
            ("create_issue", {"title": "x"}),
        ]:
            found = await client.call(tool, **{**KITES, of: name}, **more)
            assert found.is_error, name

    assert asked(far) == []


@pytest.mark.parametrize("ref", REFS)
async def test_no_ref_is_more_than_a_ref(far: Far, ref: str) -> None:
    async with github(far) as client:
        for tool, more in [
            ("get_file", {"path": "README.md", "ref": ref}),
            ("get_commit", {"ref": ref}),
            ("compare", {"base": "main", "head": f"ana:{ref}"}),
            ("create_pr", {"title": "x", "head": f"ana:{ref}", "base": "main"}),
            ("create_pr", {"title": "x", "head": "a", "base": ref}),
        ]:
            found = await client.call(tool, **KITES, **more)
            assert found.is_error, ref

    assert asked(far) == []


@pytest.mark.parametrize(
    "uri", ["readme://acme/..", "readme://%2e%2e/kites", "readme://acme/a%2Fb", "readme://a%0Ab/x"]
)
async def test_no_uri_leads_elsewhere(far: Far, uri: str) -> None:
    async with github(far) as client:
        with pytest.raises(CallFailed):
            await client.read(uri)

    assert asked(far) == []


async def test_words_of_a_search_stay_words(far: Far) -> None:
    async with github(far) as client:
        await client.call("search_repos", query="x&per_page=100#\r\nX-Evil: 1 ../..")

    (request,) = asked(far)
    assert request.startswith("GET /search/repositories?q=x%26per_page%3D100%23%0D%0AX-Evil%3A+1+..%2F..&sort=stars&")
    assert "x-evil" not in headers(far)


@pytest.mark.parametrize("repo", [*FAR_AWAY, "circle", "nowhere"])
async def test_redirects_stay_below_the_address(far: Far, repo: str) -> None:
    async with github(far, base_url=f"{far.origin}/api/v3") as client:
        with pytest.raises(CallFailed, match=r"sends this request elsewhere|cannot be reached"):
            await client.read(f"readme://acme/{repo}")

    assert all(path.startswith(f"GET /api/v3/repos/acme/{repo}/readme") for path in asked(far))
    assert len(asked(far)) == (1 if repo in FAR_AWAY else 4)


async def test_a_change_is_not_sent_elsewhere_by_a_redirect_for_reading(far: Far) -> None:
    far.order({"script": [{"status": 301, "headers": {"Location": f"{far.origin}/repositories/7/issues"}}]})
    async with github(far) as client:
        found = await client.call("create_issue", **KITES, title="x")

    assert "sends this request elsewhere" in found.text
    assert len(asked(far)) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"body": "<html>"}, "a form that is not known"),
        ({"body": ""}, "a form that is not known"),
        ({"body": "[" * 100_000}, "a form that is not known"),
        ({"body": {"type": 7}}, "a form that is not known"),
        ({"body": {"type": "file", "encoding": "base64", "content": "a"}}, "holds no file"),
        ({"body": {"type": "file", "encoding": "none", "sha": "../../x", "size": 5}}, "names no object"),
        ({"body": " " * 1024, "times": 9_000}, "larger than 8 MiB"),
        ({"body": "{}", "gzip": True}, "compressed"),
        ({"drop": True}, "cannot be reached (RemoteProtocolError)"),
        ({"status": 500, "body": "<html>oops</html>"}, "GitHub is not well (status 500)"),
        ({"status": 503, "body": {"message": "Unicorn!"}}, "GitHub says: Unicorn!"),
        ({"status": 418, "body": {"message": "a\r\nb\u202e" + "x" * 9_000}}, "GitHub answered with status 418"),
        ({"status": 403, "body": {"message": ["no"]}}, "GitHub forbids this"),
        ({"status": 304, "headers": {"ETag": '"x"'}}, "a form that is not known"),
        ({"body": "{}", "headers": {"ETag": '"x"'}}, "a form that is not known"),
        ({"status": 451, "body": {"message": "Blocked"}}, "not available for legal reasons"),
    ],
)
async def test_every_answer_ends_in_a_sentence(far: Far, answer: dict[str, Any], said: str) -> None:
    far.order({"script": [answer]})
    async with github(far) as client:
        found = await client.call("get_file", **README)
        again = await client.call("get_file", **README)

    assert found.is_error
    assert said in found.text
    assert len(found.text) < 800
    assert found.text.isprintable()
    assert client.reports == []
    assert again.text.startswith("# Kites")
    assert "if-none-match" not in headers(far)  # what was of no use is not kept


async def test_a_server_that_drips_is_given_up(far: Far) -> None:
    far.order({"script": [{"drip": 0.05}]})
    async with github(far, seconds=0.5) as client:
        found = await client.call("get_file", **README)

    assert found.text == "GitHub did not answer in time. Try again later."


async def test_a_change_whose_answer_is_lost_may_have_been_made(far: Far) -> None:
    far.order({"script": [{"drop": True}]})
    async with github(far) as client:
        found = await client.call("create_issue", **KITES, title="x")

    assert "look before you try again" in found.text


async def test_nobody_there(far: Far) -> None:
    async with github(far, base_url="http://127.0.0.1:1") as client:
        found = await client.call("create_issue", **KITES, title="x")

    assert found.text == "GitHub cannot be reached (ConnectError). Try again later."


async def test_a_wrong_token_is_told_and_not_shown(far: Far) -> None:
    async with github(far, "ghp_wrong") as client:
        found = await client.call("get_file", **README)

    assert "GitHub does not take the token" in found.text
    assert "ghp_wrong" not in found.text


async def test_a_token_that_is_said_back_is_masked(far: Far) -> None:
    said = {"message": "token ghp_house is bad", "errors": [{"message": "ghp_house"}]}
    far.order({"script": [{"status": 422, "body": said}]})
    async with github(far) as client:
        found = await client.call("get_file", **README)

    assert "ghp_house" not in found.text
    assert "token *** is bad" in found.text


async def test_a_users_token_is_masked_wherever_it_is_said_back(far: Far) -> None:
    """Also in an answer, and where GitHub's words are cut."""
    token = "ghp_ana"
    title, words = {"number": 1, "title": f"of {token}"}, {"message": "y" * 495 + token}
    far.order({"script": [{"status": 200, "body": title}, {"status": 422, "body": words}]})
    async with github(far, "", who=Principal("ana"), users=json.dumps({"ana": token})) as client:
        answer = await client.call("get_pr", **KITES, number=1)
        refused = await client.call("get_pr", **KITES, number=2)

    assert answer.data == {"number": 1, "title": "of ***"}
    assert "yyy***" in refused.text
    assert "ghp" not in refused.text


async def test_a_directory_that_is_not_named_is_not_taken_for_the_whole_repository(far: Far) -> None:
    far.order({"script": [{"status": 200, "body": [{"path": "src/app.py", "type": "file", "size": 1}]}]})
    async with github(far) as client:
        found = await client.call("list_directory", **KITES, path="src", recursive=True)

    assert found.is_error
    assert "without recursive" in found.text


async def test_a_token_that_may_only_read_is_told_what_is_lacking(far: Far) -> None:
    async with github(far, "ghp_reader") as client:
        found = await client.call("create_issue", **KITES, title="x")

    assert "Resource not accessible by personal access token" in found.text
    assert found.text.endswith("The token would need: issues=write.")


async def test_cookies_are_nobodys(far: Far) -> None:
    body = json.dumps({"type": "dir", "entries": []})
    far.order({"script": [{"body": body, "headers": {"Set-Cookie": "who=ana; Path=/"}}]})
    async with github(far) as client:
        await client.call("list_directory", **KITES)
        await client.call("list_directory", **KITES)

    assert "cookie" not in headers(far)


# Whose token

USERS = json.dumps({"ana": "ghp_ana", "acme": {"ana": "ghp_bob"}})


@pytest.mark.parametrize(
    ("who", "house", "shown"),
    [
        (Principal("ana"), "", "Bearer ghp_ana"),
        (Principal("ana", tenant="acme"), "", "Bearer ghp_bob"),
        (Principal("ana", tenant="other"), "ghp_house", "Bearer ghp_house"),
        (Principal("bob"), "ghp_house", "Bearer ghp_house"),
        (None, "ghp_house", "Bearer ghp_house"),
        (Principal("ana", claims={"github": "ghp_reader"}), "", "Bearer ghp_reader"),
        (Principal("ana", claims={"github": ["x"]}), "ghp_house", "Bearer ghp_house"),
    ],
)
async def test_each_caller_has_a_token_of_their_own(far: Far, who: Principal | None, house: str, shown: str) -> None:
    async with github(far, house, who=who, users=USERS, token_claim="github") as client:
        found = await client.call("get_file", **README)

    assert not found.is_error, found.text
    assert headers(far)["authorization"] == shown


@pytest.mark.parametrize("who", [None, Principal("bob"), Principal("acme"), Principal("ana", tenant="other")])
async def test_who_has_none_is_not_lent_anothers(far: Far, who: Principal | None) -> None:
    async with github(far, "", who=who, users=USERS) as client:
        found = await client.call("get_file", **README)

    assert found.text == "You have no GitHub token here. Ask whoever runs this gateway for one of your own."
    assert asked(far) == []


async def test_a_claim_cannot_break_out_of_its_header(far: Far) -> None:
    who = Principal("ana", claims={"github": "x\r\nX-Evil: 1"})
    async with github(far, "", who=who, token_claim="github") as client:
        found = await client.call("get_file", **README)

    assert "signs that no token has" in found.text
    assert "X-Evil" not in found.text
    assert asked(far) == []


async def test_without_any_token_what_is_public_is_read(far: Far) -> None:
    async with github(far, "") as client:
        found = await client.call("get_file", **README)
        denied = await client.call("create_issue", **KITES, title="x")

    assert found.text.startswith("# Kites")
    assert "authorization" not in headers(far)
    assert "Requires authentication" in denied.text


@pytest.mark.parametrize(
    "base",
    [
        "http://github.example.com", "ftp://x", "https://", "https://a@b/x", "https://x/?a=b", "https://x/#a", 7,
        "https://x/../y", "https://x:99999/", "https://x/%2e%2e", "https://x\\y", "https://x\n", "x",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_meant_is_refused(base: object) -> None:
    with pytest.raises(Refusal, match="`base_url`"):
        read(Surroundings({"base_url": base}), {})


@pytest.mark.parametrize(
    ("settings", "secrets", "said"),
    [
        ({"seconds": 0}, {}, "`seconds`"),
        ({"seconds": "5"}, {}, "`seconds`"),
        ({"token_claim": 7}, {}, "`token_claim`"),
        ({}, {"USER_TOKENS": "ghp_oops"}, "USER_TOKENS"),
        ({}, {"USER_TOKENS": '{"ana": 7}'}, "USER_TOKENS"),
    ],
)
async def test_what_is_set_up_wrongly_is_told(settings: dict[str, Any], secrets: dict[str, str], said: str) -> None:
    async with connect(library, settings=settings, secrets=secrets) as client:
        found = await client.call("get_file", **README)

    assert said in found.text
    assert "ghp_oops" not in found.text


def test_address_and_token_come_from_the_same_place() -> None:
    around = {"GITHUB_TOKEN": "ghp_around", "GITHUB_API_URL": "https://github.example.com/api/v3"}

    alone = read(Surroundings(), around)
    configured = read(Surroundings({"base_url": "https://other.example.com/api/v3"}), around)
    by_users = read(Surroundings({}, Secrets({"USER_TOKENS": '{"ana": "t"}'})), around)

    assert (alone.base, alone.token_of(None)) == ("https://github.example.com/api/v3", "ghp_around")
    assert alone.token_of(Principal("ana")) == ""  # callers are told apart: nobody said that it is for them
    assert (configured.base, configured.token_of(None)) == ("https://other.example.com/api/v3", "")
    assert (by_users.base, by_users.around) == ("https://api.github.com", "")
    assert "ghp_around" not in repr(alone)


def test_no_module_of_it_prints_or_logs() -> None:
    folder = Path(__file__).parents[2] / "src/narthex/libraries/github"
    assert not [
        path.name for path in folder.glob("*.py") if "print(" in path.read_text() or "logging" in path.read_text()
    ]
