"""Two connected hosts that identify each other, and messages to send by hand."""

from __future__ import annotations

from typing import Any

from aiolibp2p.events import Event, PeerIdentified
from aiolibp2p.io.event_bus import Subscription
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_record import seal_peer_record
from aiolibp2p.protocols.identify import IDENTIFY_ID, PUSH_ID, Identify, IdentifyConfig
from aiolibp2p.protocols.identify.identify_pb2 import Identify as Message
from aiolibp2p.protocols.identify.messages import delimit
from protocols.fakes import FakeHost, FakeStream, join

KEYS = [PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in range(1, 5)]
CONFIG = IdentifyConfig(agent_version="ours/1", push_delay_s=0.001, timeout_s=5.0)
HERE, THERE = Multiaddr("/ip4/192.168.1.10/tcp/4001"), Multiaddr("/ip4/192.168.1.20/tcp/4001")
LINK_LOCAL = Multiaddr("/ip6/fe80::883:a581:fff1:833/tcp/9")
LAN, LOOPBACK, PUBLIC = (Multiaddr(f"/ip4/{ip}/tcp/9") for ip in ("192.168.1.20", "127.0.0.1", "203.0.113.20"))


class Pair:
    """Two connected hosts: `us`, with what is under test, and `them`."""

    def __init__(self, config: IdentifyConfig = CONFIG, **addresses: str) -> None:
        self.us, self.them = FakeHost(KEYS[0]), FakeHost(KEYS[1])
        self.us.addresses = [HERE.with_p2p(self.us.peer_id.to_bytes())]
        self.them.addresses = [THERE.with_p2p(self.them.peer_id.to_bytes())]
        self.identify = Identify(config)
        self.theirs = Identify(IdentifyConfig(agent_version="theirs/1", push_delay_s=0.001))
        self.connection = join(self.us, self.them, **addresses)
        self.seen: Subscription[Event] = self.us.bus.subscribe(PeerIdentified)

    async def start(self) -> Pair:
        for service, host in ((self.identify, self.us), (self.theirs, self.them)):
            host.live, connections = [], host.live
            await service.start(host.context)
            host.live = connections
        return self

    async def stop(self) -> None:
        await self.us.close()
        await self.them.close()

    async def identified(self) -> None:
        """Both know each other."""
        self.identify.connection_opened(self.connection)
        self.theirs.connection_opened(self.connection.other)
        await self.us.idle()

    async def push(self, *parts: bytes) -> FakeStream:
        return await self.push_raw(delimit(parts))

    async def push_raw(self, wire: bytes) -> FakeStream:
        stream = await self.them.new_stream_on(self.connection.other, PUSH_ID)
        await stream.write(wire)
        await stream.close_write()
        await self.us.idle()
        return stream

    def answer(self, **fields: Any) -> None:
        """Let the peers answer with a message of these fields from now on."""

        async def handler(stream: FakeStream) -> None:
            await stream.write(delimit([part(**fields)]))

        self.them.handlers[IDENTIFY_ID] = handler


def part(**fields: Any) -> bytes:
    return Message(**fields).SerializeToString()


def record(seq: int, *addresses: Multiaddr, key: PrivateKey = KEYS[1], legacy: bool = False) -> bytes:
    return seal_peer_record(key, seq, addresses, legacy=legacy).encode()
