"""One harness for every byte machine: it must not matter where the bytes were cut."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from aiolibp2p.abc.machine import Output
from aiolibp2p.errors import RemoteError

MAX_CUTS = 12


class Fed(Protocol):
    """A `ByteMachine`, or what adapters.py puts into its shape: those return from `receive_eof` what they read."""

    def start(self) -> Output[Any]: ...

    def receive_data(self, data: bytes) -> Output[Any]: ...

    def receive_eof(self) -> object: ...


Describe = Callable[[Any, bytes], object]
"""A function of an event, and the trailing bytes behind it, to something comparable."""


@dataclass(frozen=True)
class Transcript:
    """The outputs of a machine while it was fed, and its end."""

    events: tuple[object, ...]
    sent: bytes
    error: str | None
    end: Any
    """The value that `receive_eof` returned, or the error that was raised, as text."""
    refusal: RemoteError | None = field(default=None, compare=False, repr=False)


def cuttings(data: bytes) -> list[list[bytes]]:
    """Yield the bytes whole, byte by byte, and twice cut at random, empty pieces included. No bytes: no piece."""
    random = Random(zlib.crc32(data))
    ways = [[data] if data else [], [data[at : at + 1] for at in range(len(data))]]
    for _ in range(2):
        cuts = sorted(random.randint(0, len(data)) for _ in range(random.randint(1, MAX_CUTS)))
        ways.append([data[start:stop] for start, stop in itertools.pairwise([0, *cuts, len(data)])])
    return ways


def transcript(machine: Fed, pieces: Iterable[bytes], describe: Describe | None) -> Transcript:
    """Feed a machine to the end. With `describe` its first event is its last, and the rest of the input trails it."""
    events: list[object] = []
    sent = machine.start().to_send
    trailing = b""
    last: list[Any] = []
    try:
        # The empty piece is for what a machine keeps back until it is fed again.
        for piece in (*pieces, b""):
            if last:
                trailing += piece
                continue
            output = machine.receive_data(piece)
            sent += output.to_send
            if describe is None:
                events += output.events
            elif output.events:
                assert len(output.events) == 1, "a machine that ends in one event gave several"
                last, trailing = list(output.events), output.trailing
            assert last or not output.trailing, "there is nothing behind the last byte before there was an event"
    except RemoteError as error:
        return Transcript(tuple(events), sent, _named(error), None, error)
    if describe is not None and last:
        events = [describe(last[0], trailing)]
    try:
        end: object = machine.receive_eof()
    except RemoteError as error:
        end = _named(error)
    return Transcript(tuple(events), sent, None, end)


def same_however_cut(
    make: Callable[[], Fed],
    data: bytes,
    describe: Describe | None = None,
    heard: Callable[[bytes], bytes] = bytes,
) -> Transcript:
    """Feed machines made alike the same bytes, cut in each way; what they said, which must be one and the same.

    A machine that refuses says nothing any more, so what it would have sent before may be missing. `heard` is what
    the peer makes of the bytes sent, where frames may be cut otherwise.
    """
    whole, *others = [transcript(make(), pieces, describe) for pieces in cuttings(data)]
    for other in others:
        assert (other.error, other.end) == (whole.error, whole.end)
        if whole.error is None:
            assert other.events == whole.events
            assert heard(other.sent) == heard(whole.sent)
        else:
            assert other.events[: len(whole.events)] == whole.events
            assert heard(other.sent).startswith(heard(whole.sent))
    return whole


def raise_if_refused(said: Transcript) -> Transcript:
    """The transcript, unless it ends in a refusal: raises `Refused`, so that a target is one line."""
    if said.error is not None:
        raise Refused(said.error) from said.refusal
    return said


class Refused(Exception):
    """A machine refused its input with an error of the package."""


def _named(error: RemoteError) -> str:
    return f"{type(error).__name__}: {error}"
