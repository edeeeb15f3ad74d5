"""Raw connections: reliable streams of bytes, neither secured nor muxed, as TCP yields them."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.multiformats.multiaddr import Multiaddr


class RawReceiver(Protocol):
    """Whoever takes a raw connection's bytes: the driver. Never raises for what a peer sent."""

    __slots__ = ()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go; `buffer_updated` follows before anybody else asks for a buffer."""
        ...

    def buffer_updated(self, nbytes: int) -> None:
        """`nbytes` bytes were written into the buffer."""
        ...

    def data_received(self, data: ByteString) -> None:
        """Bytes that came in a buffer of their own; not kept after the call."""
        ...

    def eof_received(self) -> None:
        """The peer will send no more."""
        ...

    def connection_lost(self, error: BaseException | None) -> None:
        """The connection is gone; called exactly once, last."""
        ...

    def pause_writing(self) -> None:
        """The transport holds more unsent bytes than it wants to."""
        ...

    def resume_writing(self) -> None:
        """It has caught up."""
        ...


class RawConnection(Protocol):
    """A reliable stream of bytes, neither secured nor muxed: what TCP and its like yield."""

    __slots__ = ()

    local_address: Multiaddr
    remote_address: Multiaddr

    def start(self, receiver: RawReceiver) -> None:
        """Deliver to `receiver` from now on."""
        ...

    def write(self, data: ByteString) -> None:
        """Send without waiting. The connection owns the buffer from now on, and says when it has too many."""
        ...

    def unsent(self) -> int:
        """Bytes that were written and not yet taken by the operating system. At 0 it holds no buffer of ours."""
        ...

    def rtt(self) -> float | None:
        """The smallest round trip that the operating system has seen on it, in seconds; None when it does not say."""
        ...

    def pause_reading(self) -> None:
        """Deliver nothing for a while; what was read already still comes. Idempotent."""
        ...

    def resume_reading(self) -> None:
        """Go on delivering. Idempotent."""
        ...

    def close(self) -> None:
        """Send what is left, then end. `connection_lost` follows."""
        ...

    def abort(self) -> None:
        """End at once. `connection_lost` follows."""
        ...
