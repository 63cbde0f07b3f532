"""Resource URIs: there and back, also through libraries that spell them anew."""

from urllib.parse import quote

import pytest
from catalog_makers import main, offer, resource, template
from hypothesis import given
from hypothesis import strategies as st

from narthex.catalog.uris import normal, prefixes, private_uri, public_uri
from narthex.model.endpoint import Endpoint

two = main(
    offer(
        "my_crm",
        resources=(
            resource("file:///a/ä b.txt"),
            resource("memo://Insights"),
            resource("https://Docs.example.com"),
            resource("README"),
        ),
        resource_templates=(template("https://docs.example.com/{page}"), template("file:///{+path}")),
    ),
    offer("ERP", resource_templates=(template("https://docs.example.com/erp/{page}"),)),
)
alone = main(offer("crm", resources=(resource("file:///ä"), resource("ui://x/y"))))


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("file:///x", "gw+my-crm:file:///x"),
        ("file:///{+path}", "gw+my-crm:file:///{+path}"),
        ("ui://widget/Form.html", "ui://gw.my-crm/widget/Form.html"),
        ("UI://widget", "gw+my-crm:UI://widget"),
        ("https://a.example/x", "https://a.example/x"),
        ("HTTP://a.example/x", "HTTP://a.example/x"),
        ("gw+inner:file:///x", "gw+my-crm:gw+inner:file:///x"),
        ("ui://gw.inner/x", "ui://gw.my-crm/gw.inner/x"),
        ("no uri at all", "gw+my-crm:no uri at all"),
    ],
)
def test_a_uri_is_shown_under_its_servers_prefix(uri: str, public: str) -> None:
    assert public_uri(two, "my_crm", uri) == public
    assert public_uri(alone, "crm", uri) == uri


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
schemes = st.sampled_from(["file:///", "memo://", "ui://", "urn:", "gw+x:", "git+ssh://", "", "UI://", "custom:"])


@given(schemes, texts, st.sampled_from(["my_crm", "ERP"]))
def test_every_uri_comes_back_whole(scheme: str, rest: str, server: str) -> None:
    uri = scheme + rest
    if uri.lower().startswith(("http:", "https:")):
        return  # stays as it is, and leads only where it is listed

    public = public_uri(two, server, uri)

    assert public != uri
    assert private_uri(two, public) == (server, uri)


@given(texts)
def test_an_endpoint_with_one_server_changes_nothing(uri: str) -> None:
    assert public_uri(alone, "crm", uri) == uri
    assert private_uri(alone, uri) == ("crm", uri)


@pytest.mark.parametrize(
    ("public", "found"),
    [
        ("gw+my-crm:file:///a/ä b.txt", ("my_crm", "file:///a/ä b.txt")),
        ("gw+my-crm:file:///a/%C3%A4%20b.txt", ("my_crm", "file:///a/ä b.txt")),
        ("GW+MY-CRM:file:///a/%c3%a4%20b.txt", ("my_crm", "file:///a/ä b.txt")),
        ("GW+my-crm:memo://other", ("my_crm", "memo://other")),
        ("UI://GW.My-CRM/x", ("my_crm", "ui://x")),
        ("gw+erp:file:///x", ("ERP", "file:///x")),
        ("https://Docs.example.com", ("my_crm", "https://Docs.example.com")),
        ("https://docs.example.com/", ("my_crm", "https://Docs.example.com")),
        ("HTTPS://docs.example.com", ("my_crm", "https://Docs.example.com")),
        ("https://docs.example.com/intro", ("my_crm", "https://docs.example.com/intro")),
        ("https://docs.example.com/{page}", ("my_crm", "https://docs.example.com/{page}")),
        ("https://docs.example.com/erp/x", ("ERP", "https://docs.example.com/erp/x")),
        ("gw+my-crm:README", ("my_crm", "README")),
        ("gw+my-crm:readme", ("my_crm", "readme")),
        ("gw+my-crm:", None),
        ("gw+other:file:///x", None),
        ("ui://gw.other/x", None),
        ("ui://widget/x", None),
        ("https://elsewhere.example/x", None),
        ("file:///x", None),
        ("", None),
    ],
)
def test_a_public_uri_leads_to_its_server(public: str, found: tuple[str, str] | None) -> None:
    assert private_uri(two, public) == found


def test_one_server_also_finds_what_a_library_has_spelled_anew() -> None:
    assert private_uri(alone, "file:///%C3%A4") == ("crm", "file:///ä")
    assert private_uri(alone, "file:///%c3%a4") == ("crm", "file:///ä")


def test_an_endpoint_without_servers_owns_nothing() -> None:
    assert private_uri(main(), "file:///x") is None


def test_two_spellings_that_both_are_listed_stay_two() -> None:
    endpoint = main(offer("crm", resources=(resource("file:///ä"), resource("file:///%C3%A4"), resource("x:é|"))))

    assert private_uri(endpoint, "file:///ä") == ("crm", "file:///ä")
    assert private_uri(endpoint, "file:///%C3%A4") == ("crm", "file:///%C3%A4")
    assert endpoint.normal_uris == {"x:%C3%A9%7C": "x:é|"}


@pytest.mark.parametrize(
    ("uri", "form"),
    [
        ("File:///A b", "file:///A%20b"),
        ("http://Example.COM", "http://example.com/"),
        ("HTTPS://Example.com/Path?Q#F", "https://example.com/Path?Q#F"),
        ("memo://Host?x", "memo://Host/?x"),
        ("memo://Host", "memo://Host/"),
        ("urn:Ä%c3", "urn:%C3%84%C3"),
        ("no colon Ä", "no colon Ä"),
        ("a:\ud800", "a:?"),
    ],
)
def test_the_normal_form(uri: str, form: str) -> None:
    assert normal(uri) == form
    assert normal(form) == form


@given(texts)
def test_the_normal_form_is_what_encoding_libraries_agree_on(text: str) -> None:
    uri = f"file:///{text}"

    assert normal(quote(uri, safe="%:/?#[]@!$&'()*+,;=-._~|{}^`\\\"<>")) == normal(uri)


@given(st.sets(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,5}\Z"), max_size=20))
def test_no_two_servers_share_a_prefix(names: set[str]) -> None:
    found = prefixes(names)

    assert found.keys() == names
    assert len(set(found.values())) == len(names)
    assert all(prefix == prefix.lower() and "_" not in prefix for prefix in found.values())


def test_the_name_that_looks_like_its_prefix_keeps_it() -> None:
    found = prefixes(["a-b", "a_b", "A-B", "c_d"])

    assert found["a-b"] == "a-b"
    assert found["c_d"] == "c-d"
    assert found["a_b"].startswith("a-b-")
    assert found["A-B"].startswith("a-b-")


def test_prefixes_are_the_same_on_every_endpoint() -> None:
    def of(endpoint: Endpoint) -> dict[str, str]:
        return dict(endpoint.schemes)

    assert of(two) == {"gw+my-crm": "my_crm", "gw+erp": "ERP"}
    assert of(alone) == {}
