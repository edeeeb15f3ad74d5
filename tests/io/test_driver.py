"""The driver between a raw connection, a machine, a cipher and a session that do next to nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.layers.raw import RawReceiver
from aiolibp2p.abc.machine import ByteString, Output
from aiolibp2p.errors import ConnectionLost, ProtocolViolation
from aiolibp2p.io import driver as driver_room
from aiolibp2p.io.buffers import SharedBuffers
from aiolibp2p.io.carrier_end import CLOSE_TIMEOUT_S
from aiolibp2p.io.driver import SMALL_FRAME_BYTES, Driver
from aiolibp2p.multiformats.multiaddr import Multiaddr
from waiting import after


@dataclass
class Raw:
    """Keeps what is written; says it is lost when told so."""

    local_address: Multiaddr = field(default_factory=lambda: Multiaddr("/ip4/127.0.0.1/tcp/1"))
    remote_address: Multiaddr = field(default_factory=lambda: Multiaddr("/ip4/127.0.0.1/tcp/2"))
    written: list[bytes] = field(default_factory=list)
    receiver: RawReceiver | None = None
    backlog: int = 0
    closes: int = 0
    paused: bool = False
    on_abort: Callable[[], None] = lambda: None

    def start(self, receiver: RawReceiver) -> None:
        self.receiver = receiver

    def write(self, data: ByteString) -> None:
        self.written.append(bytes(data))

    def unsent(self) -> int:
        return self.backlog

    def rtt(self) -> float | None:
        return 0.25

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def close(self) -> None:
        self.closes += 1

    def abort(self) -> None:
        self.on_abort()


@dataclass
class Machine:
    """Emits each input as an event; `done` bytes in, the rest is trailing."""

    greeting: bytes = b""
    done: int = 1_000_000
    answer: bytes = b""
    eof_error: ProtocolViolation | None = None

    def start(self) -> Output[bytes]:
        return Output(to_send=self.greeting)

    def receive_data(self, data: ByteString) -> Output[bytes]:
        whole = bytes(data)
        if whole.startswith(b"bad"):
            raise ProtocolViolation("bad input")
        return Output((whole[: self.done],), self.answer, whole[self.done :])

    def receive_eof(self) -> None:
        if self.eof_error is not None:
            raise self.eof_error


class LengthCipher:
    """Two bytes of length before each frame, nothing secret."""

    prefix = 2
    overhead = 2
    max_plaintext = 60_000
    last_words = b""
    cut: ConnectionLost | None = None

    def farewell(self) -> bytes:
        return self.last_words

    def receive_eof(self) -> None:
        if self.cut is not None:
            raise self.cut

    def encrypt(self, plaintext: ByteString) -> bytes:
        return len(plaintext).to_bytes(2, "big") + bytes(plaintext)

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        sealed = self.encrypt(plaintext)
        out[: len(sealed)] = sealed
        return len(sealed)

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        at = 0
        while len(data) - at >= 2:
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > len(data):
                break
            deliver(bytes(data[at + 2 : end]))
            at = end
        return at


@dataclass
class Session:
    """Keeps what is delivered; sends `pending` when flushed."""

    driver: Driver
    received: list[bytes] = field(default_factory=list)
    pending: bytes = b""
    flushes: int = 0
    drains: int = 0

    def receive_data(self, data: bytes) -> None:
        if data == b"bad":
            self.pending = b"farewell"
            raise ProtocolViolation("bad frame")
        self.received.append(data)

    def flush(self) -> None:
        self.flushes += 1
        if self.pending:
            self.driver.send(self.pending)
            self.pending = b""

    def drained(self) -> None:
        self.drains += 1


class Pumped:
    """All of them, put together."""

    def __init__(self, machine: Machine | None = None, buffers: SharedBuffers | None = None) -> None:
        self.raw = Raw()
        self.buffers = buffers or SharedBuffers()
        self.lost: list[BaseException] = []
        self.events: list[bytes] = []
        self.driver = Driver(self.raw, self.buffers, self.lost.append)
        self.session: Any = Session(self.driver)
        self.cipher = LengthCipher()
        self.upgrade_at = b""
        self.driver.run_machine(machine or Machine(), self.on_event)

    def on_event(self, event: bytes) -> None:
        self.events.append(event)
        if event == self.upgrade_at:
            self.run_session()

    def run_session(self, early: bytes = b"") -> None:
        self.driver.run_session(self.cipher, self.session, early)

    async def drain(self) -> None:
        await self.driver.drain(asyncio.get_running_loop().create_future())

    def read(self, data: bytes) -> None:
        """The bytes come from a socket, into the shared buffer."""
        buffer = self.driver.get_buffer(-1)
        buffer[: len(data)] = data
        self.driver.buffer_updated(len(data))


def sealed(*plaintexts: bytes) -> bytes:
    return b"".join(len(one).to_bytes(2, "big") + one for one in plaintexts)


async def test_a_machine_gets_bytes_and_its_output_leaves() -> None:
    pumped = Pumped(Machine(greeting=b"hello", answer=b"yes"))
    assert not pumped.driver.heard
    pumped.read(b"one")
    pumped.driver.data_received(b"two")
    assert pumped.events == [b"one", b"two"]
    assert pumped.raw.written == [b"hello", b"yes", b"yes"]
    assert pumped.driver.heard


async def test_what_trails_the_upgrade_goes_to_the_session() -> None:
    pumped = Pumped(Machine(done=3))
    pumped.upgrade_at = b"end"
    pumped.read(b"end" + sealed(b"first", b"second")[:-2])
    assert pumped.session.received == [b"first"]
    pumped.read(b"nd" + sealed(b"third"))
    assert pumped.session.received == [b"first", b"second", b"third"]


async def test_early_plaintext_comes_first() -> None:
    pumped = Pumped()
    pumped.run_session(b"early")
    pumped.read(sealed(b"late"))
    assert pumped.session.received == [b"early", b"late"]


SENT = sealed(b"a", b"", b"bc" * 300, b"d")


@given(cuts=st.lists(st.integers(0, len(SENT)), max_size=20), shared=st.booleans())
def test_cuts_do_not_matter(cuts: list[int], shared: bool) -> None:
    async def pump() -> list[bytes]:
        pumped = Pumped()
        pumped.run_session()
        for start, stop in itertools.pairwise([0, *sorted(cuts), len(SENT)]):
            (pumped.read if shared else pumped.driver.data_received)(SENT[start:stop])
        received: list[bytes] = pumped.session.received
        return received

    assert asyncio.run(pump()) == [b"a", b"", b"bc" * 300, b"d"]


async def test_two_connections_share_a_buffer_byte_by_byte() -> None:
    one = Pumped()
    other = Pumped(buffers=one.buffers)
    one.run_session()
    other.run_session()
    reverse = sealed(b"d", b"bc" * 300, b"", b"a")
    for byte, other_byte in zip(SENT, reverse, strict=True):
        one.read(bytes([byte]))
        other.read(bytes([other_byte]))
    assert one.session.received == [b"a", b"", b"bc" * 300, b"d"]
    assert other.session.received == one.session.received[::-1]


async def test_a_machines_error_ends_the_connection_once() -> None:
    pumped = Pumped()
    pumped.read(b"bad")
    pumped.read(b"more")
    assert pumped.raw.closes == 1
    assert pumped.events == []
    assert pumped.lost == []
    pumped.driver.connection_lost(None)
    pumped.driver.connection_lost(None)
    (reason,) = pumped.lost
    assert isinstance(reason, ProtocolViolation)


async def test_a_sessions_farewell_leaves_before_the_end() -> None:
    pumped = Pumped()
    pumped.run_session()
    pumped.read(sealed(b"fine", b"bad", b"unread"))
    assert pumped.raw.written == [sealed(b"farewell")]
    assert pumped.raw.closes == 1
    assert pumped.session.received == [b"fine"]
    pumped.driver.send(b"too late")
    pumped.driver.send_with_header(b"too", memoryview(b"late"))
    assert len(pumped.raw.written) == 1
    pumped.driver.connection_lost(None)
    assert str(pumped.lost[0]) == "bad frame"


async def test_the_end_of_input_is_the_end() -> None:
    broken = ProtocolViolation("in the middle of a handshake")
    for machine, text in ((Machine(), "the peer closed the connection"), (Machine(eof_error=broken), str(broken))):
        pumped = Pumped(machine)
        pumped.driver.eof_received()
        pumped.driver.connection_lost(None)
        assert [str(reason) for reason in pumped.lost] == [text]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, "the connection was closed"),
        (OSError("no route"), "the connection broke: no route"),
        (ConnectionResetError(104, "Connection reset by peer"), "the connection broke: connection reset by peer"),
        (BrokenPipeError(32, "Broken pipe"), "the peer closed the connection"),
    ],
)
async def test_a_raw_connection_that_ends_by_itself(error: OSError | None, text: str) -> None:
    pumped = Pumped()
    pumped.driver.connection_lost(error)
    assert isinstance(pumped.lost[0], ConnectionLost)
    assert text == str(pumped.lost[0])


async def test_a_flush_comes_at_the_end_of_the_tick() -> None:
    pumped = Pumped()
    pumped.run_session()
    pumped.session.pending = b"answer"
    pumped.driver.request_flush()
    assert pumped.raw.written == []
    await asyncio.sleep(0)
    assert pumped.raw.written == [sealed(b"answer")]


@pytest.mark.spec("NOI-5")
async def test_large_plaintext_is_cut_into_frames() -> None:
    pumped = Pumped()
    pumped.run_session()
    size = pumped.cipher.max_plaintext
    pumped.driver.send(bytes(SMALL_FRAME_BYTES))
    pumped.driver.send(bytes(SMALL_FRAME_BYTES + 1))
    pumped.driver.send(bytes(size + 1))
    assert [len(one) - 2 for one in pumped.raw.written] == [SMALL_FRAME_BYTES, SMALL_FRAME_BYTES + 1, size, 1]


@pytest.mark.spec("NOI-5")
@pytest.mark.parametrize("extra", [-5, -4, 0, 100_000])
async def test_header_and_payload_are_joined_in_the_first_frame(extra: int) -> None:
    pumped = Pumped()
    pumped.run_session()
    size = pumped.cipher.max_plaintext
    payload = bytes(range(256)) * 1000
    payload = payload[: size + extra]
    pumped.driver.send_with_header(b"head", memoryview(payload))
    assert b"".join(one[2:] for one in pumped.raw.written) == b"head" + payload
    assert max(len(one) for one in pumped.raw.written) <= size + 2


async def test_a_send_buffer_the_transport_kept_is_replaced() -> None:
    pumped = Pumped()
    pumped.run_session()
    before = pumped.buffers.send
    pumped.driver.send_with_header(b"head", memoryview(b"x"))
    assert pumped.buffers.send is before
    pumped.raw.backlog = 1
    pumped.driver.send_with_header(b"head", memoryview(b"x"))
    assert pumped.buffers.send is not before


async def test_writers_wait_until_the_transport_has_caught_up() -> None:
    pumped = Pumped()
    pumped.run_session()
    await pumped.drain()
    pumped.driver.pause_writing()
    waiting = [asyncio.ensure_future(pumped.drain()) for _ in range(3)]
    await asyncio.sleep(0)
    assert pumped.driver.full
    waiting[0].cancel()
    pumped.driver.resume_writing()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, type(None), type(None)]
    assert pumped.session.drains == 1


async def test_a_writer_may_be_woken_before_the_transport_has_caught_up() -> None:
    pumped = Pumped()
    pumped.driver.pause_writing()
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(pumped.driver.drain(waiter))
    await asyncio.sleep(0)
    waiter.set_result(None)
    await waiting
    assert pumped.driver.full


async def test_waiting_writers_hear_of_the_end() -> None:
    pumped = Pumped()
    pumped.driver.pause_writing()
    waiting = asyncio.ensure_future(pumped.drain())
    await asyncio.sleep(0)
    pumped.driver.close("enough")
    with pytest.raises(ConnectionLost, match="enough"):
        await waiting
    with pytest.raises(ConnectionLost, match="enough"):
        await pumped.drain()


class Draining(Raw):
    """A transport that is full, and has `leaving` bytes less at each look."""

    leaving = 0
    looks = 0

    def unsent(self) -> int:
        self.looks += 1
        self.backlog -= self.leaving
        return self.backlog


def full() -> tuple[Draining, Driver, asyncio.Event, list[BaseException]]:
    """A driver whose transport is full; when that is aborted; what the driver says it was lost for."""
    pumped = Pumped()
    raw = Draining(backlog=100_000)
    driver = Driver(raw, pumped.buffers, pumped.lost.append)
    aborted = asyncio.Event()
    raw.on_abort = aborted.set
    driver.run_session(pumped.cipher, Session(driver))
    driver.pause_writing()
    return raw, driver, aborted, pumped.lost


@pytest.mark.spec("YMX-25")
@pytest.mark.virtual_time
async def test_a_peer_that_takes_nothing_is_given_up_whatever_it_sends() -> None:
    assert driver_room.WRITE_TIMEOUT_S == 10
    raw, driver, aborted, lost = full()
    waiting = asyncio.ensure_future(driver.drain(asyncio.get_running_loop().create_future()))
    while not aborted.is_set():
        driver.data_received(sealed(b"still here"))
        await after(0.3)
    assert raw.looks == 1 + 10 + 9
    driver.connection_lost(None)
    with pytest.raises(ConnectionLost, match="took nothing of what we sent for 10 s"):
        await waiting
    assert [str(reason) for reason in lost] == ["the peer took nothing of what we sent for 10 s"]


@pytest.mark.spec("YMX-25")
@pytest.mark.virtual_time
async def test_a_peer_that_takes_little_or_resumes_now_and_then_is_not() -> None:
    raw, driver, aborted, _lost = full()
    raw.leaving = 1
    await after(100)
    raw.leaving = 0
    for _ in range(12):
        await after(8)
        driver.resume_writing()
        driver.pause_writing()
    assert raw.looks > 150
    assert not aborted.is_set()
    driver.resume_writing()
    looks = raw.looks
    await after(60)
    assert raw.looks == looks
    assert not aborted.is_set()


@pytest.mark.virtual_time
async def test_a_close_that_hangs_is_cut_short() -> None:
    pumped = Pumped()
    aborted = asyncio.Event()
    pumped.raw.on_abort = aborted.set
    pumped.driver.close("enough")
    await aborted.wait()
    assert asyncio.get_running_loop().time() == CLOSE_TIMEOUT_S


@pytest.mark.virtual_time
async def test_a_close_in_time_is_not() -> None:
    pumped = Pumped()
    aborted: list[bool] = []
    pumped.raw.on_abort = lambda: aborted.append(True)
    pumped.driver.close("enough")
    pumped.driver.connection_lost(None)
    await after(10)
    assert aborted == []


async def test_the_first_reason_stays() -> None:
    pumped = Pumped()
    pumped.raw.on_abort = lambda: pumped.driver.connection_lost(OSError("reset"))
    pumped.driver.abort(ConnectionLost("first"))
    pumped.driver.close("second")
    assert [str(reason) for reason in pumped.lost] == ["first"]


async def test_the_ciphers_farewell_is_the_last_that_is_written() -> None:
    pumped = Pumped()
    pumped.cipher.last_words = b"bye"
    pumped.driver.run_session(pumped.cipher, pumped.session)
    pumped.session.pending = b"last"
    pumped.driver.close("closed on our side")
    assert pumped.raw.written[-2:] == [b"\0\4last", b"bye"]
    written = len(pumped.raw.written)
    pumped.driver.close("again")
    assert len(pumped.raw.written) == written


async def test_an_end_without_the_peers_farewell_says_so() -> None:
    pumped = Pumped()
    pumped.cipher.cut = ConnectionLost("the connection was cut")
    pumped.driver.run_session(pumped.cipher, pumped.session)
    pumped.driver.eof_received()
    pumped.driver.connection_lost(None)
    assert [str(error) for error in pumped.lost] == ["the connection was cut"]


async def test_a_session_pauses_and_resumes_reading() -> None:
    pumped = Pumped()
    pumped.driver.pause_reading()
    assert pumped.raw.paused
    pumped.driver.resume_reading()
    assert not pumped.raw.paused
