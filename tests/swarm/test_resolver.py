"""Names asked of a DNS server on loopback, and of the system."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from aiolibp2p.errors import ConfigError, TimeoutExpired, Unreachable
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.resolver import Resolver, ResolverConfig
from swarm.name_server import links, name_server

PEER = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
OTHER = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
HOST = {("example.com", "A"): ["192.0.2.0"], ("example.com", "AAAA"): ["2001:db8::1"]}


async def resolve(text: str, config: ResolverConfig | None = None) -> list[str]:
    return list(map(str, await Resolver(config).resolve(Multiaddr(text))))


@pytest.mark.spec("ADDR-11", "ADDR-12")
@pytest.mark.parametrize(
    ("kind", "records", "found"),
    [
        ("dns", ["A", "AAAA"], ["/ip6/2001:db8::1/tcp/42/ws", "/ip4/192.0.2.0/tcp/42/ws"]),
        ("dns4", ["A"], ["/ip4/192.0.2.0/tcp/42/ws"]),
        ("dns6", ["AAAA"], ["/ip6/2001:db8::1/tcp/42/ws"]),
    ],
)
async def test_each_name_asks_for_its_records(kind: str, records: list[str], found: list[str]) -> None:
    async with name_server(HOST) as server:
        assert await resolve(f"/{kind}/example.com/tcp/42/ws", server.config) == found
        assert sorted(server.asked) == [("example.com", record) for record in records]


@pytest.mark.spec("ADDR-11")
@pytest.mark.parametrize(
    ("kind", "family"), [("dns", socket.AF_UNSPEC), ("dns4", socket.AF_INET), ("dns6", socket.AF_INET6)]
)
def test_the_system_is_asked_for_the_same(kind: str, family: int, monkeypatch: pytest.MonkeyPatch) -> None:
    families = []

    def getaddrinfo(host: str, port: object, asked: int, *rest: object) -> list[object]:
        families.append(asked)
        return [(0, 0, 0, "", (ip, 0)) for ip in ("192.0.2.1", "2001:db8::1")]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    found = asyncio.run(resolve(f"/{kind}/example.com/tcp/1"))
    assert found == ["/ip6/2001:db8::1/tcp/1", "/ip4/192.0.2.1/tcp/1"]
    assert families == [family]


@pytest.mark.spec("ADDR-12")
async def test_the_system_knows_its_own_name() -> None:
    assert await resolve(f"/dns4/localhost/tcp/42/p2p/{PEER}") == [f"/ip4/127.0.0.1/tcp/42/p2p/{PEER}"]
    assert "/ip4/127.0.0.1/tcp/42" in await resolve("/dns/localhost/tcp/42")


async def test_a_name_with_one_family_is_enough() -> None:
    zone = {("four.example.com", "A"): ["192.0.2.4"], ("six.example.com", "AAAA"): ["2001:db8::6"]}
    async with name_server(zone) as server:
        assert await resolve("/dns/four.example.com", server.config) == ["/ip4/192.0.2.4"]
        assert await resolve("/dns/six.example.com", server.config) == ["/ip6/2001:db8::6"]
        with pytest.raises(Unreachable, match=r"four\.example\.com does not resolve"):
            await resolve("/dns6/four.example.com", server.config)


@pytest.mark.spec("ADDR-13")
async def test_a_link_is_the_txt_record_of_its_subdomain() -> None:
    records = ['"v=spf1 -all"', *links(f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}"), '"dnsaddr=nonsense"']
    async with name_server({("_dnsaddr.example.com", "TXT"): records}) as server:
        assert await resolve("/dnsaddr/example.com", server.config) == [f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}"]
        assert server.asked == [("_dnsaddr.example.com", "TXT")]


@pytest.mark.spec("ADDR-14")
async def test_links_to_links_and_names() -> None:
    zone = {
        ("_dnsaddr.example.com", "TXT"): links(
            f"/dnsaddr/a.example.com/p2p/{PEER}", f"/dnsaddr/b.example.com/p2p/{OTHER}"
        ),
        ("_dnsaddr.a.example.com", "TXT"): links(
            f"/dns/example.com/tcp/1/p2p/{PEER}", f"/ip4/192.0.2.9/tcp/9/p2p/{OTHER}"
        ),
        **HOST,
    }
    async with name_server(zone) as server:
        assert await resolve(f"/dnsaddr/example.com/p2p/{PEER}", server.config) == [
            f"/ip6/2001:db8::1/tcp/1/p2p/{PEER}",
            f"/ip4/192.0.2.0/tcp/1/p2p/{PEER}",
        ]
        assert ("_dnsaddr.b.example.com", "TXT") not in server.asked


@pytest.mark.spec("ADDR-14")
async def test_the_strings_of_a_record_are_joined() -> None:
    record = f'"dnsaddr=/ip4/192.0.2.1" "/tcp/1" "/p2p/{PEER}"'
    async with name_server({("_dnsaddr.example.com", "TXT"): [record]}) as server:
        assert await resolve("/dnsaddr/example.com", server.config) == [f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}"]


async def test_a_long_answer_comes_over_tcp() -> None:
    found = [f"/ip4/192.0.2.{n}/tcp/1/p2p/{PEER}" for n in range(50)]
    async with name_server({("_dnsaddr.example.com", "TXT"): links(*found)}) as server:
        assert sorted(await resolve("/dnsaddr/example.com", server.config)) == sorted(found)
        assert server.over_tcp == ["_dnsaddr.example.com"]


@pytest.mark.parametrize("name", ["nowhere.example.com", "a" * 64 + ".com", "a..b", "..", "ü" * 100 + ".com"])
async def test_what_does_not_resolve_says_so(name: str) -> None:
    async with name_server(HOST) as server:
        for kind in ("dns", "dns4", "dns6", "dnsaddr"):
            with pytest.raises(Unreachable, match="does not resolve: ."):
                await resolve(f"/{kind}/{name}/tcp/1", server.config)


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 64 + ".com", "a..b", "..", "ü" * 100 + ".com"])
async def test_what_the_system_does_not_know_says_so(name: str) -> None:
    with pytest.raises(Unreachable, match="does not resolve: ."):
        await resolve(f"/dns4/{name}/tcp/1")


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    zone = {("_dnsaddr.example.com", "TXT"): links("/dns/example.com/tcp/1", "/dns/silent.example.com/tcp/1"), **HOST}
    async with name_server(zone, silent=["silent.example.com", "_dnsaddr.silent.example.com"]) as server:
        config = ResolverConfig(server.config.name_servers, server.config.port, timeout_s=0.3)
        for kind in ("dns4", "dnsaddr"):
            with pytest.raises(TimeoutExpired, match=r"silent\.example\.com does not resolve: no answer within 0\.3 s"):
                await resolve(f"/{kind}/silent.example.com", config)
        assert await resolve("/dnsaddr/example.com", config) == ["/ip6/2001:db8::1/tcp/1", "/ip4/192.0.2.0/tcp/1"]


async def test_whose_servers_cannot_be_found_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import dns.resolver

    def no_settings(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", no_settings)
    with pytest.raises(Unreachable, match=r"_dnsaddr\.example\.com does not resolve: .*configuration"):
        await resolve("/dnsaddr/example.com")


def test_name_servers_are_ip_addresses() -> None:
    with pytest.raises(ConfigError, match=r"'dns\.example\.com' is not an IP address"):
        ResolverConfig(["dns.example.com"])


async def test_the_library_is_loaded_for_servers_only() -> None:
    script = (
        "import asyncio, sys; from aiolibp2p import Host, Multiaddr; from aiolibp2p.swarm.resolver import Resolver;"
        "asyncio.run(Resolver().resolve(Multiaddr('/dns4/localhost/tcp/1'))); assert 'dns' not in sys.modules"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    assert await process.wait() == 0


async def test_servers_over_ip6_and_servers_that_are_gone() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as unused:
        unused.bind(("::1", 0))
        closed = ResolverConfig(["::1"], unused.getsockname()[1], timeout_s=0.3)
    with pytest.raises((Unreachable, TimeoutExpired), match=r"example\.com does not resolve: "):
        await resolve("/dns4/example.com", closed)
    async with name_server(HOST, address="::1") as server:
        assert await resolve("/dns4/example.com/tcp/1", server.config) == ["/ip4/192.0.2.0/tcp/1"]
