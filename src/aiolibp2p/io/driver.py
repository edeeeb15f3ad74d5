"""The driver: pumps a stack of machines over one raw connection. No task, no queue, no await per frame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from aiolibp2p.abc.layers.muxer import MuxerSession
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.abc.machine import ByteMachine, ByteString
from aiolibp2p.errors import ConnectionLost, HandshakeFailed, Libp2pError
from aiolibp2p.io.buffers import SharedBuffers
from aiolibp2p.io.carrier_end import CarrierEnd, without_frames
from aiolibp2p.io.deadline_timer import DeadlineTimer

E = TypeVar("E")

SMALL_FRAME_BYTES = 2048
"""Bytes of plaintext up to which a frame gets a buffer of its own: cheaper than asking the transport whether it kept
the shared one."""

WRITE_TIMEOUT_S = 10.0
"""Seconds after which a peer that took none of what we sent is given up, as in go, whatever it sends meanwhile."""

WRITE_CHECKS = 10
"""Looks within `WRITE_TIMEOUT_S` at whether the peer took some: one a second costs nothing."""


class Driver:
    """The pump of one connection: receives for it (`RawReceiver`) and sends for its session (`MuxerWire`).

    First it runs a byte machine (the upgrade), then a cipher and a session. `on_lost` is called once, with the reason.
    """

    def __init__(self, raw: RawConnection, buffers: SharedBuffers, on_lost: Callable[[BaseException], None]) -> None:
        self.full = False
        self.timer: DeadlineTimer | None = None
        """The timer of the session, which whoever starts the session sets."""
        self.heard = False
        """Whether the peer has sent a byte during the upgrade."""
        self._raw = raw
        self._buffers = buffers
        self._end = CarrierEnd(on_lost)
        self._loop = asyncio.get_running_loop()
        self._machine: ByteMachine[Any] | None = None
        self._on_event: Callable[[Any], None] | None = None
        self._feed: Callable[[memoryview, Callable[[bytes], None]], int] = self._feed_machine
        self._deliver: Callable[[bytes], None] = _nowhere
        self._tail = b""
        self._cipher: Cipher | None = None
        self._session: MuxerSession | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        """Bytes that were unsent at the last look while the transport was full."""
        self._stalled = 0
        """The number of looks in a row at which nothing had left."""

    # The upgrade

    def run_machine(self, machine: ByteMachine[E], on_event: Callable[[E], None]) -> None:
        """Start reading, and feed the machine; `on_event` gets its events, synchronously.

        From within it `run_session` may take over.
        """
        self._machine = machine
        self._on_event = on_event
        self._raw.start(self)
        output = machine.start()
        if output.to_send:
            self._raw.write(output.to_send)

    def _feed_machine(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        machine, on_event = self._machine, self._on_event
        if machine is None or on_event is None:
            return len(data)
        self.heard = True
        output = machine.receive_data(data)
        if output.to_send:
            self._raw.write(output.to_send)
        for event in output.events:
            on_event(event)
        if self._session is not None and output.trailing:
            trailing = memoryview(output.trailing)
            self._tail = bytes(trailing[self._feed(trailing, self._deliver) :])
        return len(data)

    # The muxed connection

    def run_session(self, cipher: Cipher, session: MuxerSession, early_plaintext: bytes = b"") -> None:
        """Decrypt for the session from now on. `early_plaintext` came before it stood."""
        self._machine = self._on_event = None
        self._cipher = cipher
        self._session = session
        self._feed, self._deliver = cipher.decrypt, session.receive_data
        if early_plaintext:
            session.receive_data(early_plaintext)

    # RawReceiver

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the shared buffer, behind what is left of an unfinished frame."""
        buffer = self._buffers.receive
        tail = self._tail
        if tail:
            k = len(tail)
            buffer[:k] = tail
            return buffer[k:]
        return buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Feed the bytes that were read into the shared buffer."""
        tail = self._tail
        if tail:
            nbytes += len(tail)
            self._tail = b""
        self._pump(self._buffers.receive[:nbytes])

    def data_received(self, data: ByteString) -> None:
        """Feed a chunk in a buffer of its own."""
        tail, self._tail = self._tail, b""
        self._pump(memoryview(tail + data if tail else data))

    def _pump(self, data: memoryview) -> None:
        if self._end.error is not None:
            return
        try:
            taken = self._feed(data, self._deliver)
        except Libp2pError as error:
            if isinstance(error, HandshakeFailed) and error.last_words:
                self._raw.write(error.last_words)
            self.fail(without_frames(error))
            return
        if taken < len(data):
            self._tail = bytes(data[taken:])

    def eof_received(self) -> None:
        """End the connection: for one that carries streams that is what a peer means by sending no more."""
        error: Libp2pError = ConnectionLost("the peer closed the connection")
        ending = self._machine or self._cipher
        if ending is not None:
            try:
                ending.receive_eof()
            except Libp2pError as reason:
                error = without_frames(reason)
        self.fail(error)

    def connection_lost(self, error: BaseException | None) -> None:
        """Let go of everything: the raw connection is gone."""
        if self._end.is_lost:
            return
        if self._write_timer is not None:
            self._write_timer.cancel()
        # What refers back to us goes, so that a dead connection is freed at once and not by the collector.
        self._machine = self._on_event = self._cipher = self._session = None
        self._feed, self._deliver = _feed_nobody, _nowhere
        self._end.lost(error)

    def pause_writing(self) -> None:
        """Let streams wait from now on, and watch whether the peer takes anything."""
        self.full = True
        self._end.pause_writing()
        if self._write_timer is None:
            self._stalled = 0
            self._watch_writing()

    def resume_writing(self) -> None:
        """Let streams go on: the peer took what was sent."""
        self.full = False
        self._stalled = 0
        if self._session is not None:
            self._session.drained()
        self._end.resume_writing()

    def _watch_writing(self) -> None:
        """Set one timer, anew when it fires: a fast connection pauses and resumes a thousand times a second."""
        self._unsent = self._raw.unsent()
        self._write_timer = self._loop.call_later(WRITE_TIMEOUT_S / WRITE_CHECKS, self._check_writing)

    def _check_writing(self) -> None:
        self._write_timer = None
        if not self.full or self._end.error is not None:
            return
        self._stalled = 0 if self._raw.unsent() < self._unsent else self._stalled + 1
        if self._stalled < WRITE_CHECKS:
            self._watch_writing()
        else:
            self.abort(ConnectionLost(f"the peer took nothing of what we sent for {WRITE_TIMEOUT_S:g} s"))

    # MuxerWire

    def request_flush(self) -> None:
        """Flush the session at the end of this turn of the event loop."""
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._session is not None:
            self._session.flush()

    def send(self, plaintext: ByteString) -> None:
        """Seal plaintext and write the frames."""
        cipher = self._cipher
        if cipher is None:
            return
        if len(plaintext) <= SMALL_FRAME_BYTES:
            self._raw.write(cipher.encrypt(plaintext))
        else:
            self._send_frames(cipher, memoryview(plaintext))

    def send_with_header(self, header: bytes, payload: memoryview) -> None:
        """Seal header and payload, the first frame joined in the send buffer itself."""
        cipher = self._cipher
        if cipher is None:
            return
        out = self._buffers.send
        start = cipher.prefix
        middle = start + len(header)
        n = min(len(payload), cipher.max_plaintext - len(header))
        out[start:middle] = header
        out[middle : middle + n] = payload[:n]
        self._write_shared(cipher.encrypt_into(out[start : middle + n], out))
        if n < len(payload):
            self._send_frames(cipher, payload[n:])

    def _send_frames(self, cipher: Cipher, plaintext: memoryview) -> None:
        size = cipher.max_plaintext
        for at in range(0, len(plaintext), size):
            self._write_shared(cipher.encrypt_into(plaintext[at : at + size], self._buffers.send))

    def _write_shared(self, length: int) -> None:
        raw = self._raw
        raw.write(self._buffers.send[:length])
        if raw.unsent():
            self._buffers.replace_send()

    def pause_reading(self) -> None:
        """Read nothing of the raw connection for a while."""
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Read the raw connection again."""
        self._raw.resume_reading()

    def rtt(self) -> float | None:
        """Return the round trip in seconds that the raw connection has seen; None when unknown."""
        return self._raw.rtt()

    def timeout_changed(self) -> None:
        """The session's deadline has come nearer."""
        if self.timer is not None:
            self.timer.changed()

    async def drain(self, waiter: asyncio.Future[None]) -> None:
        """Wait until the transport has caught up, or somebody else sets `waiter`. Raises ConnectionLost at the end."""
        await self._end.drain(waiter)

    # Ends

    def fail(self, error: BaseException) -> None:
        """End the connection because of `error`: send what is pending, a farewell included, then close."""
        if self._end.begin(error):
            self._flush()
            self._say_farewell()
            self._raw.close()
            self._end.close_soon(self._raw.abort)

    def _say_farewell(self) -> None:
        cipher, self._cipher = self._cipher, None
        if cipher is not None and not self._end.is_lost and (farewell := cipher.farewell()):
            self._raw.write(farewell)

    def close(self, reason: str) -> None:
        """End the connection in peace, after what is pending has left."""
        self.fail(ConnectionLost(reason))

    def abort(self, error: BaseException) -> None:
        """End the connection at once; nothing more is sent."""
        self._end.begin(error)
        self._raw.abort()


def _nowhere(plaintext: bytes) -> None:
    """Take plaintext while there is no session yet, or none any more."""


def _feed_nobody(data: memoryview, deliver: Callable[[bytes], None]) -> int:
    return len(data)
