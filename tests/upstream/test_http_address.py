"""No request reaches an address that was not meant, however it is spelled (SSRF)."""

import asyncio
import socket
from typing import Any

import pytest
import uvloop
from http_raw import Peer, RawServer, answer, echo, soon

from narthex.limits import Limits
from narthex.upstream.http import BlockedAddress, ConnectFailed, HttpClient, HttpFault
from narthex.upstream.http.dial import resolve
from narthex.upstream.http.origin import encode_target, parse
from narthex.wire.reachable import blocked, refusal

BLOCKED = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "shared (carrier NAT)",
    "100.127.255.255": "shared (carrier NAT)",
    "100.100.100.200": "cloud metadata",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "cloud metadata",
    "169.254.0.1": "link-local",
    "169.254.169.254": "cloud metadata",
    "169.254.170.2": "cloud metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.1": "reserved",
    "192.0.0.192": "cloud metadata",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relay",
    "192.168.0.1": "private",
    "198.18.0.1": "benchmarking",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::2": "not global unicast",
    "::127.0.0.1": "not global unicast",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:7f00:1": "loopback",
    "::ffff:10.0.0.1": "private",
    "::ffff:169.254.169.254": "cloud metadata",
    "::ffff:0:127.0.0.1": "not global unicast",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::169.254.169.254": "cloud metadata",
    "64:ff9b:1::1": "not global unicast",
    "100::1": "not global unicast",
    "2001::1": "reserved",
    "2001:0:7f00:1::": "reserved",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:a9fe:a9fe::1": "6to4",
    "3fff::1": "documentation",
    "5f00::1": "not global unicast",
    "fc00::1": "private",
    "fd00::1": "private",
    "fd00:ec2::254": "cloud metadata",
    "fd20:ce::254": "cloud metadata",
    "fe80::1": "link-local",
    "fe80::1%lo": "link-local",
    "febf::1": "link-local",
    "fec0::1": "private",
    "ff02::1": "multicast",
}
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize(("address", "reason"), BLOCKED.items())
def test_special_addresses_are_blocked_and_named(address: str, reason: str) -> None:
    assert blocked(address) == reason
    assert refusal(address, allow_private=False, literal=True) == reason


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    assert blocked(address) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd00::1", "0.0.0.0", "100.64.0.1"])
def test_what_the_operator_wrote_may_lead_inside(address: str) -> None:
    assert refusal(address, allow_private=True, literal=False) is None


@pytest.mark.parametrize("address", ["169.254.169.254", "169.254.7.7", "fe80::1", "fd00:ec2::254", "100.100.100.200"])
def test_but_to_metadata_and_link_local_only_when_it_names_them(address: str) -> None:
    assert refusal(address, allow_private=True, literal=False) == blocked(address) is not None
    assert refusal(address, allow_private=True, literal=True) is None


# Spellings of 127.0.0.1 and its kin. {port} is a listening canary; none may reach it.
SPELLINGS = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0x7f000001:{port}/",
    "http://0X7F000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0177.0.0.01:{port}/",
    "http://00000177.1:{port}/",
    "http://127.000.000.001:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127.127.127.127:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[0000::0001]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::FFFF:7F00:0001]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    "http://[v1.fe80::a]:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://l\u00d3calhost:{port}/",
    "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3:{port}/",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:{port}/",
    "http://127\u30020\u30020\u30021:{port}/",
    "http://127\uff0e0\uff0e0\uff0e1:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/",
    "http://127.0.0.1%2eexample.com:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://user:password@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http://127.0.0.1 :{port}/",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nx: y",
    "http://127.0.0.1\t:{port}/",
    "ht\ntp://127.0.0.1:{port}/",
    "http://127.0.0.1\u00ad:{port}/",
    "HTTP://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "data:text/plain,x",
    "http://",
    "http://:{port}/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:\u0661\u0662/",
    "",
]


async def test_no_spelling_of_loopback_reaches_a_listener() -> None:
    reached: list[Peer] = []

    async def canary(peer: Peer) -> None:
        reached.append(peer)
        await peer.say(answer(b"{}"))

    async with RawServer(canary) as server:
        for spelling in SPELLINGS:
            outcome = await outcome_of(spelling.format(port=server.port) if "{port}" in spelling else spelling)
            # What the resolver does not take for an address either is an unknown name.
            unknown = isinstance(outcome, ConnectFailed) and isinstance(outcome.__cause__, socket.gaierror)
            assert unknown or isinstance(outcome, (BlockedAddress, ValueError)), f"{spelling!r}: {outcome!r}"

    assert reached == []
    assert len(SPELLINGS) >= 60


async def outcome_of(url: str) -> object:
    try:
        client = HttpClient(url, Limits(), allow_private=False)
    except ValueError as error:
        return error
    try:
        return await client.post(b"", b"{}", deadline=soon())
    except HttpFault as fault:
        return fault
    finally:
        await client.aclose()


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://10.0.0.1/", "http://2852039166/"],
)
async def test_addresses_inside_are_refused_before_anything_is_sent(url: str) -> None:
    assert isinstance(await outcome_of(url), BlockedAddress)


async def test_a_metadata_address_in_disguise_is_refused_even_to_the_operator() -> None:
    """Another spelling is a name for us: only the plain one says that it is meant."""
    for url in ("http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/"):
        with pytest.raises(BlockedAddress):
            await resolve(parse(url), allow_private=True)

    assert await resolve(parse("http://169.254.169.254/"), allow_private=True) == ["169.254.169.254"]


class RebindingLoop(uvloop.Loop):
    """A loop whose resolver first tells the truth and then lies, as a hostile name server does."""

    answers: list[list[str]]

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        addresses = self.answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


def in_rebinding_loop(answers: list[list[str]], *, allow_private: bool) -> tuple[object, RebindingLoop]:
    """What comes of a request to a name whose look-ups give these answers, one after the other."""

    def make() -> RebindingLoop:
        loop = RebindingLoop()
        loop.answers = answers
        return loop

    async def main() -> object:
        async with RawServer(echo) as server:
            client = HttpClient(f"http://rebind.test:{server.port}/", Limits(), allow_private=allow_private)
            try:
                return (await client.post(b"", b"{}", deadline=soon())).status
            except HttpFault as fault:
                return fault
            finally:
                await client.aclose()

    with asyncio.Runner(loop_factory=make) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, RebindingLoop)
        return runner.run(main()), loop


def test_a_name_is_looked_up_once_and_what_was_checked_is_what_is_connected_to() -> None:
    outcome, loop = in_rebinding_loop([["127.0.0.1"], ["169.254.169.254"]], allow_private=True)

    assert outcome == 200
    assert loop.answers == [["169.254.169.254"]]


def test_when_one_address_of_a_name_is_dead_the_next_is_tried() -> None:
    outcome, _ = in_rebinding_loop([["127.0.0.2", "127.0.0.3", "127.0.0.1"]], allow_private=True)

    assert outcome == 200


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_leads_inside_is_refused_whatever_else_it_leads_to(addresses: list[str]) -> None:
    outcome, _ = in_rebinding_loop([addresses, ["8.8.8.8"]], allow_private=False)

    assert isinstance(outcome, BlockedAddress)


def test_a_configured_name_that_leads_to_metadata_is_refused() -> None:
    outcome, _ = in_rebinding_loop([["169.254.169.254"]], allow_private=True)

    assert isinstance(outcome, BlockedAddress)


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("http://a.example", b"a.example", b"/"),
        ("http://a.example:80/x", b"a.example", b"/x"),
        ("https://a.example:443", b"a.example", b"/"),
        ("https://A.Example:80/mcp?x=1", b"a.example:80", b"/mcp?x=1"),
        ("http://[::1]:8080/", b"[::1]:8080", b"/"),
        ("http://b\u00fccher.example/\u00e9?\u00e9", b"xn--bcher-kva.example", b"/%C3%A9?%C3%A9"),
        ("http://a.example?x", b"a.example", b"/?x"),
        ("http://my_host/", b"my_host", b"/"),
        ("http://a.example/%41%zz/a%20b", b"a.example", b"/%41%zz/a%20b"),
    ],
)
def test_urls_are_taken_apart_once(url: str, authority: bytes, target: bytes) -> None:
    origin = parse(url)

    assert (origin.authority, origin.target) == (authority, target)


@pytest.mark.parametrize("path", ["", "x", "http://evil/", "/a b", "/a\r\nx: y", "/a\0", "/a\x7f"])
def test_paths_that_are_none_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        encode_target(path)
