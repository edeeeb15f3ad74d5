"""How windows grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.muxers.yamux.window import FAST_GROWTH_BYTES, MAX_WINDOW_BYTES, next_window
from muxers.yamux.pair import End, Sink

KIB = 1024


def test_small_windows_double_without_a_measurement() -> None:
    assert next_window(256 * KIB, 128 * KIB, 0.0, None, MAX_WINDOW_BYTES) == 512 * KIB


@pytest.mark.parametrize(("elapsed_s", "grows"), [(0.05, True), (10.0, False)])
def test_large_windows_follow_the_path(elapsed_s: float, grows: bool) -> None:
    window = next_window(FAST_GROWTH_BYTES, FAST_GROWTH_BYTES // 2, elapsed_s, 0.1, MAX_WINDOW_BYTES)
    assert window == FAST_GROWTH_BYTES * (2 if grows else 1)


def test_never_past_the_maximum() -> None:
    assert next_window(MAX_WINDOW_BYTES, MAX_WINDOW_BYTES, 0.001, 1.0, MAX_WINDOW_BYTES) == MAX_WINDOW_BYTES
    assert next_window(256 * KIB, 128 * KIB, 0.0, None, 300 * KIB) == 300 * KIB


@given(
    window=st.integers(256 * KIB, MAX_WINDOW_BYTES),
    consumed=st.integers(0, MAX_WINDOW_BYTES),
    elapsed_s=st.floats(-1, 1e6),
    rtt_s=st.none() | st.floats(0, 1e3),
    maximum=st.integers(1, 2 * MAX_WINDOW_BYTES),
)
def test_a_window_never_shrinks_and_at_most_doubles(
    window: int, consumed: int, elapsed_s: float, rtt_s: float | None, maximum: int
) -> None:
    after = next_window(window, consumed, elapsed_s, rtt_s, maximum)
    assert window <= after <= max(window, min(2 * window, maximum))


def test_a_maximum_below_the_initial_window_takes_no_credit_back() -> None:
    assert next_window(256 * KIB, 128 * KIB, 0.0, None, 64 * KIB) == 256 * KIB


def test_a_large_window_needs_a_measurement_to_grow() -> None:
    assert next_window(FAST_GROWTH_BYTES, FAST_GROWTH_BYTES, 0.001, None, MAX_WINDOW_BYTES) == FAST_GROWTH_BYTES
    assert next_window(FAST_GROWTH_BYTES, 1, 0.0, 0.001, MAX_WINDOW_BYTES) == 2 * FAST_GROWTH_BYTES


@pytest.mark.parametrize(("path_rtt", "grows"), [(0.0001, False), (0.1, True), (None, True)])
def test_the_path_and_not_a_queued_ping_says_how_large_a_window_is(path_rtt: float | None, grows: bool) -> None:
    """One ping took a second: where the path itself is known to be short, the window stays small all the same."""
    sender, receiver = End(Role.INITIATOR), End(Role.RESPONDER)
    receiver.wire.path_rtt = path_rtt
    stream_id = sender.session.open_stream(Sink())
    sender.session.write(stream_id, b"x")
    for end, other in ((sender, receiver), (receiver, sender)):
        other.session.receive_data(end.take())
    receiver.clock.time = sender.clock.time = 1.0
    receiver.session.receive_data(sender.take())
    assert receiver.session.rtt == 1.0
    for _ in range(8):
        receiver.clock.time += 0.01
        n = sender.session.write(stream_id, bytes(16 * 1024 * 1024))
        receiver.session.receive_data(sender.take())
        receiver.session.consumed(stream_id, n)
        sender.session.receive_data(receiver.take())
    window = sender.session.write(stream_id, bytes(32 * 1024 * 1024))
    assert (window > FAST_GROWTH_BYTES) is grows
