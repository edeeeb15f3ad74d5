"""A protected connection between a raw one and a receiver that keep what they are given."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiolibp2p.abc.layers.raw import RawReceiver
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.security.pnet import PreSharedKey, PskProtector

KEY = PreSharedKey(bytes(range(32)))
BUFFER_BYTES = 300


@dataclass
class Raw:
    """Keeps the very buffers that are written."""

    local_address: Multiaddr = field(default_factory=lambda: Multiaddr("/ip4/127.0.0.1/tcp/1"))
    remote_address: Multiaddr = field(default_factory=lambda: Multiaddr("/ip4/127.0.0.1/tcp/2"))
    written: list[ByteString] = field(default_factory=list)
    receiver: RawReceiver | None = None
    backlog: int = 0
    asked: list[str] = field(default_factory=list)

    def start(self, receiver: RawReceiver) -> None:
        self.receiver = receiver

    def write(self, data: ByteString) -> None:
        self.written.append(data)

    def unsent(self) -> int:
        return self.backlog

    def rtt(self) -> float | None:
        return 0.25

    def pause_reading(self) -> None:
        self.asked.append("pause")

    def resume_reading(self) -> None:
        self.asked.append("resume")

    def close(self) -> None:
        self.asked.append("close")

    def abort(self) -> None:
        self.asked.append("abort")

    @property
    def sent(self) -> bytes:
        return b"".join(map(bytes, self.written))


class Receiver:
    """One buffer, as the driver has; `offset` bytes of it hold an unfinished frame."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.offset = 0
        self.received = b""
        self.told: list[object] = []

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer[self.offset :]

    def buffer_updated(self, nbytes: int) -> None:
        assert nbytes
        self.received += self.buffer[self.offset : self.offset + nbytes]

    def data_received(self, data: ByteString) -> None:
        assert len(data)
        self.received += data

    def eof_received(self) -> None:
        self.told.append("eof")

    def connection_lost(self, error: BaseException | None) -> None:
        self.told.append(error)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


class End:
    """One side; its nonce is 24 times `letter`."""

    def __init__(self, letter: bytes, key: PreSharedKey = KEY) -> None:
        self.nonce = letter * 24
        self.raw = Raw()
        self.receiver = Receiver()
        self.connection = PskProtector(key, lambda n: letter * n).protect(self.raw)
        self.connection.start(self.receiver)

    def feed(self, data: bytes, into_buffer: bool = True) -> None:
        """Bytes come from the network: into the receiver's buffer, or in one of their own."""
        receiver = self.raw.receiver
        assert receiver is not None
        if not into_buffer:
            receiver.data_received(data)
            return
        while data:
            buffer = receiver.get_buffer(-1)
            n = min(len(buffer), len(data))
            buffer[:n] = data[:n]
            receiver.buffer_updated(n)
            data = data[n:]
