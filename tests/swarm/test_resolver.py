"""Names in addresses, and wildcards."""

from __future__ import annotations

import asyncio
import socket

import pytest

from aiolibp2p.errors import Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.resolver import MAX_RESULTS, resolve

PEER = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"


def answer(monkeypatch: pytest.MonkeyPatch, *ips: str) -> list[object]:
    """Let every look-up find these; the families asked for."""
    families: list[object] = []

    async def getaddrinfo(host: str, port: object, **options: object) -> list[object]:
        families.append(options["family"])
        return [(0, 0, 0, "", (ip, 0)) for ip in ips]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
    return families


@pytest.mark.spec("ADDR-11", "ADDR-12")
async def test_only_the_name_changes() -> None:
    assert await resolve(Multiaddr("/dns4/localhost/tcp/42")) == [Multiaddr("/ip4/127.0.0.1/tcp/42")]
    assert Multiaddr("/ip4/127.0.0.1/tcp/42/ws") in await resolve(Multiaddr("/dns/localhost/tcp/42/ws"))
    (found,) = await resolve(Multiaddr(f"/dns4/localhost/tcp/42/p2p/{PEER}"))
    assert str(found) == f"/ip4/127.0.0.1/tcp/42/p2p/{PEER}"
    plain = Multiaddr("/ip4/127.0.0.1/tcp/42")
    assert await resolve(plain) == [plain]


@pytest.mark.spec("ADDR-11")
@pytest.mark.parametrize(
    ("name", "family"), [("dns", socket.AF_UNSPEC), ("dns4", socket.AF_INET), ("dns6", socket.AF_INET6)]
)
def test_each_name_asks_for_its_families_and_ip6_comes_first(
    name: str, family: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> None:
        families = answer(monkeypatch, "192.0.2.1", "2001:db8::1", "192.0.2.1")
        found = await resolve(Multiaddr(f"/{name}/example.com/tcp/1"))
        assert families == [family]
        assert list(map(str, found)) == ["/ip6/2001:db8::1/tcp/1", "/ip4/192.0.2.1/tcp/1"]

    asyncio.run(ask())


def test_a_name_yields_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        answer(monkeypatch, *(f"192.0.2.{n}" for n in range(100)))
        assert len(await resolve(Multiaddr("/dns/example.com/tcp/1"))) == MAX_RESULTS

    asyncio.run(ask())


async def test_what_does_not_resolve_says_so() -> None:
    with pytest.raises(Unreachable, match=r"nowhere\.invalid does not resolve"):
        await resolve(Multiaddr("/dns4/nowhere.invalid/tcp/1"))
    with pytest.raises(UnsupportedAddress):
        await resolve(Multiaddr("/dnsaddr/example.com"))
