"""The suite for services, over each of ours."""

from __future__ import annotations

from aiolibp2p import Host, PeerId, Service
from aiolibp2p.protocols.fetch import Fetch
from aiolibp2p.protocols.identify import Identify
from aiolibp2p.protocols.observed_addresses import ObservedAddresses
from aiolibp2p.protocols.perf import Perf
from aiolibp2p.protocols.ping import Ping
from aiolibp2p.testing.service_suite import ServiceSuite


class TestPing(ServiceSuite):
    def service(self) -> Service:
        return Ping()

    async def use(self, host: Host, peer: PeerId) -> None:
        assert 0 < await host.service(Ping).ping(peer) < 1


class TestIdentify(ServiceSuite):
    def service(self) -> Service:
        return Identify()

    async def use(self, host: Host, peer: PeerId) -> None:
        assert (await host.service(Identify).identify(peer)).peer_id == peer


class TestObservedAddresses(ServiceSuite):
    """Observed addresses have no method to call: they are learned when a peer is identified."""

    def service(self) -> Service:
        return ObservedAddresses()

    async def use(self, host: Host, peer: PeerId) -> None:
        await host.identify(peer)
        host.service(ObservedAddresses).own_addresses([])


class TestPerf(ServiceSuite):
    def service(self) -> Service:
        return Perf()

    async def use(self, host: Host, peer: PeerId) -> None:
        result = await host.service(Perf).measure(peer, 100_000, 200_000)
        assert (result.uploaded_bytes, result.downloaded_bytes) == (100_000, 200_000)


async def own_key(key: bytes, peer: PeerId) -> bytes | None:
    """Answer each key by itself."""
    return key


class TestFetch(ServiceSuite):
    def service(self) -> Service:
        fetch = Fetch()
        fetch.register("", own_key)
        return fetch

    async def use(self, host: Host, peer: PeerId) -> None:
        assert await host.service(Fetch).fetch(peer, "key") == b"key"
