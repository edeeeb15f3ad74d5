"""A wrapper around a raw connection passes everything on, until it is over."""

from __future__ import annotations

import gc
import sys
import weakref
from dataclasses import dataclass, field

from aiolibp2p.abc.layers.raw import RawReceiver
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.io.raw_wrapper import RawWrapper
from aiolibp2p.multiformats.multiaddr import Multiaddr


@dataclass
class Raw:
    local_address: Multiaddr = field(default_factory=lambda: Multiaddr("/ip4/127.0.0.1/tcp/1"))
    remote_address: Multiaddr = field(default_factory=lambda: Multiaddr("/ip4/127.0.0.1/tcp/2"))
    asked: list[object] = field(default_factory=list)
    receiver: RawReceiver | None = None

    def start(self, receiver: RawReceiver) -> None:
        self.receiver = receiver

    def write(self, data: ByteString) -> None:
        self.asked.append(data)

    def unsent(self) -> int:
        return 7

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


class Receiver:
    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(100))
        self.told: list[object] = []

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.told.append(bytes(self.buffer[:nbytes]))

    def data_received(self, data: ByteString) -> None:
        self.told.append(data)

    def eof_received(self) -> None:
        self.told.append("eof")

    def connection_lost(self, error: BaseException | None) -> None:
        self.told.append(error)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


def wrapped() -> tuple[Raw, RawWrapper, Receiver]:
    raw, receiver = Raw(), Receiver()
    wrapper = RawWrapper(raw)
    wrapper.start(receiver)
    assert raw.receiver is wrapper
    return raw, wrapper, receiver


def test_what_is_asked_of_it_is_asked_of_the_one_below() -> None:
    raw, wrapper, _receiver = wrapped()
    assert (wrapper.local_address, wrapper.remote_address) == (raw.local_address, raw.remote_address)
    assert (wrapper.unsent(), wrapper.rtt()) == (7, 0.25)
    wrapper.write(b"out")
    wrapper.pause_reading()
    wrapper.resume_reading()
    wrapper.close()
    wrapper.abort()
    assert raw.asked == [b"out", "pause", "resume", "close", "abort"]


def test_what_it_is_told_its_receiver_is_told() -> None:
    _raw, wrapper, receiver = wrapped()
    buffer = wrapper.get_buffer(-1)
    assert buffer is receiver.buffer
    buffer[:2] = b"in"
    wrapper.buffer_updated(2)
    wrapper.data_received(b"more")
    wrapper.pause_writing()
    wrapper.resume_writing()
    wrapper.eof_received()
    error = OSError("gone")
    wrapper.connection_lost(error)
    assert receiver.told == [b"in", b"more", "pause", "resume", "eof", error]


def test_after_the_end_nobody_is_told_anything() -> None:
    _raw, wrapper, receiver = wrapped()
    wrapper.connection_lost(None)
    assert len(wrapper.get_buffer(-1)) == 1
    assert len(wrapper.get_buffer(50)) == 50
    wrapper.buffer_updated(1)
    wrapper.data_received(b"more")
    wrapper.pause_writing()
    wrapper.resume_writing()
    wrapper.eof_received()
    wrapper.connection_lost(None)
    assert receiver.told == [None]


def test_it_keeps_no_buffer_between_reads() -> None:
    _raw, wrapper, receiver = wrapped()
    before = sys.getrefcount(receiver.buffer)
    wrapper.get_buffer(-1)
    wrapper.buffer_updated(1)
    after = sys.getrefcount(receiver.buffer)
    assert after == before


def test_at_the_end_it_parts_from_its_receiver() -> None:
    class Keeper(Receiver):
        def __init__(self, raw: RawWrapper) -> None:
            super().__init__()
            self.raw = raw

    raw = Raw()
    wrapper = RawWrapper(raw)
    keeper = Keeper(wrapper)
    wrapper.start(keeper)
    gone = weakref.ref(keeper)
    gc.collect()
    gc.disable()
    try:
        wrapper.connection_lost(None)
        del wrapper, keeper
        assert gone() is None
    finally:
        gc.enable()
