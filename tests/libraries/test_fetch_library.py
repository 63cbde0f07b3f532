"""The `fetch` library: pages become text, and no request goes where nobody meant it to go."""

import gzip
import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fetch_site import Site, moved, page, site

from narthex.libraries.fetch import library
from narthex.libraries.fetch.decoding import decoded
from narthex.libraries.fetch.going import body_bytes_max, redirects_max
from narthex.libraries.fetch.markup import parts_of
from narthex.libraries.fetch.readable import link_chars_max, readable
from narthex.testing import Client, connect

ARTICLE = (
    """<!DOCTYPE html><html><head><title>Kites &amp; wind</title>
<style>p { color: red }</style><script>if (1 < 2) { alert("<p>no</p>") }</script></head>
<body><nav><a href="/">Home</a> <a href="/all">All kites</a></nav>
<main><h1>How a kite flies</h1><p>A kite
 leans on   the <b>wind</b>. See <a href="/lift?a=1&amp;b=2#x">lift</a>.</p>
<ul><li>light</li><li><p>strong</p></li></ul>
<table><tr><th>wind</th><th>kite</th></tr><tr><td>3</td><td>box</td></tr></table>
<pre>  one
    two</pre><p>a&nbsp;b<br>c &lt;d&gt; &copy; &#8364;</p><svg><title>no</title><text>no</text></svg>
<p>"""
    + "Long enough to be what the page is about. " * 5
    + """</p></main><footer>Imprint</footer></body></html>"""
)
READ = """# How a kite flies
A kite leans on the wind. See lift.
- light
- strong
wind | kite
3 | box
  one
    two
a b
c <d> © €
""" + ("Long enough to be what the page is about. " * 5).strip()


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as running:
        running.answers["/"] = page(ARTICLE)
        yield running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connect(library, settings={"private": True}) as found:
        yield found


async def test_a_page_is_read_as_a_person_would(web: Site, client: Client) -> None:
    found = (await client.call("fetch_page", url=f"{web.origin}/#part")).data

    assert found["title"] == "Kites & wind"
    assert found["text"] == READ
    assert found["url"] == f"{web.origin}/"
    assert not found["more"]
    assert web.paths() == ["/"]
    assert "cookie" not in web.asked[0].lower()
    assert "authorization" not in web.asked[0].lower()


async def test_links_and_source_come_on_request(web: Site, client: Client) -> None:
    links = (await client.call("fetch_page", url=web.origin, links=True)).data
    source = (await client.call("fetch_page", url=web.origin, form="source")).data

    assert f"See lift ({web.origin}/lift?a=1&b=2#x)." in links["text"]
    assert source["text"] == ARTICLE


async def test_a_long_page_is_read_in_parts(web: Site, client: Client) -> None:
    text = "".join(f"{number:09}\n" for number in range(1_000))
    web.answers["/long"] = page(text, "text/plain")
    parts, start = [], 0
    while True:
        found = (await client.call("fetch_page", url=f"{web.origin}/long", start=start, chars=4_000)).data
        parts.append(found["text"])
        start = found["end"]
        if not found["more"]:
            break
    beyond = (await client.call("fetch_page", url=f"{web.origin}/long", start=99_999)).data

    assert "".join(parts) == text
    assert len(parts) == 3
    assert (beyond["text"], beyond["note"]) == ("", "The text has only 10000 characters.")


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("Zoë".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Zoë"),
        ("“Zoë”".encode("cp1252"), "text/plain; charset=ISO-8859-1", "“Zoë”"),
        ("Zoë".encode(), "text/plain", "Zoë"),
        ("Zoë".encode("utf-16"), "text/plain", "Zoë"),
        ("凧".encode("shift_jis"), "text/plain; charset=Shift_JIS", "凧"),
        (b'<meta charset="euc-jp"><p>' + "凧".encode("euc-jp"), "text/html", "凧"),
        (b"Zo\xff", "text/plain; charset=utf-8", "Zo\ufffd"),
        (b"Zoe", "text/plain; charset=utf-7", "Zoe"),
        (b"Zoe", 'text/plain; charset="idna"', "Zoe"),
        (b"Zoe", "text/plain; charset=zlib", "Zoe"),
        (b"Zoe", "text/plain; charset=nonsense", "Zoe"),
        (b'{"a": 1}', "application/json", '{"a": 1}'),
        (b"<a>1</a>", "application/atom+xml", "<a>1</a>"),
        (b"<p>1</p>", "", "1"),
        (b"just text", "", "just text"),
        (b"", "text/html", ""),
    ],
)
async def test_text_is_read_however_it_is_written_down(
    web: Site, client: Client, body: bytes, kind: str, text: str
) -> None:
    web.answers["/x"] = page(body, kind)

    assert (await client.call("fetch_page", url=f"{web.origin}/x")).data["text"] == text


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/octet-stream", "video/mp4"])
async def test_what_is_no_text_is_not_taken(web: Site, client: Client, kind: str) -> None:
    web.answers["/x"] = page(b"\0" * 10, kind)
    answer = await client.call("fetch_page", url=f"{web.origin}/x")

    assert answer.text == f"This is {kind}, and no text. Only pages and other texts can be read."


async def test_redirects_are_followed_and_each_is_looked_at(web: Site, client: Client) -> None:
    web.answers |= {
        "/a": moved("/b"),
        "/b": moved(f"{web.origin}/c?d=1", "308 Moved"),
        "/c": page("here", "text/plain"),
    }
    found = (await client.call("fetch_page", url=f"{web.origin}/a")).data

    assert (found["url"], found["text"]) == (f"{web.origin}/c?d=1", "here")
    assert web.paths() == ["/a", "/b", "/c?d=1"]


async def test_redirects_without_end_are_ended(web: Site, client: Client) -> None:
    web.answers["/a"] = moved("/a")
    answer = await client.call("fetch_page", url=f"{web.origin}/a")

    assert f"moved more than {redirects_max} times" in answer.text
    assert len(web.asked) == redirects_max + 1


@pytest.mark.parametrize(
    "to",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/",
     "//169.254.169.254/", "http://u:p@127.0.0.1/", "javascript:alert(1)", "http://\x01/", "gopher://x/",
     "http://[::ffff:169.254.169.254]/", "http://2852039166/", "data:text/plain,x"],
)  # fmt: skip
async def test_no_redirect_leads_to_what_is_never_reached(web: Site, client: Client, to: str) -> None:
    web.answers["/a"] = moved(to)
    answer = await client.call("fetch_page", url=f"{web.origin}/a")

    assert answer.is_error
    assert web.paths() == ["/a"]
    assert not client.reports


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST.", "[::1]", "[::]",
     "[::ffff:127.0.0.1]", "0", "0.0.0.0", "127.0.0.1.", "①②⑦.0.0.1", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"],
)  # fmt: skip
async def test_this_machine_is_not_reached_however_it_is_spelled(web: Site, host: str) -> None:
    async with connect(library) as client:
        answer = await client.call("fetch_page", url=f"http://{host}:{web.port}/")

    assert answer.is_error
    assert web.asked == []
    assert not client.reports


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "https://192.168.1.1/", "http://169.254.169.254/", "http://100.100.100.200/x", "http://[fe80::1]/",
     "http://168.63.129.16/", "http://[fd00::1]/", "http://224.0.0.1/", "http://255.255.255.255/"],
)  # fmt: skip
async def test_networks_that_nobody_named_are_not_reached(url: str) -> None:
    started = time.monotonic()
    async with connect(library) as client:
        answer = await client.call("fetch_page", url=url)

    assert answer.is_error
    assert "address" in answer.text
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "url",
    ["notaurl", "http:///x", "https://", "file:///etc/passwd", "ftp://example.com/", "unix:/run/x", "http://a:b@c.example/",
     "http://exa mple.com/", "http://example.com:99999/", "http://example.com:0/", "http://example.com:x/", "http://[::1",
     "http://" + "a" * 300 + ".example/", "http://a..example/", "http://\0/", "http://x\r\nHost: y/", "http://%00/",
     "http://xn--/", "http://[fe80::1%25eth0]/", "http://\ud7ff.invalid/"],
)  # fmt: skip
async def test_what_is_no_address_is_said(url: str) -> None:
    async with connect(library) as client:
        answer = await client.call("fetch_page", url=url)

    assert answer.is_error
    assert not client.reports, client.reports


async def test_only_hosts_of_the_operator_are_reached(web: Site) -> None:
    with site(host="127.0.0.2") as other:
        web.answers["/a"] = moved(f"{other.origin}/")
        async with connect(library, settings={"private": True, "hosts": ["127.0.0.1", "*.example"]}) as client:
            first = await client.call("fetch_page", url=web.origin)
            second = await client.call("fetch_page", url=other.origin)
            third = await client.call("fetch_page", url=f"{web.origin}/a")

        assert not first.is_error
        assert second.text == third.text
        assert second.text == "127.0.0.2 is not among the hosts that its operator lets this tool reach."
        assert other.asked == []


async def test_headers_cannot_be_written_by_an_address(web: Site, client: Client) -> None:
    await client.call("fetch_page", url=f"{web.origin}/a\r\nX-Mine: 1")
    await client.call("fetch_page", url=f"{web.origin}/a%0d%0aX-Mine:%201")

    assert "\r\nX-Mine" not in "".join(web.asked)


async def test_cookies_do_not_go_from_page_to_page(web: Site, client: Client) -> None:
    web.answers["/a"] = page("", status="302 Found", more="Location: /b\r\nSet-Cookie: a=1; Path=/\r\n")
    web.answers["/b"] = page("b", "text/plain")
    await client.call("fetch_page", url=f"{web.origin}/a")
    await client.call("fetch_page", url=f"{web.origin}/b")

    assert "cookie:" not in "".join(web.asked).lower()


# Servers that are wrong, slow, or worse


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("404 Not Found", "status 404. There is nothing at this address."),
        ("401 No", "wants a login"),
        ("500 Oops", "the server's fault"),
        ("429 Slow", "Try again later. It asks to wait 7 seconds."),
        ("418 Teapot", "status 418"),
        ("304 Same", "status 304"),
        ("300 Many", "status 300"),
    ],
)
async def test_refusals_say_what_to_do(web: Site, client: Client, status: str, words: str) -> None:
    web.answers["/x"] = page("secret of the server", status=status, more="Retry-After: 7\r\n")
    answer = await client.call("fetch_page", url=f"{web.origin}/x")

    assert answer.is_error
    assert words in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "raw",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
     b"HTTP/1.1 200\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30_000,
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"\x16\x03\x01"],
)  # fmt: skip
async def test_what_is_no_http_is_said(web: Site, client: Client, raw: bytes) -> None:
    web.answers["/x"] = raw
    answer = await client.call("fetch_page", url=f"{web.origin}/x")

    assert answer.text == "127.0.0.1 could not be asked: it answered with something that is no HTTP."
    assert not client.reports


async def test_nobody_there_is_said(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    refused = await client.call("fetch_page", url=f"http://127.0.0.1:{port}/")
    unknown = await client.call("fetch_page", url="http://nobody.invalid/")

    assert refused.text == "127.0.0.1 could not be asked: no connection came about."
    assert unknown.text == "There is no host nobody.invalid, or it cannot be found now."


async def test_an_endless_page_is_cut(web: Site, client: Client) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while not web.ending.is_set():
            connection.sendall(b"x" * 65_536)

    web.answers["/x"] = endless
    found = (await client.call("fetch_page", url=f"{web.origin}/x", chars=100)).data

    assert found["total_chars"] == body_bytes_max
    assert found["note"] == "Only the first 4 MiB of the page were read."


@pytest.mark.parametrize("way", ["gzip", "deflate"])
async def test_what_was_packed_unasked_is_unpacked_and_stays_bounded(web: Site, client: Client, way: str) -> None:
    for path, text in (("/small", b"hello"), ("/bomb", b"x" * 200_000_000)):
        packed = gzip.compress(text, 1) if way == "gzip" else zlib.compress(text, 1)
        web.answers[path] = page(packed, "text/plain", more=f"Content-Encoding: {way}\r\n")
    web.answers["/not"] = page(b"not packed", "text/plain", more=f"Content-Encoding: {way}\r\n")
    web.answers["/br"] = page(b"?", "text/plain", more="Content-Encoding: br\r\n")

    assert (await client.call("fetch_page", url=f"{web.origin}/small")).data["text"] == "hello"
    assert (await client.call("fetch_page", url=f"{web.origin}/bomb", chars=100)).data["total_chars"] == body_bytes_max
    assert "it is not" in (await client.call("fetch_page", url=f"{web.origin}/not")).text
    assert "not asked for" in (await client.call("fetch_page", url=f"{web.origin}/br")).text


@pytest.mark.slow
async def test_a_page_that_drips_is_not_waited_for(web: Site, client: Client) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while not web.ending.wait(0.5):
            connection.sendall(b"x")

    web.answers["/x"] = drip
    started = time.monotonic()
    answer = await client.call("fetch_page", url=f"{web.origin}/x")

    assert answer.text == "127.0.0.1 did not answer within 20 seconds. Try again, or elsewhere."
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    "settings",
    [{"private": "yes"}, {"hosts": "example.com"}, {"hosts": [1]}, {"user_agent": 7}, {"user_agent": "a\r\nb"}],
)
async def test_settings_that_cannot_be_meant_are_told_to_the_operator(settings: dict[str, Any]) -> None:
    async with connect(library, settings=settings) as client:
        answer = await client.call("fetch_page", url="http://127.0.0.1/")

    assert answer.text.startswith("The tool failed (error ")
    assert "the setting `" in client.reports[0]


# Certificates: the name is what counts, though the connection goes to an address


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """For `localhost`, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (tmp_path / "own.pem").write_bytes(made.public_bytes(pem))
    kept = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "own.key").write_bytes(kept)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "own.key")
    return context, tmp_path / "own.pem"


async def test_a_certificate_is_held_against_the_name(
    certificates: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = certificates
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    seen: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    with site(context) as web:
        web.answers["/"] = page("safe", "text/plain")
        async with connect(library, settings={"private": True}) as client:
            named = await client.call("fetch_page", url=f"https://localhost:{web.port}/")
            other = await client.call("fetch_page", url=f"https://127.0.0.1:{web.port}/")

        assert named.data["text"] == "safe"
        assert seen[0] == "localhost"
        assert f"Host: localhost:{web.port}" in web.asked[0]
        assert other.text == "127.0.0.1 could not be asked: its certificate is not one that is trusted."
        assert len(web.asked) == 1


# HTML as it is out there


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<p>b", "a\nb"),
        ("a <b>b</i> c", "a b c"),
        ("a < b and c > d", "a < b and c > d"),
        ("<p>1 <2", "1 <2"),
        ("<!-- <p>no</p> --><p>yes", "yes"),
        ("<!-- never closed <p>no", ""),
        ("<?xml version='1'?><![CDATA[x]]><p>yes", "yes"),
        ("<script>var a = '</p>'; </SCRIPT ><p>yes", "yes"),
        ("<script>never closed", ""),
        ("<p title='>'>yes</p>", "yes"),
        ('<p title="a>b" x=<>yes', "yes"),
        ("<P\nCLASS=x/>yes</P\n>", "yes"),
        ("<h2>Two</h2>text<h3>Three</h3>", "## Two\ntext\n\n### Three"),
        ("<noscript>no</noscript><template>no<p>no</template>yes", "yes"),
        ("<svg><svg>no</svg>no</svg>yes", "yes"),
        ("<p>&#x110000; &#" + "9" * 5_000 + ";", None),
        ("<p>&amp;lt;", "&lt;"),
        ("<textarea><b>kept</b></textarea>", "<b>kept</b>"),
        ("<a href='http://[bad'>x</a>", "x"),
        ("<a href='javascript:x'>x</a>", "x"),
        ("<ol><li>a<ul><li>b</ul></ol>", "- a\n- b"),
        ("</p></main></body></html>x", "x"),
        ("<nav>only this</nav>", "only this"),
        ("<nav>menu</nav><p>text", "text"),
        ("<p>a<br><br/>b", "a\nb"),
        ("<pre># one\n# two</pre>", "# one\n# two"),
        ("<p", ""),
        ("<", "<"),
        ("", ""),
    ],
)
def test_pages_are_read_as_browsers_do(html: str, text: str | None) -> None:
    found = readable(html, "http://x.example/", links=True)

    assert text is None or found.text == text


@pytest.mark.parametrize(
    "part",
    ["<", "<a ", "<a b", "<a b=", "<a b='", '<a b="c', "<!--", "<!", "<![CDATA[", "</", "</a", "<?", "&", "&#",
     "&#x", "&amp", "<div>", "<li>", "<a href=x>", "</div>", "<script>", "<script></script", "<title>", "<svg>",
     "<pre>\n", "<td>", " ", "<p\n", "<a =", "<a/", "<a b=c ", "\0", "<!-->", "&#9", "<a href='", "\n<h1>"],
)  # fmt: skip
def test_no_page_takes_long(part: str) -> None:
    started = time.monotonic()
    readable(part * (body_bytes_max // len(part)), "http://x.example/", links=True)

    assert time.monotonic() - started < 5


def test_a_tag_without_end_ends_the_page() -> None:
    assert readable("<p>a</p><p " + "b=c " * 101 + ">d", "http://x.example/", links=False).text == "a"
    assert readable("<p>a</p><p " + "b=c " * 100 + ">d", "http://x.example/", links=False).text == "a\nd"


def test_every_tag_is_told_once() -> None:
    parts = list(parts_of("x<a b=1 b=2 C='&lt;'>y</a>"))

    assert [tuple(part) for part in parts] == [("x",), ("a", {"b": "1", "c": "<"}), ("y",), ("a",)]


def test_a_mark_at_the_beginning_wins() -> None:
    assert decoded("Zoë".encode("utf-8-sig"), "iso-8859-1") == "Zoë"


def test_addresses_of_links_do_not_make_a_page_grow_without_end() -> None:
    """Three letters may stand for as much as the page's own address is long."""
    read = readable("<a href=a>b</a> " * 2_000, f"https://example.com/{'x' * 60_000}/", links=True)

    assert len(read.text) < link_chars_max + 100_000
    assert read.text.count("b") == 2_000
