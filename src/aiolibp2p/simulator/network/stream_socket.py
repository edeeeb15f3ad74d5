"""A socket like TCP's: reliable, in order, with windows; over packets that get lost and overtake one another."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from aiolibp2p.simulator.network.flight import Flight
from aiolibp2p.simulator.network.packet import Endpoint, Kind, Packet, Payload
from aiolibp2p.simulator.network.reassembly import Reassembly
from aiolibp2p.simulator.network.retries import Retries

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.interface import Interface

SEGMENT_BYTES = 16 * 1024
"""Bytes that travel together at most, as a network card's offloading has it."""

ORPHAN_S = 60.0
"""A socket that was closed is forgotten after so long, whatever its peer does."""

REACHABLE_AGAIN_S = 0.2
"""How often an acknowledgement whose way is cut is tried again."""


class SocketReceiver(Protocol):
    """Whoever takes what a stream socket receives."""

    def segment_received(self, payload: Payload) -> None:
        """What was sent, in order; bytes may come in other pieces."""
        ...

    def eof_received(self) -> None:
        """The peer will send no more."""
        ...

    def connection_lost(self, error: OSError | None) -> None:
        """The socket is over; called once, last."""
        ...

    def pause_writing(self) -> None:
        """More is unsent than `set_high_water` allows."""
        ...

    def resume_writing(self) -> None:
        """It has left."""
        ...


class StreamSocket:
    """One end of a connection. `Interface.connect` and listeners make it."""

    def __init__(self, interface: Interface, local: Endpoint, remote: Endpoint) -> None:
        self.local = local
        self.remote = remote
        self.interface = interface
        self._loop = interface.loop
        self._receiver: SocketReceiver | None = None
        self._connected: asyncio.Future[None] | None = None
        self._accepted: Callable[[StreamSocket], None] | None = None
        self._established = self._closing = self._over = False
        # Sending
        self._queue: deque[tuple[Kind, Payload, int]] = deque()
        self._queued = 0
        self._next_sequence = 1
        self._flight = Flight()
        self._high_water = 64 * 1024
        self._paused = self._takes_turn = False
        self._ack_timer: asyncio.TimerHandle | None = None
        self._retries = Retries(self._loop, self._flight, self._send_again)
        # Receiving
        self._received = Reassembly()
        self._peer_sent_fin = self._sent_fin = False

    def __repr__(self) -> str:
        return f"<StreamSocket {self.local} to {self.remote}>"

    # Use

    def start(self, receiver: SocketReceiver) -> None:
        """Deliver from now on; what came before, after this call."""
        self._receiver = receiver
        self._loop.call_soon(self._catch_up)

    def _catch_up(self) -> None:
        if self._over and self._receiver is not None:
            self._tell_lost(None)
        else:
            self.take_received()

    def set_high_water(self, n: int) -> None:
        """Unsent bytes past which the receiver is told to pause."""
        self._high_water = n

    def send(self, payload: Payload, size: int) -> None:
        """Send without waiting; `size` is what it costs on the wire. Bytes are cut into segments, objects are not."""
        if self._over or self._closing:
            return
        if isinstance(payload, bytes) and size > SEGMENT_BYTES:
            for at in range(0, size, SEGMENT_BYTES):
                piece = payload[at : at + SEGMENT_BYTES]
                self._queue.append((Kind.DATA, piece, len(piece)))
        else:
            self._queue.append((Kind.DATA, payload, size))
        self._queued += size
        self._pump()
        if not self._paused and self.unsent() > self._high_water and self._receiver is not None:
            self._paused = True
            self._receiver.pause_writing()

    def unsent(self) -> int:
        """Bytes that the simulated kernel has not taken."""
        return max(0, self._queued - self._flight.kernel_room)

    def rtt(self) -> float | None:
        """The smallest round trip seen, in seconds."""
        return self._flight.rtt_s

    def close(self) -> None:
        """Send what is left, then end; the receiver is told once the kernel has taken it all."""
        if self._over or self._closing:
            return
        self._closing = True
        self._loop.call_later(ORPHAN_S, self._drop)
        self._queue.append((Kind.FIN, b"", 0))
        self._pump()
        self._end_if_handed_over()

    def _end_if_handed_over(self) -> None:
        if self._closing and self._receiver is not None and not self.unsent():
            self._loop.call_soon(self._tell_lost, None)

    def abort(self) -> None:
        """End at once; the peer is told."""
        if self._over:
            self._loop.call_soon(self._tell_lost, None)
            return
        if self._established or self._accepted is not None:
            self.interface.transmit(Packet(Kind.RST, self.local, self.remote, 0))
        self._drop()
        self._loop.call_soon(self._tell_lost, None)

    def lost(self, error: OSError) -> None:
        """Over, and nothing is sent any more."""
        self._drop()
        if self._connected is not None and not self._connected.done():
            self._connected.set_exception(error)
        self._loop.call_soon(self._tell_lost, error)

    def _drop(self) -> None:
        self._over = True
        self._queue.clear()
        self._queued = 0
        self._received.clear()
        self._flight.clear()
        self._retries.clear()
        if self._ack_timer is not None:
            self._ack_timer.cancel()
        self.interface.forget(self)

    def _tell_lost(self, error: OSError | None) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_lost(error)

    # Being connected

    async def connect(self) -> None:
        """Until the peer has answered. Raises OSError when it refuses."""
        self._connected = self._loop.create_future()
        self._transmit(Kind.SYN)
        await self._connected

    def answer(self, syn: Packet, accepted: Callable[[StreamSocket], None]) -> None:
        """A peer connects to a listener; `accepted` is called once it knows."""
        self._accepted = accepted
        self._transmit(Kind.SYN_ACK)

    def _establish(self, packet: Packet) -> None:
        if self._established:
            return
        self._established = True
        self._retries.clear()
        self._retries.succeeded()
        accepted, self._accepted = self._accepted, None
        if self._connected is not None and not self._connected.done():
            self._connected.set_result(None)
        if accepted is not None:
            accepted(self)
        self._pump()

    # Sending

    def _transmit(self, kind: Kind, payload: Payload = b"", size: int = 0, sequence: int = 0) -> None:
        self.interface.transmit(Packet(kind, self.local, self.remote, size, payload, sequence, self))

    def _pump(self) -> None:
        """Send what the windows and the uplink let us; what is acknowledged counts even while we wait our turn."""
        if not self._established or self._over:
            return
        self._flight.collect(self._loop.time())
        while self._queue and not self._takes_turn:
            kind, payload, size = self._queue[0]
            if not self._flight.takes(size):
                self._await_acknowledgement()
                break
            if self.interface.up.is_busy():
                self._takes_turn = True
                self.interface.up.wait(self._turn)
                break
            self._queue.popleft()
            self._queued -= size
            self._flight.bytes += size
            sequence, self._next_sequence = self._next_sequence, self._next_sequence + 1
            self._sent_fin = kind is Kind.FIN
            self._transmit(kind, payload, size, sequence)
        self._resume()

    def _turn(self) -> None:
        self._takes_turn = False
        self._pump()

    def _resume(self) -> None:
        if self._paused and self.unsent() <= self._high_water // 4:
            self._paused = False
            if self._receiver is not None:
                self._receiver.resume_writing()
        self._end_if_handed_over()

    def acknowledge(self, at: float, size: int, rtt_s: float) -> None:
        """The peer took a segment, and its word is here at that time: the peer calls this when it takes it."""
        if self._over:
            return
        self._retries.succeeded()
        self._flight.note_rtt(rtt_s)
        self._flight.acknowledge(at, size)
        if self._queue or self._paused:
            self._await_acknowledgement()

    def _await_acknowledgement(self) -> None:
        due_at = self._flight.next_due()
        if self._ack_timer is None and due_at is not None:
            self._ack_timer = self._loop.call_at(due_at, self._acknowledgement_due)

    def _acknowledgement_due(self) -> None:
        self._ack_timer = None
        self._pump()
        if self._paused:
            self._await_acknowledgement()

    def packet_lost(self, packet: Packet) -> None:
        """It did not arrive: send it again a little later, and less at once."""
        if self._over or packet.kind in (Kind.ACK, Kind.RST):
            return
        if packet.kind in (Kind.SYN, Kind.SYN_ACK) and self._established:
            return
        has_followers = bool(self._queue) or packet.sequence + 1 < self._next_sequence
        if not self._retries.schedule(packet, has_followers):
            self.lost(TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))

    def _send_again(self, packet: Packet) -> None:
        if not self._over:
            # From our own ends: a gateway may have rewritten those of the first try.
            self._transmit(packet.kind, packet.payload, packet.size, packet.sequence)

    # Receiving

    def receive(self, packet: Packet) -> None:
        """A packet for this socket is here."""
        kind = packet.kind
        if kind is Kind.RST:
            self._refused()
        elif kind is Kind.SYN:
            self._receive_syn(packet)
        elif kind is Kind.SYN_ACK:
            if not self._established:
                self._note_rtt(packet)
            self._transmit(Kind.ACK)
            self._establish(packet)
        elif kind is Kind.ACK:
            self._establish(packet)
        else:
            self._establish(packet)
            self._receive_segment(packet)

    def _refused(self) -> None:
        refused = not self._established and self._connected is not None
        code = errno.ECONNREFUSED if refused else errno.ECONNRESET
        kind = ConnectionRefusedError if refused else ConnectionResetError
        self.lost(kind(code, os.strerror(code)))

    def _receive_syn(self, packet: Packet) -> None:
        if self._accepted is not None:
            self._transmit(Kind.SYN_ACK)
        elif self._connected is not None:
            # Both connected to one another.
            self._transmit(Kind.ACK)
            self._establish(packet)

    def _note_rtt(self, packet: Packet) -> None:
        self._flight.note_rtt(2 * (self._loop.time() - packet.sent_at))

    def _receive_segment(self, packet: Packet) -> None:
        if self._closing and packet.kind is Kind.DATA and self._receiver is None:
            self.abort()
            return
        if self._received.receive(packet):
            self.take_received()

    def take_received(self) -> None:
        """Hand on what is here, unless nobody takes it."""
        while self._received.inbox and not self._over and not self.interface.is_stalled:
            if self._receiver is None and not self._closing:
                return
            packet = self._received.inbox.popleft()
            self._tell_sender(packet)
            self._hand_on(packet)

    def _hand_on(self, packet: Packet) -> None:
        receiver = self._receiver
        if packet.kind is Kind.FIN:
            self._peer_sent_fin = True
            if receiver is not None and not self._closing:
                receiver.eof_received()
        elif receiver is not None:
            receiver.segment_received(packet.payload)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._peer_sent_fin and self._sent_fin and not self._queue and not self._over:
            self._drop()
            self._loop.call_soon(self._tell_lost, None)

    def _tell_sender(self, packet: Packet) -> None:
        sender = packet.owner
        if not isinstance(sender, StreamSocket) or sender.is_over:
            return
        if not self.interface.reaches(self.remote[0]):
            self._loop.call_later(REACHABLE_AGAIN_S, self._tell_sender, packet)
            return
        now = self._loop.time()
        # The way back takes as long as the way here, but waits in no queue.
        back_s = self.interface.back_s(sender.interface)
        sender.acknowledge(now + back_s, packet.size, now + back_s - packet.sent_at)

    @property
    def is_over(self) -> bool:
        """It sends and receives no more."""
        return self._over
