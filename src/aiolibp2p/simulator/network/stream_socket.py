"""Stream sockets of the simulated network, which behave much as TCP's: reliable, in order, slow start, windows."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from aiolibp2p.simulator.network.incoming import Incoming
from aiolibp2p.simulator.network.outgoing import Outgoing
from aiolibp2p.simulator.network.packet import Endpoint, Packet, Payload

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.interface import Interface

SEGMENT_BYTES = 16 * 1024
"""The longest segment, in bytes: ten of a wire's, as a kernel with segmentation offload sends them."""
HIGH_WATER_BYTES = 64 * 1024
"""The unsent bytes past which writing pauses, as in asyncio's transports."""
KNOCK_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""The seconds between attempts to connect, doubled each time as Linux does."""


class SocketReceiver(Protocol):
    """The owner of a socket, who takes what it receives. `connection_lost` comes once, last."""

    def segment_received(self, payload: Payload) -> None:
        """Take a payload as it was sent, or a part of the bytes that were."""
        ...

    def eof_received(self) -> None:
        """Hear that the other side has closed."""
        ...

    def connection_lost(self, error: OSError | None) -> None:
        """Hear that the connection is over, and why."""
        ...

    def pause_writing(self) -> None:
        """Hear that more is unsent than the high water mark."""
        ...

    def resume_writing(self) -> None:
        """Hear that the unsent bytes are few again."""
        ...


class Knocks:
    """Sends the first packet of one end until it is answered, and measures the round trip that takes."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, send: Callable[[str], None], given_up: Callable[[], None]
    ) -> None:
        self.count = 0
        self._loop = loop
        self._send = send
        self._given_up = given_up
        self._timer: asyncio.TimerHandle | None = None
        self._last_s = 0.0

    def knock(self, kind: str) -> None:
        """Send a packet of this kind, now and again until `stop`; one that answers is given up in the end."""
        self._last_s = self._loop.time()
        self._send(kind)
        if self.count < len(KNOCK_AGAIN_S):
            self._timer = self._loop.call_later(KNOCK_AGAIN_S[self.count], self.knock, kind)
            self.count += 1
        elif kind == "syn-ack":
            self._given_up()

    def round_trip(self) -> float | None:
        """Return the seconds since the only knock; None after several, since nobody knows which was answered."""
        return self._loop.time() - self._last_s if self.count == 1 else None

    def stop(self) -> None:
        """Knock no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class StreamSocket:
    """One end of a stream; `Interface.connect` makes it, or the accepting side is handed it."""

    def __init__(
        self,
        interface: Interface,
        local_port: int,
        remote: Endpoint,
        accepted: Callable[[StreamSocket], None] | None = None,
    ) -> None:
        self.local: Endpoint = (interface.ip, local_port)
        self.remote = remote
        self.is_established = False
        self.is_closing = False
        """Whether the socket is closed: what is left to send still leaves, and nothing is received any more."""
        self.is_waiting = False
        """Whether somebody waits for bytes to leave."""
        self.outgoing = Outgoing(self, interface)
        self._incoming = Incoming(interface)
        self._interface = interface
        self._loop = interface.network.loop
        self._accepted = accepted
        self._connected: asyncio.Future[StreamSocket] | None = None
        self._peer: StreamSocket | None = None
        self._knocks = Knocks(self._loop, self._control, self.vanish)
        self._receiver: SocketReceiver | None = None
        self._high_water = HIGH_WATER_BYTES
        self._is_paused = False
        self._is_gone = False
        self._is_silent = False
        self._is_told = False
        self._error: OSError | None = None

    # The handshake

    async def connect(self) -> StreamSocket:
        """Begin to connect; the interface calls it once."""
        self._connected = self._loop.create_future()
        self._knocks.knock("syn")
        try:
            return await self._connected
        except asyncio.CancelledError:
            self.vanish()
            raise

    def _control(self, kind: str) -> None:
        self._interface.network.send(Packet(kind, self.local, self.remote, 0, self._interface, self))

    def _establish(self) -> None:
        self.is_established = True
        self._knocks.stop()
        if (round_trip := self._knocks.round_trip()) is not None:
            self.outgoing.measured(round_trip)
        connected, accepted, self._accepted = self._connected, self._accepted, None
        if connected is not None and not connected.done():
            connected.set_result(self)
        if accepted is not None:
            accepted(self)

    def receive(self, packet: Packet) -> bool:
        """Take a packet. Return False when it is not for this connection but for a new one in its place."""
        kind = packet.kind
        if kind in ("data", "fin"):
            if self._peer is not None and packet.socket is not self._peer:
                return False
            self._receive_segment(packet)
        elif kind == "rst":
            self._receive_reset(packet)
        elif self._peer is not None and packet.socket is not self._peer:
            self.fail(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
            return False
        else:
            self._receive_handshake(kind, packet)
        return True

    def _receive_handshake(self, kind: str, packet: Packet) -> None:
        self._peer = packet.socket
        if kind == "syn" and self._accepted is not None and not self._knocks.count:
            self._knocks.knock("syn-ack")
        elif kind == "syn":
            self._control("syn-ack")
        elif not self.is_established:
            if kind == "syn-ack":
                self._control("ack")
            self._establish()
        elif kind == "syn-ack" and not self.is_closing:
            self._control("ack")

    def _receive_segment(self, packet: Packet) -> None:
        if not self.is_established:
            self._peer = packet.socket
            self._establish()
        self._incoming.receive(packet)

    def _receive_reset(self, packet: Packet) -> None:
        if self._connected is not None and not self._connected.done():
            self._leave()
            self._connected.set_exception(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
        elif not self.is_established:
            self.vanish()
        else:
            self.fail(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))

    # What its owner calls

    def start(self, receiver: SocketReceiver) -> None:
        """Deliver to `receiver` from now on. What came before follows after this call."""
        self._receiver = receiver
        self._loop.call_soon(self._catch_up)

    def _catch_up(self) -> None:
        if self.is_closing or self._receiver is None:
            return
        self._incoming.receiver = self._receiver
        self._incoming.release()
        if self._is_gone and not self._is_silent:
            self._tell_lost()

    def send(self, payload: Payload, size: int) -> None:
        """Send without waiting.

        Bytes are cut into segments; any other payload arrives whole, and weighs `size` bytes.
        """
        if self._is_gone or self.is_closing:
            return
        if isinstance(payload, bytes) and len(payload) > SEGMENT_BYTES:
            for at in range(0, len(payload), SEGMENT_BYTES):
                part = payload[at : at + SEGMENT_BYTES]
                self.outgoing.push(self._segment("data", len(part), part))
        else:
            self.outgoing.push(self._segment("data", size, payload))
        self.outgoing.pump()

    def _segment(self, kind: str, size: int, payload: Payload | None) -> Packet:
        return Packet(kind, self.local, self.remote, size, self._interface, self, payload)

    def unsent(self) -> int:
        """The bytes that an operating system would not have taken yet: those past two windows."""
        return self.outgoing.unsent

    def pause_reading(self) -> None:
        """Take nothing for a while, so that the sender's window fills."""
        self._incoming.is_paused = True

    def resume_reading(self) -> None:
        """Take what came meanwhile, after this call, and go on."""
        if self._incoming.is_paused:
            self._incoming.is_paused = False
            self._loop.call_soon(self._incoming.release)

    def rtt(self) -> float | None:
        """The smallest round trip seen, in seconds."""
        return self.outgoing.rtt_s

    def set_high_water(self, n: int) -> None:
        """Pause writing above `n` unsent bytes, resume at a quarter of it."""
        self._high_water = n

    def close(self) -> None:
        """Send the rest, then end, both ways. `connection_lost` comes when all but two windows has left."""
        if self.is_closing:
            return
        self.is_closing = self.is_waiting = True
        self._incoming.stop()
        if self._is_gone:
            self._loop.call_soon(self._tell_lost)
            return
        self.outgoing.push(self._segment("fin", 0, None))
        self.outgoing.pump()

    def abort(self) -> None:
        """End at once: the other side gets a reset."""
        self.is_closing = True
        self._incoming.stop()
        if not self._is_gone:
            self._leave()
            self.outgoing.reset(self._segment("rst", 0, None))
        self._loop.call_soon(self._tell_lost)

    # What its parts call

    @property
    def is_half_open(self) -> bool:
        """Whether the connection is still being set up from the other side."""
        return self._accepted is not None

    def sent(self) -> None:
        """Note that bytes were written or have left, and tell whoever waits for that."""
        unsent = self.outgoing.unsent
        if self.is_closing:
            if not unsent and self.is_waiting:
                self.is_waiting = False
                self._loop.call_soon(self._tell_lost)
        elif not self._is_paused:
            if unsent > self._high_water and self._receiver is not None:
                self._is_paused = self.is_waiting = True
                self._receiver.pause_writing()
        elif unsent <= self._high_water // 4 and self._receiver is not None:
            self._is_paused = self.is_waiting = False
            self._receiver.resume_writing()

    def finished(self) -> None:
        """Forget a closed socket, all of whose bytes have arrived, its end too."""
        self._leave()
        self._loop.call_soon(self._tell_lost)

    def fail(self, error: OSError) -> None:
        """End the connection with this error."""
        if self._is_gone:
            return
        self._error = error
        self._leave()
        if self._incoming.receiver is not None or self.is_closing:
            self._tell_lost()

    def release_held(self) -> None:
        """Take again what was held."""
        self._incoming.release()

    def vanish(self) -> None:
        """Vanish, since the node crashed: only a pending connect and a later close learn of it."""
        self._is_silent = True
        self._leave()
        self._incoming.stop()
        if self._connected is not None and not self._connected.done():
            self._connected.set_exception(OSError(errno.ENETDOWN, "Network is down"))

    def _leave(self) -> None:
        self._is_gone = True
        self._interface.release(self)
        self.outgoing.stop()
        self._knocks.stop()

    def _tell_lost(self) -> None:
        if self._is_told or self._receiver is None:
            return
        self._is_told = True
        receiver, self._receiver = self._receiver, None
        self._incoming.stop()
        receiver.connection_lost(self._error)
