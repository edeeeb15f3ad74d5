"""Frames of a muxer that wait for one another, so that those of one tick leave in few cipher frames."""

from __future__ import annotations

from aiolibp2p.abc.layers.muxer import MuxerWire

PENDING_BYTES = 65_280
"""What one Noise frame holds at its cheapest size; frames with bodies are cut so that one fills it exactly."""

DIRECT_BYTES = 16 * 1024
"""Bytes of one write that go straight to the wire, without waiting for company: joining them would copy them."""

FIRST_PIECE_FRAMES = 16
"""Frames of one tick that leave without waiting for its end.

Two ends that each answer a whole batch before they send any of it work in turns, and one core is always idle. Measured
with 64 streams that ping: pieces of 8 frames pay for too many system calls, pieces of 32 leave batches of up to 32
whole; in between the choice hardly matters.
"""

PIECE_GROWTH = 2
"""How much larger each piece of a tick is than the one before it, in frames.

The peer has the first piece to work on soon, and a second half that leaves while it works on the first keeps both ends
busy. So a tick of n frames costs log2(n / 16) sends more than one, not n / 16.
"""


class PendingFrames:
    """Pending plaintext of one session.

    The first small write after bytes came in, or after a flush, may leave at once (the lead); what follows waits for
    a piece to be complete, or for the end of the tick.
    """

    def __init__(self, wire: MuxerWire) -> None:
        self.owed_bytes = 0
        """`owed_bytes`: what was taken while the transport was full, and has not left."""
        self.held = False
        """`held`: bytes are coming in, and answers wait for `release`: a handler's first words can join them."""
        self._wire = wire
        self._pending = bytearray()
        self._frames = 0
        """`_frames`: the frames that are pending."""
        self._piece_frames = FIRST_PIECE_FRAMES
        """`_piece_frames`: the frames that make the next piece of this tick."""
        self._requested = False
        self._lead = True

    def release(self, lead: bool) -> None:
        """Let answers leave: the input is done. `lead`: at most one reader was woken, the next write may go alone."""
        self.held = False
        self._lead = lead and not self._pending
        if self._pending:
            self._request()

    def control(self, frame: bytes) -> None:
        """Queue a frame that never grows."""
        self._make_room(len(frame))
        self._pending += frame
        if self._wire.full:
            self.owed_bytes += len(frame)
        self._request()

    def flush(self) -> None:
        """Hand over what is pending: the tick ends."""
        self._requested = False
        self._lead = True
        self._piece_frames = FIRST_PIECE_FRAMES
        if self._pending:
            self._send_pending()

    def drained(self) -> None:
        """Forget what was owed: the transport has caught up."""
        self.owed_bytes = 0

    def _request(self) -> None:
        if not self._requested and not self.held:
            self._requested = True
            self._wire.request_flush()

    def _make_room(self, n: int) -> None:
        """A frame of `n` bytes is about to begin: what cannot or need not wait for it leaves.

        A piece leaves when the frame behind it begins, and not when its last one does: that one may still grow.
        """
        self._close_frame()
        if self._frames >= self._piece_frames and not self.held:
            self._piece_frames *= PIECE_GROWTH
            self._send_pending()
        elif len(self._pending) + n > PENDING_BYTES:
            self._send_pending()
        self._frames += 1

    def _close_frame(self) -> None:
        """The frame that may still grow, if the muxer has such, grows no more."""

    def _send_pending(self) -> None:
        self._close_frame()
        pending = self._pending
        self._pending = bytearray()
        self._frames = 0
        self._wire.send(pending)
