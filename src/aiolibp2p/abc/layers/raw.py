"""Raw connections: reliable streams of bytes, neither secured nor muxed, as TCP yields them."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.multiformats.multiaddr import Multiaddr


class RawReceiver(Protocol):
    """One that takes a raw connection's bytes, such as the driver. It never raises for what a peer sent."""

    __slots__ = ()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go; `buffer_updated` follows before anybody else asks for a buffer."""
        ...

    def buffer_updated(self, nbytes: int) -> None:
        """Take the first `nbytes` bytes of the buffer that `get_buffer` returned last."""
        ...

    def data_received(self, data: ByteString) -> None:
        """Take bytes that came in a buffer of their own, which is not kept after the call."""
        ...

    def eof_received(self) -> None:
        """Hear that the peer will send no more."""
        ...

    def connection_lost(self, error: BaseException | None) -> None:
        """Hear that the connection is gone, because of `error`, or (None) in peace. Called exactly once, last."""
        ...

    def pause_writing(self) -> None:
        """Hear that the transport holds more unsent bytes than it wants to."""
        ...

    def resume_writing(self) -> None:
        """Hear that the transport has caught up after `pause_writing`."""
        ...


class RawConnection(Protocol):
    """A reliable stream of bytes, neither secured nor muxed: what TCP and its like yield."""

    __slots__ = ()

    local_address: Multiaddr
    remote_address: Multiaddr

    def start(self, receiver: RawReceiver) -> None:
        """Deliver what comes to `receiver` from now on."""
        ...

    def write(self, data: ByteString) -> None:
        """Send bytes without waiting. The connection owns the buffer from now on.

        Past a limit of unsent bytes it calls `RawReceiver.pause_writing`.
        """
        ...

    def unsent(self) -> int:
        """Return the bytes that were written and the operating system has not taken. At 0 no buffer of ours is held."""
        ...

    def rtt(self) -> float | None:
        """Return the smallest round trip that the operating system has seen, in seconds; None when it does not say."""
        ...

    def pause_reading(self) -> None:
        """Deliver nothing for a while; what was read already still comes. Idempotent."""
        ...

    def resume_reading(self) -> None:
        """Deliver again after `pause_reading`. Idempotent."""
        ...

    def close(self) -> None:
        """End the connection after what is left has been sent. `connection_lost` follows."""
        ...

    def abort(self) -> None:
        """End the connection at once. `connection_lost` follows."""
        ...
