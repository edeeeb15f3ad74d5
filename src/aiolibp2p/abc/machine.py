"""Byte machines: protocol logic without input or output of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

ByteString: TypeAlias = bytes | bytearray | memoryview

E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Output(Generic[E_co]):
    """The effects of one input to a machine; nothing is left inside to drain.

    `events` in the order they happened; `to_send`, the bytes the peer must get; `trailing`, once the
    machine is done, the input that lies behind its last byte (it belongs to whatever comes next).
    """

    events: tuple[E_co, ...] = ()
    to_send: bytes = b""
    trailing: bytes = b""


class ByteMachine(Protocol[E_co]):
    """A negotiator, a handshake, an upgrade: bytes in, `Output` out. It never waits and keeps no time.

    Every method raises a `RemoteError` when the peer's bytes break the protocol; the machine is dead then.
    """

    __slots__ = ()

    def start(self) -> Output[E_co]:
        """Return what this side says unasked. Called once, before anything else."""
        ...

    def receive_data(self, data: ByteString) -> Output[E_co]:
        """Take bytes, cut anywhere. The machine copies what it keeps, up to its own limit."""
        ...

    def receive_eof(self) -> None:
        """Hear that the peer will send no more. Raises when the machine still needed something."""
        ...
