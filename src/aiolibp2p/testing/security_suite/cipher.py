"""Tests of ciphers: what is sealed is opened, whole and in order; what was changed on the way is not."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiolibp2p.errors import ConnectionLost, ProtocolViolation
from aiolibp2p.testing.security_suite.handshake import CUTS, inherited
from aiolibp2p.testing.security_suite.hostile import SecurityHostileSuite
from aiolibp2p.testing.security_suite.pair import SecuredEnd, cut, flipped, places

SECRET = b"the quick brown fox jumps over the lazy dog"


class SecuritySuite(SecurityHostileSuite):
    """The whole suite: handshakes, hostile peers, ciphers."""

    def test_every_size_both_ways(self) -> None:
        """Every size from nothing to `max_plaintext` is opened again; a frame adds at most `overhead` bytes."""
        for sender, receiver in self.connected().both_ways:
            cipher = sender.cipher
            assert 0 <= cipher.prefix <= cipher.overhead
            for size in (0, 1, 2, 255, 256, cipher.max_plaintext - 1, cipher.max_plaintext):
                text = random.Random(size).randbytes(size)
                receiver.received = b""
                frame = sender.seal(text)
                assert len(frame) <= size + cipher.overhead
                receiver.receive(frame)
                assert receiver.error is None
                assert receiver.received == text

    @pytest.mark.parametrize("in_place", [False, True])
    def test_encrypt_into_is_encrypt(self, in_place: bool) -> None:
        """`encrypt_into` seals what `encrypt` does, from a buffer of its own and from the very place it seals into."""
        for sender, receiver in self.connected().both_ways:
            largest = sender.cipher.max_plaintext
            out = memoryview(bytearray(largest + sender.cipher.overhead + 100))
            for size in (0, 1, 1000, largest):
                self._carry_into(random.Random(size).randbytes(size), out, in_place, sender, receiver)

    def _carry_into(
        self, text: bytes, out: memoryview, in_place: bool, sender: SecuredEnd, receiver: SecuredEnd
    ) -> None:
        cipher = sender.cipher
        plaintext = memoryview(text)
        if in_place:
            plaintext = out[cipher.prefix : cipher.prefix + len(text)]
            plaintext[:] = text
        receiver.received = b""
        length = cipher.encrypt_into(plaintext, out)
        assert length <= len(text) + cipher.overhead
        receiver.receive(out[:length])
        assert receiver.error is None
        assert receiver.received == text

    @inherited
    @given(st.lists(st.integers(0, 3000), max_size=8), CUTS)
    @example([100, 3000], [1, 50, 130])
    def test_frames_cut_anywhere(self, sizes: list[int], cuts: list[int]) -> None:
        """A plaintext is delivered once, whole, in order; the tail of an unfinished frame is handed in again."""
        for sender, receiver in self.connected().both_ways:
            before = len(receiver.received)
            texts = [random.Random(size).randbytes(size) for size in sizes]
            for piece in cut(b"".join(map(sender.seal, texts)), cuts):
                receiver.receive(piece)
            assert receiver.error is None
            assert receiver.received[before:] == b"".join(texts)

    def test_byte_by_byte_nothing_comes_early(self) -> None:
        """A frame is delivered with its last byte, not before."""
        for sender, receiver in self.connected().both_ways:
            before = len(receiver.received)
            for byte in sender.seal(SECRET):
                assert len(receiver.received) == before or not self.authenticates_frames
                receiver.receive(bytes([byte]))
            assert receiver.received[before:] == SECRET

    def test_bulk_in_both_directions(self) -> None:
        """Some megabytes pass both ways, interleaved, several frames at once."""
        pair = self.connected()
        chance = random.Random(1)
        for _ in range(12):
            for sender, receiver in pair.both_ways:
                receiver.received = b""
                texts = [chance.randbytes(chance.randint(0, sender.cipher.max_plaintext)) for _ in range(3)]
                receiver.receive(b"".join(map(sender.seal, texts)))
                assert receiver.error is None
                assert receiver.received == b"".join(texts)

    def test_nobody_reads_along(self) -> None:
        """The plaintext is not in the frames, and the same plaintext never makes the same frame."""
        self._needs_encryption()
        for sender, _ in self.connected().both_ways:
            frames = [sender.seal(SECRET), sender.seal(SECRET)]
            out = memoryview(bytearray(len(SECRET) + sender.cipher.overhead))
            frames.append(bytes(out[: sender.cipher.encrypt_into(SECRET, out)]))
            wire = b"".join(frames)
            assert not any(SECRET[at : at + 8] in wire for at in range(len(SECRET) - 8))
            assert len({*frames}) == 3

    def test_the_two_directions_have_keys_of_their_own(self) -> None:
        """The two directions do not make the same frames, and no side takes a frame that it has sent itself."""
        self._needs_encryption()
        pair = self.connected()
        assert pair.initiator.seal(SECRET) != pair.responder.seal(SECRET)
        for end in self.connected().ends:
            self._assert_refused(end, end.seal(SECRET), end)

    def test_a_byte_changed_at_every_place_of_a_frame(self) -> None:
        """A frame that was changed is not delivered, nor what follows it."""
        self._needs_authentication()
        size = len(self.connected().initiator.seal(SECRET))
        for place in places(size, self.max_places):
            for direction in (0, 1):
                sender, receiver = self.connected().both_ways[direction]
                frame = flipped(sender.seal(SECRET), place % size, 1 << place % 8)
                self._assert_refused(receiver, frame, sender)

    @inherited
    @given(st.integers(0, 4096), st.integers(1, 255))
    def test_any_byte_of_a_frame_changed(self, place: int, mask: int) -> None:
        """A frame of which any byte was changed in any way is not delivered."""
        self._needs_authentication()
        sender, receiver = self.connected().both_ways[0]
        frame = sender.seal(SECRET)
        self._assert_refused(receiver, flipped(frame, place % len(frame), mask), sender)

    def test_frames_repeated_lost_or_out_of_order(self) -> None:
        """Frames that are repeated, lost or reordered are not delivered; those before them are."""
        self._needs_authentication()
        if not self.numbers_frames:
            pytest.skip("this security does not number its frames")
        texts = [b"zero, ", b"one, ", b"two, "]
        for order, good in (([0, 0], 1), ([0, 2], 1), ([1], 0), ([1, 0], 0), ([0, 1, 0], 2)):
            for direction in (0, 1):
                sender, receiver = self.connected().both_ways[direction]
                before = receiver.received
                frames = [sender.seal(text) for text in texts]
                receiver.receive(b"".join(frames[number] for number in order))
                assert isinstance(receiver.error, ProtocolViolation), receiver.error
                assert receiver.received == before + b"".join(texts[:good])

    def test_frames_of_another_connection(self) -> None:
        """A frame that another connection's keys have sealed is not delivered."""
        self._needs_authentication()
        mine, other = self.connected(), self.connected()
        self._assert_refused(mine.responder, other.initiator.seal(SECRET), mine.initiator)

    @inherited
    @given(st.binary(min_size=1, max_size=300))
    def test_garbage_in_place_of_a_frame(self, garbage: bytes) -> None:
        """Garbage is not delivered, and causes no error but a ProtocolViolation."""
        self._needs_authentication()
        sender, receiver = self.connected().both_ways[1]
        self._assert_refused(receiver, garbage, sender)

    def test_a_failed_cipher_delivers_nothing_more(self) -> None:
        """A frame behind one that was refused is refused as well."""
        self._needs_authentication()
        sender, receiver = self.connected().both_ways[0]
        first, second = sender.seal(b"first"), sender.seal(b"second")
        before = receiver.received
        receiver.receive(flipped(first, len(first) - 1, 1))
        receiver.error = None
        receiver.receive(second)
        assert receiver.received == before
        assert receiver.error is not None

    def test_an_end_without_farewell_is_a_cut(self) -> None:
        """Input that ends without the protocol's farewell was cut off; if the protocol has none, it may end."""
        for one, other in self.connected().both_ways:
            has_farewell = bool(self.connected().initiator.cipher.farewell())
            other.receive(one.seal(b"last words"))
            if not has_farewell:
                other.cipher.receive_eof()
                continue
            with pytest.raises(ConnectionLost):
                other.cipher.receive_eof()

    def test_an_end_with_farewell(self) -> None:
        """A farewell is understood only once it came whole; what was sent before is delivered."""
        for direction in (0, 1):
            one, other = self.connected().both_ways[direction]
            before = other.received
            other.receive(one.seal(b"last words") + bytes(one.cipher.farewell()))
            assert other.received == before + b"last words"
            assert other.error is None or isinstance(other.error, ConnectionLost), other.error
            other.cipher.receive_eof()
            assert isinstance(one.cipher.farewell(), bytes | bytearray | memoryview)

    def _needs_encryption(self) -> None:
        if not self.encrypts:
            pytest.skip("this security does not encrypt")

    def _needs_authentication(self) -> None:
        if not self.authenticates_frames:
            pytest.skip("this security does not authenticate its frames")

    def _assert_refused(self, receiver: SecuredEnd, frame: bytes, sender: SecuredEnd) -> None:
        """Assert that a frame is refused at once, or, when it claims to be longer, once its rest has come."""
        before = receiver.received
        receiver.receive(frame)
        taken = len(frame)
        while receiver.error is None:
            assert receiver.received == before, "something was delivered that was never sent so"
            assert taken <= 2 * self.max_frame_bytes, "it waits for a frame that is longer than any"
            more = sender.seal(bytes(sender.cipher.max_plaintext))
            receiver.receive(more)
            taken += len(more)
        assert isinstance(receiver.error, ProtocolViolation), receiver.error
        assert receiver.received == before
