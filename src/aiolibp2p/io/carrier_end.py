"""The end of a carrier: once, for the first reason, told once to whoever put streams on it, and freed at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiolibp2p.abc.layers.carrier import Flow
from aiolibp2p.errors import ConnectionLost, Libp2pError

CLOSE_TIMEOUT_S = 1.0
"""Seconds that unsent bytes have to leave when a carrier is closed. A peer that reads takes them within a round trip,
and closing a host must not wait for one that does not."""


class CarrierEnd(Flow):
    """Owned by one carrier: keeps why it ends, wakes writers that wait for it, and cuts a slow close short.

    It is the carrier's `flow`, so that streams keep it and not the carrier.

    A carrier that fails calls `begin`, sends its last words, closes what is below it and calls `close_soon`; when
    what is below is gone, by itself or not, it drops what refers back to it and calls `lost`. Then `on_lost` is
    called with the reason, if there is one by then, and forgotten: nothing that is left refers to the carrier.
    """

    def __init__(self, on_lost: Callable[[BaseException], None] | None = None) -> None:
        self.error: BaseException | None = None
        """The reason for which the carrier ends; None while it lives."""
        self.is_lost = False
        """Whether what is below the carrier is gone."""
        self.full = False
        """The carrier holds more than it wants to: nothing of a stream should be written now."""
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: dict[asyncio.Future[None], None] = {}

    def begin(self, error: BaseException) -> bool:
        """End because of `error`. False when there was a reason already, which stays."""
        if self.error is not None:
            return False
        self.error = error
        return True

    def close_soon(self, abort: Callable[[], None]) -> None:
        """Let writers hear of the end, the last words being said, and call `abort` if it takes `CLOSE_TIMEOUT_S`."""
        self.wake()
        if not self.is_lost:
            self._timer = self._loop.call_later(CLOSE_TIMEOUT_S, abort)

    def lost(self, error: BaseException | None) -> None:
        """Hear that what is below is gone, because of `error` or because it was closed. Tells `on_lost`, once."""
        if self.is_lost:
            return
        self.is_lost = True
        if self._timer is not None:
            self._timer.cancel()
        self.begin(ConnectionLost(_what_ended(error)))
        self.wake()
        self._tell()

    def tell(self, on_lost: Callable[[BaseException], None]) -> None:
        """Set who is told, when that was not known from the start. If it is over already, that is told soon."""
        self._on_lost = on_lost
        if self.is_lost:
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None and self.error is not None:
            on_lost(self.error)

    # Writers that wait until the carrier takes bytes again

    def pause_writing(self) -> None:
        """Let streams wait from now on."""
        self.full = True

    def resume_writing(self) -> None:
        """Let streams go on."""
        self.full = False
        self.wake()

    async def drain(self, waiter: asyncio.Future[None]) -> None:
        if self.full and self.error is None:
            self._waiters[waiter] = None
            try:
                await waiter
            finally:
                self._waiters.pop(waiter, None)
        if self.error is not None:
            raise ConnectionLost(str(self.error)) from self.error

    def wake(self) -> None:
        """Let all writers that wait look again, in the order they came."""
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def without_frames(error: Libp2pError) -> Libp2pError:
    """Clear the tracebacks of an error that a carrier keeps, and of those it came from.

    They lead through the carrier's own frames back to it, and only the collector of cycles would free it.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def _what_ended(error: BaseException | None) -> str:
    if error is None:
        return "the connection was closed"
    if isinstance(error, BrokenPipeError):
        return "the peer closed the connection"  # and reset it for what we sent after that
    text = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return f"the connection broke: {text}"
