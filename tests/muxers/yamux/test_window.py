"""How windows grow."""

from __future__ import annotations

import pytest

from aiolibp2p.muxers.yamux.window import FAST_GROWTH_BYTES, MAX_WINDOW_BYTES, next_window

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
