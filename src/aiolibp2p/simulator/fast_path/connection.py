"""A simulated connection that comes secured and muxed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSession
from aiolibp2p.errors import ConnectionLost, Libp2pError, LimitExceeded, ProtocolViolation
from aiolibp2p.io.carrier_end import CarrierEnd, without_frames
from aiolibp2p.io.deadline_timer import DeadlineTimer
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.simulator.fast_path.frames import Frames, Hello
from aiolibp2p.simulator.fast_path.session import FrameWire, MuxedConfig, MuxedSession
from aiolibp2p.simulator.transport.stream import socket_address

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.stream_socket import StreamSocket

SECURITY_ID = MUXER_ID = "/simulated/1.0.0"

MAX_EARLY = 1000
"""Parts that are kept before streams are put on the connection: more than any peer of ours sends by then."""


class MuxedLink(Carrier):
    """One end of a connection over a simulated stream socket.

    It shakes hands first: `on_heard` is called when the peer has said something, and `on_ready` once, with None or with
    what went wrong. Then it can be started.
    """

    def __init__(
        self,
        socket: StreamSocket,
        role: Role,
        key: PublicKey,
        config: MuxedConfig,
        on_ready: Callable[[BaseException | None], None],
        on_heard: Callable[[], None] | None = None,
    ) -> None:
        self.local_address = socket_address(socket.local)
        self.remote_address = socket_address(socket.remote)
        self.security = SECURITY_ID
        self.muxer = MUXER_ID
        self.early_muxer = True
        self._socket = socket
        self._role = role
        self._key = key
        self._on_ready: Callable[[BaseException | None], None] | None = on_ready
        self._on_heard = on_heard
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._session: MuxedSession | None = None
        self._on_lost: Callable[[BaseException], None] | None = None
        self._early: list[Frames] = []
        self._is_open = False
        self._timer: DeadlineTimer | None = None
        self.flow = self._end = CarrierEnd()

    # The handshake

    def shake_hands(self) -> None:
        """Begin the handshake; the initiator speaks first."""
        self._socket.set_high_water(self._config.high_water_bytes)
        self._socket.start(self)
        if self._role is Role.INITIATOR:
            self._say_hello(0)

    def _say_hello(self, part: int) -> None:
        hello = Hello(part, self._key)
        self._socket.send(hello, hello.size)

    def _receive_hello(self, hello: Hello) -> None:
        on_heard, self._on_heard = self._on_heard, None
        if on_heard is not None:
            on_heard()
        self.remote_key = hello.key
        self.remote_peer = hello.key.peer_id
        if hello.part < 2:
            self._say_hello(hello.part + 1)
        if hello.part:
            self._ready(None)

    def _ready(self, error: BaseException | None) -> None:
        on_ready, self._on_ready = self._on_ready, None
        if on_ready is not None:
            on_ready(error)

    # Carrier

    @property
    def rtt(self) -> float | None:
        return None if self._session is None else self._session.rtt

    def start(self, acceptor: StreamAcceptor, on_lost: Callable[[BaseException], None]) -> StreamSession:
        self._on_lost = on_lost
        session = self._session = MuxedSession(
            self._role,
            acceptor,
            self._config,
            self._loop.time,
            FrameWire(self._flush_soon, self._timeout_changed),
            self.scope,
        )
        session.rtt = self._socket.rtt()
        self._timer = DeadlineTimer(session, self._loop.time, self.abort)
        return session

    def _timeout_changed(self) -> None:
        if self._timer is not None:
            self._timer.changed()

    def open(self) -> None:
        self._is_open = True
        early, self._early = self._early, []
        for part in early:
            self._receive_frames(part)
        if self._timer is not None:
            self._timer.start()
        self._end.tell(self._tell_lost)

    def _flush_soon(self) -> None:
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        session = self._session
        if session is not None and session.pending and not self._end.is_lost:
            frames, session.pending = Frames(tuple(session.pending)), []
            self._socket.send(frames, frames.size)

    # The socket's receiver

    def segment_received(self, payload: object) -> None:
        """Take a part of the handshake, or the frames of one tick."""
        if self._end.error is not None:
            return
        if isinstance(payload, Hello):
            self._receive_hello(payload)
        elif isinstance(payload, Frames):
            self._receive_frames(payload)
        else:
            self.fail(ProtocolViolation("something else than frames came"))

    def _receive_frames(self, payload: Frames) -> None:
        if not self._is_open or self._session is None:
            if len(self._early) == MAX_EARLY:
                self.abort(LimitExceeded(f"more than {MAX_EARLY} parts came before the connection carried streams"))
            else:
                self._early.append(payload)
            return
        session = self._session
        try:
            for frame in payload.frames:
                session.receive_frame(frame)
        except Libp2pError as error:
            self.fail(without_frames(error))

    def eof_received(self) -> None:
        """End: the peer sends no more, and a connection of streams needs both directions."""
        self.fail(ConnectionLost("the peer closed the connection"))

    def connection_lost(self, error: OSError | None) -> None:
        """End, if that has not begun: the socket is gone."""
        self._end.lost(error)
        self._ready(self._end.error)

    def _tell_lost(self, reason: BaseException) -> None:
        on_lost, self._on_lost, self._session = self._on_lost, None, None
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
        if on_lost is not None:
            on_lost(reason)

    def pause_writing(self) -> None:
        """Let streams wait: the socket is full."""
        self._end.pause_writing()

    def resume_writing(self) -> None:
        """Let streams go on."""
        self._end.resume_writing()

    # Ends

    def fail(self, error: BaseException) -> None:
        """End because of `error`, after what is pending has left."""
        if self._end.begin(error):
            self._flush()
            self._socket.close()
            self._end.close_soon(self._socket.abort)

    def close(self, reason: str) -> None:
        self.fail(ConnectionLost(reason))

    def abort(self, error: BaseException) -> None:
        self._end.begin(error)
        self._socket.abort()
