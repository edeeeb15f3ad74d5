"""What every implementation of `abc.layers.datagrams` must do, as tests over two hosts' sockets that can reach another.

Subclass it, and override the fixture `hosts`.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from aiolibp2p.abc.layers.datagrams import (
    DTLS,
    QUIC,
    STUN,
    Datagram,
    DatagramClaim,
    DatagramSocket,
    DatagramSockets,
    Endpoint,
    FirstBytes,
)
from aiolibp2p.errors import ConfigError, HostNotRunning, ListenFailed, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr

HELLO = b"\x40hello"
STUN_HELLO = b"\x01stun"
DTLS_HELLO = b"\x16dtls"


class Inbox:
    """A handler that keeps what it gets, and may do something about it."""

    def __init__(self, then: Callable[[DatagramSocket, Sequence[Datagram]], None] | None = None) -> None:
        self.batches: list[list[Datagram]] = []
        self._then = then
        self._changed = asyncio.Event()

    def datagrams_received(self, socket: DatagramSocket, datagrams: Sequence[Datagram]) -> None:
        assert datagrams
        self.batches.append(list(datagrams))
        self._changed.set()
        if self._then is not None:
            self._then(socket, datagrams)

    @property
    def came(self) -> list[bytes]:
        return [data for batch in self.batches for data, _remote in batch]

    async def got(self, count: int) -> list[bytes]:
        """Wait until `count` datagrams have come; return their bytes."""
        async with asyncio.timeout(5):
            while len(self.came) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.came

    @property
    def remote(self) -> Endpoint:
        """Where the last one came from."""
        return self.batches[-1][-1][1]


@dataclass
class Hosts:
    """Two hosts' sockets; the server's address has port 0."""

    server: DatagramSockets
    client: DatagramSockets
    address: Multiaddr
    second_server: DatagramSockets
    """More sockets on the server's machine."""
    errors: list[dict[str, Any]] = field(default_factory=list)

    async def listen(self, takes: FirstBytes = QUIC) -> tuple[Inbox, DatagramClaim]:
        inbox = Inbox()
        return inbox, await self.server.bind(self.address, inbox, takes)

    def dial(self, claim: DatagramClaim, takes: FirstBytes = QUIC) -> tuple[Inbox, DatagramClaim, Endpoint]:
        """A claim of the client's, and the server's endpoint as its socket names it."""
        inbox = Inbox()
        address = claim.socket.local_address
        socket = self.client.for_dial(address, takes)
        return inbox, socket.claim(inbox, takes), socket.endpoint(address)

    def close(self) -> None:
        for one in (self.client, self.server, self.second_server):
            one.close()


class SharingSuite:
    """Tests of sending, and of handlers that share a port."""

    @pytest.fixture
    async def hosts(self) -> Hosts:
        raise NotImplementedError

    # Sending

    async def test_a_datagram_comes_with_where_it_came_from_and_can_be_answered(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        client, dialling, remote = hosts.dial(listening)
        dialling.socket.send(HELLO, remote)
        assert await server.got(1) == [HELLO]
        listening.socket.send_batch([b"\x41one", b"\x42two"], server.remote)
        assert await client.got(2) == [b"\x41one", b"\x42two"]
        assert client.remote[:2] == remote[:2]
        address = listening.socket.address(server.remote)
        assert address.protocols() == (listening.socket.local_address.protocols())
        assert address.port == dialling.socket.local_address.port

    async def test_what_comes_together_is_one_batch(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        _client, dialling, remote = hosts.dial(listening)
        sent = [bytes([64 + n]) * (n + 1) for n in range(20)]
        for one in sent:
            dialling.socket.send(one, remote)
        assert await server.got(20) == sent
        assert len(server.batches) == 1

    async def test_a_batch_is_bounded(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        _client, dialling, remote = hosts.dial(listening)
        sent = [b"\x40" + n.to_bytes(2, "big") for n in range(300)]
        for one in sent:
            dialling.socket.send(one, remote)
        assert await server.got(300) == sent
        assert max(map(len, server.batches)) <= 128

    async def test_a_buffer_may_be_used_again(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        _client, dialling, remote = hosts.dial(listening)
        buffer = bytearray(HELLO)
        dialling.socket.send(memoryview(buffer), remote)
        buffer[1:] = b"adieu"
        dialling.socket.send(buffer, remote)
        buffer[:] = bytes(len(buffer))
        assert await server.got(2) == [HELLO, b"\x40adieu"]

    async def test_what_cannot_leave_is_counted_and_raises_nothing(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        _client, dialling, remote = hosts.dial(listening)
        dialling.socket.send(b"\x40" * 66_000, remote)
        dialling.socket.send_batch([b"\x40" * 66_000] * 2, remote)
        assert hosts.client.statistics().send_errors == 3
        dialling.socket.send(HELLO, remote)
        assert await server.got(1) == [HELLO]

    async def test_counts(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        _client, dialling, remote = hosts.dial(listening)
        dialling.socket.send_batch([HELLO] * 3, remote)
        await server.got(3)
        sent, received = hosts.client.statistics(), hosts.server.statistics()
        assert (sent.sockets, sent.sent_datagrams, sent.sent_bytes) == (1, 3, 3 * len(HELLO))
        assert (received.received_datagrams, received.received_bytes) == (3, 3 * len(HELLO))
        assert 1 <= received.reads <= 3
        dialling.close()
        assert hosts.client.statistics().sent_datagrams == 3
        assert hosts.client.statistics().sockets == 0

    # First bytes

    async def test_handlers_share_a_port_by_first_bytes(self, hosts: Hosts) -> None:
        quic, listening = await hosts.listen()
        webrtc = Inbox()
        second = await hosts.server.bind(listening.socket.local_address, webrtc, [STUN, DTLS])
        assert second.socket is listening.socket
        assert [second.socket.claimed_by(value) for value in (0, 3, 4, 20, 63, 64, 255)] == [
            *[webrtc, webrtc, None, webrtc, webrtc],
            *[quic, quic],
        ]
        _client, dialling, remote = hosts.dial(listening)
        for one in (STUN_HELLO, HELLO, DTLS_HELLO, b"\xff"):
            dialling.socket.send(one, remote)
        assert await quic.got(2) == [HELLO, b"\xff"]
        assert await webrtc.got(2) == [STUN_HELLO, DTLS_HELLO]

    async def test_what_nobody_claimed_is_dropped_and_counted(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        _client, dialling, remote = hosts.dial(listening)
        for one in (STUN_HELLO, b"", DTLS_HELLO, HELLO):
            dialling.socket.send(one, remote)
        assert await server.got(1) == [HELLO]
        assert hosts.server.statistics().unclaimed_datagrams == 3

    async def test_first_bytes_are_claimed_once(self, hosts: Hosts) -> None:
        _quic, listening = await hosts.listen()
        with pytest.raises(ConfigError, match="byte 200 already go to Inbox"):
            await hosts.server.bind(listening.socket.local_address, Inbox(), [STUN, range(200, 201)])
        with pytest.raises(ConfigError):
            listening.socket.claim(Inbox(), QUIC)
        assert listening.socket.claimed_by(0) is None
        assert hosts.server.statistics().sockets == 1

    @pytest.mark.parametrize("takes", [range(0), [], range(256, 257), range(-1, 3), [STUN, range(3, 5)]])
    async def test_what_are_no_first_bytes_is_refused_before_anything_is_bound(
        self, hosts: Hosts, takes: FirstBytes
    ) -> None:
        with pytest.raises(ConfigError, match="first bytes"):
            await hosts.server.bind(hosts.address, Inbox(), takes)
        assert hosts.server.statistics().sockets == 0

    async def test_a_handler_may_hold_what_it_has_twice(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        again = await hosts.server.bind(listening.socket.local_address, server, QUIC)
        listening.close()
        listening.close()
        _client, dialling, remote = hosts.dial(again)
        dialling.socket.send(HELLO, remote)
        assert await server.got(1) == [HELLO]
        again.close()
        assert hosts.server.statistics().sockets == 0

    # Handlers

    async def test_a_handler_that_raises_harms_no_other(self, hosts: Hosts, caplog: pytest.LogCaptureFixture) -> None:
        def fail(socket: DatagramSocket, datagrams: Sequence[Datagram]) -> None:
            raise LookupError("on purpose")

        bad = Inbox(fail)
        listening = await hosts.server.bind(hosts.address, bad, STUN)
        good = Inbox()
        await hosts.server.bind(listening.socket.local_address, good, QUIC)
        _client, dialling, remote = hosts.dial(listening)
        for _ in range(2):
            dialling.socket.send(STUN_HELLO, remote)
            dialling.socket.send(HELLO, remote)
            await bad.got(1)
        assert await good.got(2) == [HELLO] * 2
        assert [record.message for record in caplog.records] == [f"{bad} told of datagrams failed"] * len(bad.batches)

    async def test_handlers_may_end_one_another_while_they_are_fed(self, hosts: Hosts) -> None:
        claims: list[DatagramClaim] = []

        def end_all(socket: DatagramSocket, datagrams: Sequence[Datagram]) -> None:
            for claim in claims:
                claim.close()

        first = Inbox(end_all)
        second = Inbox()
        claims.append(await hosts.server.bind(hosts.address, first, STUN))
        claims.append(await hosts.server.bind(claims[0].socket.local_address, second, QUIC))
        _client, dialling, remote = hosts.dial(claims[0])
        dialling.socket.send(STUN_HELLO, remote)
        dialling.socket.send(HELLO, remote)
        await first.got(1)
        assert second.came == []
        assert hosts.server.statistics().sockets == 0


class DatagramSuite(SharingSuite):
    """All tests of datagram sockets: those of sharing, and of binding, dialling and ending."""

    # Binding

    async def test_a_port_is_picked_and_can_be_shared(self, hosts: Hosts) -> None:
        _inbox, listening = await hosts.listen()
        _other, second = await hosts.listen()
        assert listening.socket.local_address.port
        assert second.socket is not listening.socket
        assert second.socket.local_address.port != listening.socket.local_address.port
        assert str(listening.socket.local_address).startswith(str(hosts.address).rpartition("/")[0])

    async def test_what_is_behind_the_port_does_not_matter(self, hosts: Hosts) -> None:
        claim = await hosts.server.bind(hosts.address.encapsulate("/quic-v1"), Inbox(), QUIC)
        assert claim.socket.local_address.protocols() == hosts.address.protocols()

    async def test_a_port_that_is_taken(self, hosts: Hosts) -> None:
        _inbox, listening = await hosts.listen()
        address = listening.socket.local_address
        with pytest.raises(ListenFailed, match=f"cannot listen on {address}: address already in use"):
            await hosts.second_server.bind(address, Inbox(), QUIC)
        listening.close()
        claim = await hosts.second_server.bind(address, Inbox(), QUIC)
        assert claim.socket.local_address == address

    @pytest.mark.parametrize("text", ["/ip4/127.0.0.1/tcp/1", "/dns4/localhost/udp/1", "/ip4/127.0.0.1", "/udp/1"])
    async def test_an_address_of_another_kind(self, hosts: Hosts, text: str) -> None:
        with pytest.raises(UnsupportedAddress, match=text):
            await hosts.server.bind(Multiaddr(text), Inbox(), QUIC)
        with pytest.raises(UnsupportedAddress, match=text):
            hosts.client.for_dial(Multiaddr(text), QUIC)

    # Dialling

    async def test_dialling_goes_out_from_the_port_that_listens(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        wildcard = "/ip6/::/udp/0" if "ip6" in hosts.address.protocols() else "/ip4/0.0.0.0/udp/0"
        inbox = Inbox()
        ours = await hosts.client.bind(Multiaddr(wildcard), inbox, QUIC)
        assert ours.socket.is_listening
        socket = hosts.client.for_dial(listening.socket.local_address, QUIC)
        assert socket is ours.socket
        assert socket.claimed_by(64) is inbox
        socket.send(HELLO, socket.endpoint(listening.socket.local_address))
        await server.got(1)
        assert server.remote[1] == ours.socket.local_address.port

    async def test_of_those_that_listen_the_dialers_own_comes_first(self, hosts: Hosts) -> None:
        _server, there = await hosts.listen()
        stun = await hosts.server.bind(hosts.address, Inbox(), STUN)
        quic = await hosts.server.bind(hosts.address, Inbox(), [range(64, 128), range(128, 256)])
        address = there.socket.local_address
        assert hosts.server.for_dial(address, [STUN]) is stun.socket
        assert hosts.server.for_dial(address, range(64, 128)) is there.socket
        there.close()
        assert hosts.server.for_dial(address, QUIC) is quic.socket
        assert hosts.server.for_dial(address, DTLS) is stun.socket

    async def test_without_one_that_listens_dialers_share_one(self, hosts: Hosts) -> None:
        _server, listening = await hosts.listen()
        _inbox, dialling, _remote = hosts.dial(listening)
        assert not dialling.socket.is_listening
        _other, second, _remote = hosts.dial(listening, STUN)
        assert second.socket is dialling.socket
        dialling.close()
        assert hosts.client.for_dial(listening.socket.local_address, QUIC) is second.socket
        second.close()
        assert hosts.client.statistics().sockets == 0
        assert hosts.client.for_dial(listening.socket.local_address, QUIC) is not second.socket

    async def test_a_dialer_keeps_a_port_open_that_listens_no_more(self, hosts: Hosts) -> None:
        _server, there = await hosts.listen()
        _inbox, dialling, _remote = hosts.dial(there)
        mine = await hosts.server.bind(hosts.address, Inbox(), QUIC)
        there.close()
        held = hosts.server.for_dial(dialling.socket.local_address, QUIC).claim(Inbox(), STUN)
        assert held.socket is mine.socket
        mine.close()
        assert not held.socket.is_listening
        assert hosts.server.statistics().sockets == 1
        again = await hosts.server.bind(held.socket.local_address, Inbox(), QUIC)
        assert again.socket is held.socket

    # Ends

    async def test_a_socket_is_closed_with_its_last_hold(self, hosts: Hosts) -> None:
        _inbox, listening = await hosts.listen()
        second = listening.socket.claim(Inbox(), STUN)
        listening.close()
        assert listening.socket.claimed_by(64) is None
        assert hosts.server.statistics().sockets == 1
        second.close()
        assert hosts.server.statistics().sockets == 0
        with pytest.raises(HostNotRunning):
            listening.socket.claim(Inbox(), STUN)

    async def test_closing_them_all(self, hosts: Hosts) -> None:
        server, listening = await hosts.listen()
        _client, dialling, remote = hosts.dial(listening)
        dialling.socket.send(HELLO, remote)
        hosts.server.close()
        hosts.server.close()
        assert hosts.server.statistics().sockets == 0
        with pytest.raises(HostNotRunning):
            await hosts.listen()
        with pytest.raises(HostNotRunning):
            hosts.server.for_dial(hosts.address, QUIC)
        listening.socket.send(HELLO, listening.socket.endpoint(dialling.socket.local_address))
        listening.close()
        assert server.came == []

    async def test_a_closed_socket_and_its_handler_are_freed_at_once(self, hosts: Hosts) -> None:
        inbox, listening = await hosts.listen()
        _client, dialling, remote = hosts.dial(listening)
        dialling.socket.send(HELLO, remote)
        await inbox.got(1)
        gone: list[Callable[[], object]] = [weakref.ref(inbox), weakref.ref(listening.socket)]
        gc.collect()
        gc.disable()
        try:
            listening.close()
            del inbox, listening
            await asyncio.sleep(0)
            assert [one() for one in gone] == [None, None]
        finally:
            gc.enable()
