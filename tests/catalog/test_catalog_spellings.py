"""Spellings of one URI, held against a reader of another make: what browsers and Node take for the same, one line
protects (WHATWG URL)."""

import can_ada
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from narthex.catalog.globs import is_lost
from narthex.catalog.guards import Line
from narthex.catalog.hosts import host_forms
from narthex.catalog.spellings import plain, spellings

ODD = [
    *("/", "//", "\\", ".", "..", "%2e", ".%2E", "%2f", "%5c", "?", "#", "@", ":", ":443", ":0443", "\t", "\n", " "),
    *(
        "%09",
        "%00",
        "%25",
        "%73",
        "ſ",
        "ß",
        "ü",
        "Ü",
        "。",
        ".。",
        "|",
        "C|",
        "c:",
        "xn--bcher-kva",
        "bücher",
        "\u00ad",
    ),
    *("0x7f", "0177", "1", "127.0.0.1", "2130706433", "[::1]", "[0:0::1]", ";", "$", "localhost", "h.example", "ﬁ"),
    *("secret", "SECRET", "a", "x", "user:word@", "%68.example", "ex%61mple", "%C3%BC", "u\u0308", "K"),
]
schemes = st.sampled_from(["http:", "https:", "HTTPS:", "ws:", "wss:", "ftp:", "file:", "File:", "ht\ttps:", " https:"])
uris = st.builds(lambda scheme, parts: scheme + "".join(parts), schemes, st.lists(st.sampled_from(ODD), max_size=9))
addresses = st.builds("//h.example/{}".format, st.lists(st.sampled_from(ODD), max_size=6).map("".join))


def usual(uri: str) -> str | None:
    """As a browser writes it, without what no server is asked by."""
    try:
        read = can_ada.parse(uri)
    except ValueError:
        return None
    read.hash = ""
    return str(read.href) if read.search else str(read.href).rstrip("?")


def protects(pattern: str, uri: str) -> bool:
    line = Line("here", pattern, ("s",), "files")
    return not plain(uri) or line.meets(spellings(uri))


def literal(text: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in text)


@settings(max_examples=1_500, deadline=None, derandomize=True)
@given(uris | st.builds(lambda scheme, rest: scheme + rest, schemes, addresses))
@example("https://h.example/x//../secret/a")
@example("file:///%7\t3ecret")
@example("https:\\\\x@%68.example:0443\\secret")
def test_what_browsers_take_for_the_same_one_line_protects(uri: str) -> None:
    same = usual(uri)
    if same is not None:
        assert protects(same if "[" not in same and "?" not in same else literal(same), uri)
        if plain(same):
            assert protects(literal(same) + "*", uri)


@settings(max_examples=1_500, deadline=None, derandomize=True)
@given(uris | st.builds(lambda scheme, rest: scheme + rest, schemes, addresses))
@example("file://localhost/secret")
@example("https://h.example:443/secret")
@example("http://[::1]/secret")
def test_nor_does_it_matter_how_the_line_is_written(uri: str) -> None:
    same = usual(uri + "/a")
    if same is None or any(sign in uri for sign in "?#") or "[" in can_ada.parse(same).pathname:
        return  # a glob of something else
    if plain(uri):
        assert protects(uri + "/*", same), same


PAIRS = [
    ("file:///secret/*", "file:secret/a"),
    ("file:///secret/*", "file:///secret./a"),
    ("file:///secret/*", "file:///secret::$DATA/a"),
    ("file:///secret/*", "file:///x/..;/secret/a"),
    ("file:///secret/*", "file:///x/..;y=1/secret;z/a"),
    ("file:///secret/*", "file:///%7\t3ecret/a"),
    ("https://h.example/secret/*", "https:/h.example/secret/a"),
    ("https://h.example/secret/*", "https:h.example/secret/a"),
    ("https://h.example/secret/*", "https:///h.example/secret/a"),
    ("https://h.example/secret/*", "https:\\h.example\\secret/a"),
    ("https://h.example/secret/*", "https://x@%68.EXAMPLE.:0443/secret/a"),
    ("https://h.example/x/secret/*", "https://h.example/x//../secret/a"),
    ("https://bücher.example/*", "https://xn--bcher-kva.example/a"),
    ("https://bücher.example/*", "https://BU\u0308CHER。example/a"),
    ("https://xn--bcher-kva.example/*", "https://bücher.example/a"),
    ("https://straße.example/*", "https://strasse.example/a"),
    ("https://*.bücher.example/*", "https://a.xn--bcher-kva.example/a"),
    ("https://büch*.example/*", "https://xn--bcher-kva.example/a"),
    ("file:///c:/secret/*", "file:///C|/secret/a"),
    ("file:///c:/secret/*", "file://C|/secret/a"),
    ("file:///c:/secret/*", "file:///C|/../secret/a"),
    ("file:///C|/secret/*", "file:///c:/secret/a"),
    ("file://localhost/secret/*", "file:///secret/a"),
    ("file:/secret/*", "file:///secret/a"),
    ("file:secret/*", "file:///secret/a"),
    ("file:///x/../secret/*", "file:///secret/a"),
    ("file:///%73ecret/*", "file:///secret/a"),
    ("https://h.example:443/secret/*", "https://h.example/secret/a"),
    ("https:h.example/secret/*", "https://h.example/secret/a"),
    ("files/https://h.example:443/secret/*", "https://h.example/secret/a"),
    ("http://[::1]/secret/*", "http://[0::1]:80/secret/a"),
    ("http://127.0.0.1/*", "http://0x7f.1/a"),
    ("http://0177.1/*", "http://2130706433/a"),
    ("https://elsewhere.example/*", "https://a／b/x"),  # no host at all: whatever there is
]


@pytest.mark.parametrize(("pattern", "uri"), PAIRS)
def test_a_line_protects(pattern: str, uri: str) -> None:
    assert protects(pattern, uri)


@pytest.mark.parametrize(
    ("pattern", "uri"),
    [
        ("https://h.example/secret/*", "https://h.example/open/a"),
        ("https://h.example/secret/*", "https://other.example/secret/a"),
        ("file:///c:/secret/*", "file:///d:/secret/a"),
        ("https://10.0.*.1/*", "https://h.example/10/0/a"),
        ("https://h.example:443/secret/*", "https://h.example/a"),
        ("file:///%2A/*", "file:///a/b"),
        ("https://bücher.example/*", "https://bucher.example/a"),
    ],
)
def test_and_not_more_than_it_names(pattern: str, uri: str) -> None:
    assert not protects(pattern, uri)


def test_a_line_opens_a_host_in_each_of_its_forms_and_no_other() -> None:
    def opens(pattern: str, uri: str) -> bool:
        return Line("here", pattern, (), "files").is_sure(plain(uri))

    for pattern in ("https://bücher.example/open/*", "https://xn--bcher-kva.example/open/*"):
        assert opens(pattern, "https://bücher.example/open/a")
        assert opens(pattern, "https://xn--bcher-kva.example/open/a")
        assert not opens(pattern, "https://bücher.example/open/..;/secret")
        assert not opens(pattern, "https://bücher.example/open/%2e%2e/secret")
    assert opens("https://10.0.*.1/*", "https://10.0.0.1/a")
    assert not opens("https://strasse.example/*", "https://straße.example/a")
    assert not opens("https://straße.example/*", "https://strasse.example/a")


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6))
def test_letters_of_a_host_are_those_of_browsers(text: str) -> None:
    if set(text) & set("/\\?#@:[]"):
        return  # more than a host
    try:
        read = can_ada.parse(f"https://{text}.example/").hostname
        forms = host_forms(text.translate({9: None, 10: None, 13: None}) + ".example")
    except ValueError:
        return  # no host to one of both: what nobody can read requires everything
    assert set(host_forms(read)) & set(forms)


@pytest.mark.parametrize("pattern", ["file:///*/../secret/*", "file:///?/./a", "file:///a*/%2e%2E"])
def test_a_glob_that_would_protect_nothing_is_known(pattern: str) -> None:
    assert is_lost(pattern)


@pytest.mark.parametrize("pattern", ["file:///a/../secret/*", "*/.ssh/*", "file:///a/..", "*/a...", "*/..a/*"])
def test_one_that_protects_is_none_of_those(pattern: str) -> None:
    assert not is_lost(pattern)
