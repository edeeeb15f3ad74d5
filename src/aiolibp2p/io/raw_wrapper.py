"""A raw connection around another one, which passes everything on as it is."""

from __future__ import annotations

from aiolibp2p.abc.layers.raw import RawConnection, RawReceiver
from aiolibp2p.abc.machine import ByteString


class RawWrapper(RawConnection, RawReceiver):
    """Stands between a raw connection and its receiver; what changes bytes subclasses it.

    For bytes on their way out, override `write`, and `unsent` if any are held back. For those that come, override
    `buffer_updated` and `data_received`, and `get_buffer` if they cannot be read to where the receiver wants them.
    """

    def __init__(self, raw: RawConnection) -> None:
        self.local_address = raw.local_address
        self.remote_address = raw.remote_address
        self._raw = raw
        self._receiver: RawReceiver | None = None
        """The receiver; None before `start`, and when the connection is over."""
        self._buffer = memoryview(b"")
        """The buffer whose bytes `buffer_updated` counts."""

    # RawConnection

    def start(self, receiver: RawReceiver) -> None:
        self._receiver = receiver
        self._raw.start(self)

    def write(self, data: ByteString) -> None:
        self._raw.write(data)

    def unsent(self) -> int:
        return self._raw.unsent()

    def rtt(self) -> float | None:
        return self._raw.rtt()

    def pause_reading(self) -> None:
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._raw.resume_reading()

    def close(self) -> None:
        self._raw.close()

    def abort(self) -> None:
        self._raw.abort()

    # RawReceiver

    def get_buffer(self, sizehint: int) -> memoryview:
        receiver = self._receiver
        if receiver is None:
            return memoryview(bytearray(max(sizehint, 1)))  # it is over, and nobody will look at it
        self._buffer = receiver.get_buffer(sizehint)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._buffer = memoryview(b"")  # it belongs to all connections of the host
        if self._receiver is not None:
            self._receiver.buffer_updated(nbytes)

    def data_received(self, data: ByteString) -> None:
        if self._receiver is not None:
            self._receiver.data_received(data)

    def eof_received(self) -> None:
        if self._receiver is not None:
            self._receiver.eof_received()

    def connection_lost(self, error: BaseException | None) -> None:
        # The two refer to each other: parted, both are freed at once.
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_lost(error)

    def pause_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.resume_writing()
