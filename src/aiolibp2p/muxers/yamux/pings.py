"""The pings of one session: ours, which measure the path and find out that a peer is gone, and the answers."""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.muxers.yamux import frames
from aiolibp2p.muxers.yamux.frames import ACK, SYN
from aiolibp2p.muxers.yamux.outbox import Outbox
from aiolibp2p.muxing.keep_alive import KeepAlive


class Pings:
    """Puts into frames what a `KeepAlive` decides."""

    __slots__ = ("_keep_alive", "_outbox", "_runtime", "_wire_rtt")

    def __init__(
        self, keep_alive: KeepAlive, outbox: Outbox, runtime: Runtime, wire_rtt: Callable[[], float | None]
    ) -> None:
        self._keep_alive = keep_alive
        self._outbox = outbox
        self._runtime = runtime
        self._wire_rtt = wire_rtt

    def path_rtt(self) -> float | None:
        """Return the round trip of the path in seconds: what the transport measures, or else our pings do.

        A ping's answer may have waited behind data, and a window sized by that would only lengthen the queue.
        """
        path = self._wire_rtt()
        return self._keep_alive.rtt if path is None else path

    def receive(self, flags: int, opaque: int) -> None:
        """Answer a ping of the peer, or take its answer to ours."""
        if flags & SYN:
            self._outbox.pong(frames.ping(ACK, opaque))
        else:
            self._keep_alive.pong(opaque, self._runtime.now())

    def send_first(self) -> None:
        """Ping when the session has its first stream; do nothing later."""
        if not self._keep_alive.has_pinged:
            self.send()

    def send(self) -> None:
        """Queue a ping."""
        self._outbox.control(frames.ping(SYN, self._keep_alive.ping(self._runtime.now())))
