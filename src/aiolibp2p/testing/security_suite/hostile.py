"""Tests of handshakes with somebody on the way, or with a peer that means no good."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from aiolibp2p.testing.security_suite.handshake import SecurityHandshakeSuite, inherited
from aiolibp2p.testing.security_suite.pair import SecuredEnd, SecuredPair, flipped, places

Change = Callable[[bytes], bytes]

FILLERS = (b"\x00", b"\x7f", b"\xff", b"\x01\x00")
HEAD_BYTES = 12
"""The length within which a message's header lies, in bytes."""

CHUNK_BYTES = 4096
"""The bytes that an endless peer sends at once."""


class SecurityHostileSuite(SecurityHandshakeSuite):
    """Tests that any bytes of a peer are a RemoteError, or nothing comes of them."""

    def test_a_byte_changed_at_every_place_of_every_message(self) -> None:
        """A byte that was changed ends the handshake, or was of no importance: both ends know the right peer."""
        for number in range(self.handshake_flights()):
            size = len(self.pair().shake_hands().flights[number][1])
            for place in places(size, self.max_places):
                self._changed(number, _flip(place, 1 << place % 8))

    def _changed(self, number: int, change: Change) -> None:
        pair = self.pair().shake_hands(lambda at, flight: (change(flight) if at == number else flight,))
        self.assert_known(pair)
        if pair.complete:
            self.assert_complete(pair)
        self._assert_ended(pair)

    def _assert_ended(self, pair: SecuredPair) -> None:
        """Assert that nobody would wait for ever: at the end of input the rest fails."""
        for end in pair.ends:
            if end.secured is None and end.error is None:
                self.assert_refuses_end(end)

    @inherited
    @given(st.integers(0, 7), st.integers(0, 4096), st.integers(1, 255))
    def test_any_byte_changed(self, number: int, place: int, mask: int) -> None:
        """Any byte of any message, changed in any way, ends the handshake or was of no importance."""
        flights = self.handshake_flights()
        self._changed(number % flights, _flip(place, mask))

    @inherited
    @given(st.integers(0, 7), st.integers(0, 4096), st.binary(max_size=8), st.integers(0, 8))
    def test_bytes_lost_or_put_in(self, number: int, place: int, inserted: bytes, lost: int) -> None:
        """Bytes that are lost or put in, anywhere in any message, end the handshake or were of no importance."""

        def change(flight: bytes) -> bytes:
            at = place % len(flight)
            return flight[:at] + inserted + flight[at + lost :]

        self._changed(number % self.handshake_flights(), change)

    @inherited
    @given(st.integers(0, 7), st.binary(max_size=600), st.booleans())
    @example(0, b"\xff" * 600, False)
    @example(1, b"\xff" * 600, True)
    def test_garbage_in_place_of_a_message(self, number: int, garbage: bytes, behind_a_head: bool) -> None:
        """A handshake in which garbage takes the place of a message completes for nobody."""
        _, end, flight = self.held_back(number % self.handshake_flights())
        end.receive(flight[:HEAD_BYTES] + garbage if behind_a_head else garbage)
        if not flight.startswith(flight[:HEAD_BYTES] + garbage):
            assert end.secured is None
        if end.error is None:
            self.assert_refuses_end(end)

    def test_a_message_of_another_handshake(self) -> None:
        """A recorded message is of no use: neither one of the same side, nor the other side's own, sent back."""
        for number in range(1, self.handshake_flights()):
            recorded = self.pair().shake_hands().flights
            _, end, _ = self.held_back(number)
            if self.authenticates_peers:
                end.receive(recorded[number][1])
                assert end.secured is None or end.error or not end.received
            _, end, flight = self.held_back(number)
            end.receive(recorded[number - 1][1])
            if recorded[number - 1][1] != flight and self.authenticates_peers:
                assert end.secured is None

    def test_endless_bytes_are_stopped(self) -> None:
        """A peer that goes on without ending the handshake is refused, whatever it claims will come."""
        for number in range(self.handshake_flights()):
            for head, filler in itertools.product(range(HEAD_BYTES + 1), FILLERS):
                _, end, flight = self.held_back(number)
                self._flood(end, flight[:head], filler)

    def test_a_message_again_and_again(self) -> None:
        """A message that is repeated is not taken for ever."""
        for number in range(self.handshake_flights()):
            _, end, flight = self.held_back(number)
            self._flood(end, flight, flight)

    def _flood(self, end: SecuredEnd, head: bytes, filler: bytes) -> None:
        end.receive(head)
        chunk = filler * (CHUNK_BYTES // len(filler) + 1)
        taken = len(head)
        while end.secured is None and end.error is None:
            end.receive(chunk)
            taken += len(chunk)
            assert taken <= self.max_handshake_bytes + 2 * len(chunk), (
                f"it took {taken} bytes that begin with {head.hex()} without an end"
            )

    def test_a_failed_handshake_stays_so(self) -> None:
        """A handshake that failed is completed by nothing: neither the right message nor another."""
        for number in range(self.handshake_flights()):
            _, end, flight = self.held_back(number)
            end.receive(b"\xff" * len(flight) + flight)
            if end.error is None:
                continue
            end.error = None
            end.receive(flight)
            assert end.secured is None
            assert end.error is not None, "a machine that had failed took more"


def _flip(place: int, mask: int) -> Change:
    return lambda flight: flipped(flight, place % len(flight), mask)
