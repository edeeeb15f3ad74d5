"""How large a stream's receive window should be."""

from __future__ import annotations

FAST_GROWTH_BYTES = 1024 * 1024
"""Bytes up to which a window doubles with each update: 256 KiB alone would hold even a loopback path to a third."""

MAX_WINDOW_BYTES = 16 * 1024 * 1024
"""The largest window, in bytes: that of go and js. It fills a gigabit a second over 130 ms."""


def next_window(window: int, consumed: int, elapsed_s: float, rtt_s: float | None, maximum: int) -> int:
    """Return the window to announce next, in bytes; never smaller than `window`, for credit cannot be taken back.

    A reader took `consumed` bytes within `elapsed_s` seconds of the last update. Past the fast growth a window
    doubles only while it is smaller than twice the measured bandwidth-delay product: a larger one would only
    move the queue, and with it everybody else's latency, into our memory.
    """
    if window >= maximum:
        return window
    if window < FAST_GROWTH_BYTES:
        return min(window * 2, maximum)
    if rtt_s is None:
        return window
    if elapsed_s <= 0 or 2 * consumed * rtt_s > window * elapsed_s:
        return min(window * 2, maximum)
    return window
