"""The trace of a run."""

from __future__ import annotations

from aiolibp2p.simulator.trace import Trace


def traced(*events: tuple[float, str]) -> Trace:
    trace = Trace(kept=2)
    for at_s, what in events:
        trace.record(at_s, what)
    return trace


def test_equal_events_have_equal_hashes() -> None:
    assert traced((1.0, "a"), (2.0, "b")).sha256 == traced((1.0, "a"), (2.0, "b")).sha256


def test_time_order_and_text_count() -> None:
    hashes = {
        traced((1.0, "a"), (2.0, "b")).sha256,
        traced((2.0, "b"), (1.0, "a")).sha256,
        traced((1.0, "a"), (2.5, "b")).sha256,
        traced((1.0, "a"), (2.0, "c")).sha256,
    }
    assert len(hashes) == 4


def test_only_the_last_are_kept() -> None:
    trace = traced((1.0, "a"), (2.0, "b"), (3.0, "c"))
    assert trace.last == ["2.0 b", "3.0 c"]
    assert trace.count == 3
