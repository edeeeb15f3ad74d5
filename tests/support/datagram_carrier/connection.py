"""One connection of the test carrier: keys exchanged, then streams. Pure, but for the session's own callbacks.

Keys are believed: the carrier is for tests of what carries streams, not of who is there.
"""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor
from aiolibp2p.abc.services.resources import NULL_SCOPE, Scope
from aiolibp2p.errors import ConnectionLost, ProtocolViolation
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.simulator.fast_path.frames import Frame
from aiolibp2p.simulator.fast_path.session import FrameWire, MuxedConfig, MuxedSession
from support.datagram_carrier import frames
from support.datagram_carrier.packets import CLOSE, MAX_PAYLOAD_BYTES, Packet
from support.datagram_carrier.reliable import Reliable

MAX_EARLY_FRAMES = 1000
"""The frames that may come before streams are put on the connection."""


class DatagramConnection:
    """A timed machine around a session. `flush_soon` is called when there is something new for `packets_to_send`."""

    def __init__(
        self,
        role: Role,
        key: PublicKey,
        connection_id: bytes,
        now: Callable[[], float],
        flush_soon: Callable[[], None],
    ) -> None:
        self.role = role
        self.connection_id = connection_id
        self.remote_key: PublicKey | None = None
        """What the peer says its key is; None before it has said so."""
        self._now = now
        self._flush_soon = flush_soon
        self._reliable = Reliable(connection_id)
        self._session: MuxedSession | None = None
        self._is_open = self._is_over = False
        self._early: list[Frame] = []
        self._reliable.send(key.marshal())

    # Streams

    def start(
        self,
        acceptor: StreamAcceptor,
        timeout_changed: Callable[[], None] | None = None,
        scope: Scope = NULL_SCOPE,
    ) -> MuxedSession:
        """The session for its streams; nothing is delivered before `open`. Its timeouts are its owner's."""
        wire = FrameWire(self._flush_soon, timeout_changed or _nobody_asks)
        session = MuxedSession(self.role, acceptor, MuxedConfig(), self._now, wire, scope)
        session.rtt = self._reliable.rtt
        self._session = session
        return session

    def open(self) -> None:
        """Deliver what came meanwhile, and from now on. Raises ProtocolViolation."""
        self._is_open = True
        early, self._early = self._early, []
        self._deliver(early)

    @property
    def stands(self) -> bool:
        """The peer's key is known, and the peer has answered: nobody speaks in its name from elsewhere."""
        return self.remote_key is not None and self._reliable.is_answered

    @property
    def waiting_bytes(self) -> int:
        """What the peer has not acknowledged: past some, streams should wait."""
        return self._reliable.waiting_bytes

    @property
    def rtt(self) -> float | None:
        """The smallest round trip seen, in seconds."""
        return self._reliable.rtt

    # Packets

    def receive(self, packet: Packet) -> None:
        """Raises ConnectionLost when the peer closed it, ProtocolViolation."""
        if packet.kind == CLOSE:
            raise ConnectionLost(packet.payload.decode("utf-8", "replace") or "the peer closed the connection")
        for message in self._reliable.receive(packet, self._now()):
            if self.remote_key is None:
                self.remote_key = PublicKey.unmarshal(message)
            else:
                self._deliver(frames.decode(message))

    def _deliver(self, received: list[Frame]) -> None:
        if self._is_over:
            return
        if not self._is_open or self._session is None:
            self._early += received
            if len(self._early) > MAX_EARLY_FRAMES:
                raise ProtocolViolation(f"more than {MAX_EARLY_FRAMES} frames before anybody could take them")
            return
        for frame in received:
            self._session.receive_frame(frame)

    def packets_to_send(self) -> list[Packet]:
        """What to send now. Raises ConnectionLost when all numbers are used up."""
        self._queue_frames()
        return self._reliable.packets_to_send(self._now())

    def _queue_frames(self) -> None:
        session = self._session
        if session is not None and session.pending:
            pending, session.pending = session.pending, []
            for message in frames.encode(pending, MAX_PAYLOAD_BYTES):
                self._reliable.send(message)

    def farewell(self, reason: str) -> Packet:
        """The last packet, sent once: who misses it finds out by itself."""
        return Packet(CLOSE, self.connection_id, payload=reason.encode()[:MAX_PAYLOAD_BYTES])

    def next_timeout(self) -> float | None:
        """When to call `handle_timeout`, on the clock of `now`. The session's own timeouts are its owner's."""
        return self._reliable.next_timeout()

    def handle_timeout(self) -> None:
        """Repeat what was not acknowledged. Raises ConnectionLost when the peer does not answer."""
        self._reliable.handle_timeout(self._now())

    def let_go(self) -> None:
        """Streams are over: drop them, and what refers back to the owner. What is waiting still leaves."""
        self._is_over = True
        self._session = None
        self._flush_soon = _nowhere


def _nowhere() -> None:
    """Nothing is sent any more."""


def _nobody_asks() -> None:
    """Keep no timer: the session's own timeouts are its owner's."""
