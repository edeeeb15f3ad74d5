"""All connections of the test carrier on one socket: the asyncio side, one timer for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiolibp2p.abc.layers.datagrams import Datagram, DatagramClaim, DatagramHandler, DatagramSocket, Endpoint
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import ConnectionLost, Libp2pError, ProtocolViolation, fresh
from aiolibp2p.io.carrier_end import CarrierEnd, without_frames
from aiolibp2p.peer.keys import PublicKey
from support.datagram_carrier.connection import DatagramConnection
from support.datagram_carrier.packets import CONNECTION_ID_BYTES, DATA, FIRST_BYTES, Packet, decode

HIGH_WATER_BYTES = 64 * 1024
"""Unacknowledged bytes of a connection past which its streams wait, until half of them are left."""

MAX_PAST = 256
"""Connections that ended and are remembered, so that what comes late for them opens no new ones."""


class DatagramLink:
    """One connection with its place on the socket. `end` is the flow of its streams, and tells of its end.

    `on_ready` is told once: of None when the connection stands, or of what went wrong before. The link holds its
    socket open until it ends, whoever else gives it up.
    """

    def __init__(
        self,
        owner: DatagramEndpoint,
        socket: DatagramSocket,
        remote: Endpoint,
        connection: DatagramConnection,
    ) -> None:
        self.on_ready: Callable[[DatagramLink, BaseException | None], None] | None = None
        self.hold: DatagramClaim | None = None
        self.socket = socket
        self.remote = remote
        self.connection = connection
        self.end = CarrierEnd()
        self._owner = owner

    def open(self) -> None:
        """Deliver to the session from now on."""
        try:
            self.connection.open()
        except Libp2pError as error:
            self.fail(without_frames(error))

    def receive(self, packet: Packet) -> None:
        """A packet for this connection came."""
        try:
            self.connection.receive(packet)
        except ConnectionLost as error:
            self.abort(without_frames(error))
            return
        except Libp2pError as error:
            self.fail(without_frames(error))
            return
        if self.connection.stands and self.end.error is None:
            self._tell_ready(None)

    def flush(self) -> None:
        """Send what there is; end a close that waited for it."""
        try:
            packets = self.connection.packets_to_send()
        except Libp2pError as error:
            self.abort(without_frames(error))
            return
        if packets:
            self.socket.send_batch([packet.encode() for packet in packets], self.remote)
        waiting = self.connection.waiting_bytes
        if self.end.error is not None and not waiting:
            self._finish()
        elif waiting > HIGH_WATER_BYTES:
            self.end.pause_writing()
        elif self.end.full and waiting <= HIGH_WATER_BYTES // 2:
            self.end.resume_writing()

    def handle_timeout(self) -> None:
        """Repeat what is due."""
        try:
            self.connection.handle_timeout()
        except Libp2pError as error:
            self.abort(without_frames(error))

    # Ends

    def fail(self, error: BaseException) -> None:
        """End because of `error`, after what is pending was acknowledged, or a second."""
        if self.end.begin(error):
            self.flush()
            self.connection.let_go()
            self.end.close_soon(self._finish)

    def close(self, reason: str) -> None:
        """End in peace."""
        self.fail(ConnectionLost(reason))

    def abort(self, error: BaseException) -> None:
        """End at once."""
        self.end.begin(error)
        self._finish()

    def _finish(self) -> None:
        if self.end.is_lost:
            return
        self._owner.forget(self)
        self.socket.send(self.connection.farewell(str(self.end.error)).encode(), self.remote)
        hold, self.hold = self.hold, None
        if hold is not None:
            hold.close()
        self.end.lost(None)
        self.connection.let_go()
        self._tell_ready(self.end.error)

    def _tell_ready(self, error: BaseException | None) -> None:
        on_ready, self.on_ready = self.on_ready, None
        if on_ready is not None:
            on_ready(self, error)


class DatagramEndpoint(DatagramHandler):
    """The handler of one socket or several.

    `admits` is asked about each connection that a peer opens, before anything is answered; it sets `on_ready`.
    """

    def __init__(
        self, key: PublicKey, entropy: Callable[[int], bytes], admits: Callable[[DatagramLink], bool] | None = None
    ) -> None:
        self._key = key
        self._entropy = entropy
        self._admits = admits
        self._loop = asyncio.get_running_loop()
        self._links: dict[tuple[Endpoint, bytes], DatagramLink] = {}
        self._past: dict[tuple[Endpoint, bytes], None] = {}
        self._touched: dict[DatagramLink, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Connections that are alive."""
        return len(self._links)

    async def dial(self, socket: DatagramSocket, remote: Endpoint) -> DatagramLink:
        """Connect, from a socket on which this endpoint holds the first bytes. Raises ConnectionLost."""
        done: asyncio.Future[BaseException | None] = self._loop.create_future()

        def ready(link: DatagramLink, error: BaseException | None) -> None:
            if not done.done():
                done.set_result(error)

        link = self._make(Role.INITIATOR, socket, remote, self._entropy(CONNECTION_ID_BYTES))
        link.on_ready = ready
        self._add(link)
        link.flush()
        self._arm()
        try:
            error = await done
        except asyncio.CancelledError:
            link.abort(ConnectionLost("the dial was given up"))
            raise
        if error is not None:
            raise fresh(error)  # what the link keeps must not lead back to it
        return link

    def datagrams_received(self, socket: DatagramSocket, datagrams: Sequence[Datagram]) -> None:
        for data, remote in datagrams:
            try:
                packet = decode(data)
            except ProtocolViolation:
                continue
            link = self._links.get((remote, packet.connection_id)) or self._accept(socket, remote, packet)
            if link is not None:
                self._touched[link] = None
                link.receive(packet)
        self._flush()

    def _accept(self, socket: DatagramSocket, remote: Endpoint, packet: Packet) -> DatagramLink | None:
        """A peer's first packet opens a connection; with nobody to accept it, nothing does."""
        is_first = packet.kind == DATA and packet.seq == 0
        if self._admits is None or not is_first or (remote, packet.connection_id) in self._past:
            return None
        link = self._make(Role.RESPONDER, socket, remote, packet.connection_id)
        if not self._admits(link):
            link.connection.let_go()
            return None
        self._add(link)
        return link

    def _make(self, role: Role, socket: DatagramSocket, remote: Endpoint, connection_id: bytes) -> DatagramLink:
        def touch() -> None:
            self._touch(link)

        connection = DatagramConnection(role, self._key, connection_id, self._loop.time, touch)
        link = DatagramLink(self, socket, remote, connection)
        return link

    def _add(self, link: DatagramLink) -> None:
        link.hold = link.socket.claim(self, FIRST_BYTES)
        self._links[link.remote, link.connection.connection_id] = link

    def forget(self, link: DatagramLink) -> None:
        """Forget a connection that has ended."""
        key = link.remote, link.connection.connection_id
        self._links.pop(key, None)
        self._touched.pop(link, None)
        self._past[key] = None
        if len(self._past) > MAX_PAST:
            del self._past[next(iter(self._past))]

    def _touch(self, link: DatagramLink) -> None:
        if not self._touched:
            self._loop.call_soon(self._flush)
        self._touched[link] = None

    def _flush(self) -> None:
        touched, self._touched = self._touched, {}
        for link in touched:
            if not link.end.is_lost:
                link.flush()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        dues = [due for link in self._links.values() if (due := link.connection.next_timeout()) is not None]
        self._timer = self._loop.call_at(min(dues), self._handle_timeout) if dues else None

    def _handle_timeout(self) -> None:
        for link in list(self._links.values()):
            link.handle_timeout()
            if not link.end.is_lost:
                link.flush()
        self._arm()

    def close(self) -> None:
        """End all connections at once."""
        for link in list(self._links.values()):
            link.abort(ConnectionLost("closed on our side"))
        self._arm()
