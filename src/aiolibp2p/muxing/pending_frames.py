"""Frames of a muxer that wait for the end of the tick, so that they leave in as few cipher frames as possible."""

from __future__ import annotations

from aiolibp2p.abc.layers.muxer import MuxerWire

PENDING_BYTES = 65_280
"""What one Noise frame holds at its cheapest size; frames with bodies are cut so that one fills it exactly."""

DIRECT_BYTES = 16 * 1024
"""From here on bytes go straight to the wire, without waiting for company."""


class PendingFrames:
    """Pending plaintext of one session.

    The first small write after bytes came in, or after a flush, may leave at once (the lead); what follows waits for
    the end of the tick.
    """

    def __init__(self, wire: MuxerWire) -> None:
        self.owed_bytes = 0
        """Taken while the transport was full."""
        self.held = False
        """Bytes are coming in: answers wait for `release`, so that a handler's first words can join them."""
        self._wire = wire
        self._pending = bytearray()
        self._requested = False
        self._lead = True

    def release(self, lead: bool) -> None:
        """The input is done. `lead`: at most one reader was woken, so the next write need not wait for others."""
        self.held = False
        self._lead = lead and not self._pending
        if self._pending:
            self._request()

    def control(self, frame: bytes) -> None:
        """Queue a frame that never grows."""
        self._close_frame()
        if len(self._pending) + len(frame) > PENDING_BYTES:
            self._send_pending()
        self._pending += frame
        if self._wire.full:
            self.owed_bytes += len(frame)
        self._request()

    def flush(self) -> None:
        """The end of the tick: hand over what is pending."""
        self._requested = False
        self._lead = True
        if self._pending:
            self._send_pending()

    def drained(self) -> None:
        """The transport caught up."""
        self.owed_bytes = 0

    def _request(self) -> None:
        if not self._requested and not self.held:
            self._requested = True
            self._wire.request_flush()

    def _close_frame(self) -> None:
        """The frame that may still grow, if the muxer has such, grows no more."""

    def _send_pending(self) -> None:
        self._close_frame()
        pending = self._pending
        self._pending = bytearray()
        self._wire.send(pending)
