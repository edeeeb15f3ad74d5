"""A transport over datagrams, for tests: what QUIC and its like need of the contracts, without their cryptography.

It is written against `abc.layers` alone. Keys are believed, not proven.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiolibp2p.abc.layers.admission import Admission
from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.datagrams import DatagramClaim, DatagramSocket, DatagramSockets, Endpoint
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSession
from aiolibp2p.abc.layers.transport import DialRequest, Listener, Transport
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import ConnectionLost, ListenFailed, PeerIdMismatch, TimeoutExpired, UnsupportedAddress
from aiolibp2p.io.deadline_timer import DeadlineTimer
from aiolibp2p.io.runtime import SystemRuntime
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from support.datagram_carrier.endpoint import DatagramEndpoint, DatagramLink
from support.datagram_carrier.packets import ACK, CONNECTION_ID_BYTES, FIRST_BYTES, Packet

PROTOCOL_ID = "/datagrams/1.0.0"
"""Stands for the security and the muxer, which are one thing here."""

HANDSHAKE_TIMEOUT_S = 10.0
"""The seconds from a dial's first packet until the connection stands: as many as the swarm gives an upgrade. It
keeps no time for a transport that shakes hands itself, beyond that of whoever waits for the dial."""

PUNCH_EVERY_S = 0.2
"""The seconds between two packets of a dialler that has to be the responder, which open its own gateway for the peer's:
a gateway may drop the first, and a round trip is shorter than this on most paths."""


class DatagramCarrier(Carrier):
    """One connection, as the swarm sees it."""

    security = muxer = PROTOCOL_ID
    early_muxer = True

    def __init__(self, link: DatagramLink, scope: ConnectionScope) -> None:
        key = link.connection.remote_key
        assert key is not None
        self.local_address = link.socket.local_address
        self.remote_address = link.socket.address(link.remote)
        self.remote_key = key
        self.remote_peer = key.peer_id
        self.flow = link.end
        self.scope = scope
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._timer: DeadlineTimer | None = None
        self._on_lost: Callable[[BaseException], None] | None = None

    @property
    def rtt(self) -> float | None:
        return self._link.connection.rtt

    def start(self, acceptor: StreamAcceptor, on_lost: Callable[[BaseException], None]) -> StreamSession:
        session = self._link.connection.start(acceptor, self._timeout_changed)
        self._timer = DeadlineTimer(session, self._loop.time, self.abort)
        self._on_lost = on_lost
        self._link.end.tell(self._lost)
        return session

    def _timeout_changed(self) -> None:
        if self._timer is not None:
            self._timer.changed()

    def open(self) -> None:
        if self._timer is not None:
            self._timer.start()
        self._link.open()

    def close(self, reason: str) -> None:
        self._link.close(reason)

    def abort(self, error: BaseException) -> None:
        self._link.abort(error)

    def _lost(self, reason: BaseException) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost(reason)


class DatagramListener(Listener):
    """A hold on a socket. Connections that came in there have their own."""

    def __init__(self, claim: DatagramClaim, admissions: dict[DatagramSocket, Admission]) -> None:
        self.addresses: Sequence[Multiaddr] = [claim.socket.local_address]
        self._claim = claim
        self._admissions = admissions

    async def close(self) -> None:
        self._admissions.pop(self._claim.socket, None)
        self._claim.close()


class DatagramTransport(Transport):
    """Implements `abc.layers.transport.Transport` for /ip4 or /ip6, then /udp, then nothing.

    It closes no sockets: each listener and each connection holds the one it uses, and the last one lets it go.
    """

    name = "datagram"
    secures = True

    def __init__(self, key: PrivateKey, sockets: DatagramSockets, runtime: Runtime | None = None) -> None:
        self._key = key.public_key
        self._sockets = sockets
        self._entropy = (runtime or SystemRuntime()).entropy
        self._admissions: dict[DatagramSocket, Admission] = {}
        """Admissions to ask about strangers, by the socket they come to."""
        self._expected: dict[Endpoint, asyncio.Future[DatagramLink]] = {}
        """Endpoints that are awaited, each by a dial of ours that has to be the responder."""
        self._made: DatagramEndpoint | None = None

    @property
    def _endpoint(self) -> DatagramEndpoint:
        """Made when it is first needed: a host may be put together before its loop runs."""
        if self._made is None:
            self._made = DatagramEndpoint(self._key, self._entropy, self._admits)
        return self._made

    def __len__(self) -> int:
        """Connections that are alive, half open ones included."""
        return 0 if self._made is None else len(self._made)

    def can_dial(self, address: Multiaddr) -> bool:
        names = [name for name in address.protocols() if name != "ip6zone"]
        return len(names) == 2 and names[0] in ("ip4", "ip6") and names[1] == "udp"

    def can_listen(self, address: Multiaddr) -> bool:
        return self.can_dial(address)

    # Dialling

    async def dial(self, address: Multiaddr, request: DialRequest, scope: ConnectionScope) -> DatagramCarrier:
        """Connect. Raises Unreachable, TimeoutExpired, PeerIdMismatch, ConnectionLost, UnsupportedAddress."""
        self._require_ours(address)
        socket = self._sockets.for_dial(address, FIRST_BYTES)
        remote = socket.endpoint(address)
        connect = self._endpoint.dial if request.role is Role.INITIATOR else self._await_dial
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                link = await connect(socket, remote)
        except TimeoutError as error:
            raise TimeoutExpired(f"the connection was not set up within {HANDSHAKE_TIMEOUT_S:g} s") from error
        carrier = DatagramCarrier(link, scope)
        actual = carrier.remote_peer
        if request.peer is None or actual == request.peer:
            return carrier
        link.abort(ConnectionLost("another peer was expected here"))
        # Whoever keeps the error keeps this frame: it must not hold the connection.
        del carrier, link
        raise PeerIdMismatch(request.peer, actual)

    async def _await_dial(self, socket: DatagramSocket, remote: Endpoint) -> DatagramLink:
        """Have the peer dial us, and open the way for its packets through our gateway."""
        found: asyncio.Future[DatagramLink] = asyncio.get_running_loop().create_future()
        self._expected[remote] = found
        hold = socket.claim(self._endpoint, FIRST_BYTES)
        try:
            while not found.done():
                # It belongs to no connection, and the peer drops it, if it gets that far.
                socket.send(Packet(ACK, self._entropy(CONNECTION_ID_BYTES)).encode(), remote)
                await asyncio.wait([found], timeout=PUNCH_EVERY_S)
            return found.result()
        except asyncio.CancelledError:
            if found.done() and found.exception() is None:
                found.result().abort(ConnectionLost("the dial was given up"))
            raise
        finally:
            hold.close()
            if self._expected.get(remote) is found:
                del self._expected[remote]
            found.cancel()

    # Listening

    async def listen(self, address: Multiaddr, admission: Admission) -> DatagramListener:
        """Bind, and ask `admission` about whoever comes in. Raises ListenFailed."""
        self._require_ours(address)
        claim = await self._sockets.bind(address, self._endpoint, FIRST_BYTES)
        if claim.socket in self._admissions:
            claim.close()
            raise ListenFailed(f"cannot listen on {address}: this host listens there already")
        self._admissions[claim.socket] = admission
        return DatagramListener(claim, self._admissions)

    def _admits(self, link: DatagramLink) -> bool:
        """Whether a connection that a peer opens is answered."""
        found = self._expected.pop(link.remote, None)
        if found is not None:
            # Ours: it is counted on the scope of the dial, and needs no ticket.
            link.on_ready = lambda link, error: _settle(found, link, error)
            return True
        admission = self._admissions.get(link.socket)
        remote = link.socket.address(link.remote)
        ticket = None if admission is None else admission.admit(remote, uses_fd=False)
        if ticket is None:
            return False
        # Never `heard`: a first packet proves nothing, anybody can send it in another's name. With the second one
        # the connection stands.
        ticket.evict = link.abort
        link.on_ready = lambda link, error: ticket.settle(
            DatagramCarrier(link, ticket.scope) if error is None else error
        )
        return True

    def _require_ours(self, address: Multiaddr) -> None:
        if not self.can_dial(address):
            raise UnsupportedAddress(f"{address} is no address of datagrams")


def _settle(found: asyncio.Future[DatagramLink], link: DatagramLink, error: BaseException | None) -> None:
    """Hand a link to the dial that waits for it; one that nobody waits for any more ends."""
    if found.done():
        link.abort(ConnectionLost("the dial was given up"))
    elif error is None:
        found.set_result(link)
    else:
        found.set_exception(error)
