"""The harness notices machines to which cuts matter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aiolibp2p.abc.machine import Output
from aiolibp2p.errors import ProtocolViolation
from fuzz.cuts import Refused, cuttings, raise_if_refused, same_however_cut

DATA = b"some bytes, some more bytes"


class Echo:
    """Sends back what comes and ends after `size` bytes; `fault` is what is wrong with it."""

    def __init__(self, size: int = 10, fault: str = "") -> None:
        self._left = size
        self._fault = fault
        self._pieces = 0

    def start(self) -> Output[str]:
        return Output(to_send=b"hello ")

    def receive_data(self, data: bytes) -> Output[str]:
        self._pieces += 1
        if b"!" in data:
            if self._fault == "error":
                raise ValueError("an exclamation, and nobody's fault")
            raise ProtocolViolation("an exclamation" + f" in {len(data)} bytes" * (self._fault == "reason"))
        taken, behind = data[: self._left], data[self._left :]
        self._left -= len(taken)
        if self._left or not data:
            return Output(to_send=taken if self._fault != "sent" or len(taken) > 1 else taken.upper())
        event = f"{self._pieces} pieces" if self._fault == "event" else "done"
        return Output((event,), taken, behind if self._fault != "trailing" else behind[1:])

    def receive_eof(self) -> None:
        if self._left:
            raise ProtocolViolation("too short" if self._fault != "end" else f"after {self._pieces} pieces")


def check(fault: str, data: bytes = DATA, size: int = 10) -> object:
    return same_however_cut(lambda: Echo(size, fault), data, lambda event, trailing: (event, trailing))


def test_what_is_right_passes() -> None:
    said = same_however_cut(Echo, DATA, lambda event, trailing: (event, trailing))
    assert (said.events, said.sent) == ((("done", DATA[10:]),), b"hello " + DATA[:10])
    short = same_however_cut(lambda: Echo(100), DATA)
    assert short.end == "ProtocolViolation: too short"
    with pytest.raises(Refused, match="exclamation"):
        raise_if_refused(same_however_cut(Echo, b"abc!"))


@pytest.mark.parametrize(
    ("fault", "run"),
    [
        ("sent", lambda: check("sent")),
        ("event", lambda: check("event")),
        ("trailing", lambda: check("trailing")),
        ("end", lambda: check("end", size=100)),
        ("reason", lambda: check("reason", b"abc!")),
    ],
)
def test_what_depends_on_cuts_is_noticed(fault: str, run: Callable[[], object]) -> None:
    with pytest.raises(AssertionError):
        run()


def test_an_error_that_is_not_the_peers_fault_passes_through() -> None:
    with pytest.raises(ValueError, match="exclamation"):
        check("error", b"!")


def test_all_ways_to_cut_are_the_same_bytes() -> None:
    for data in (b"", b"x", DATA):
        assert all(b"".join(pieces) == data for pieces in cuttings(data))
    assert [len(piece) for piece in cuttings(DATA)[1]] == [1] * len(DATA)
    assert cuttings(DATA) == cuttings(DATA)
