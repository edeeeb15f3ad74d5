"""Real sockets keep the contract, over both families."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiolibp2p.io.udp_sockets import UdpSockets
from aiolibp2p.multiformats.multiaddr import Multiaddr
from support.datagram_suite import DatagramSuite, Hosts


class TestUdpSockets(DatagramSuite):
    @pytest.fixture(params=["/ip4/127.0.0.1/udp/0", "/ip6/::1/udp/0"])
    async def hosts(self, request: pytest.FixtureRequest) -> AsyncIterator[Hosts]:
        hosts = Hosts(UdpSockets(), UdpSockets(), Multiaddr(request.param), UdpSockets())
        yield hosts
        hosts.close()
