"""Two ends of a connection in one place: handshake machines, then ciphers, and the flights between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from aiolibp2p.abc.layers.security import Cipher, Secured
from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import HandshakeFailed, RemoteError

Passed: TypeAlias = Callable[[int, bytes], Iterable[bytes]]
"""The fate of a flight on its way: a function of its number and its bytes that gives the pieces that arrive."""

MAX_FLIGHTS = 64
"""The most flights of a handshake: two ends that have not come to an end by then never will."""


class SecuredEnd:
    """One side: it feeds its machine, then its cipher, as the driver of a real connection does.

    The bytes it hands in lie in a buffer that is overwritten afterwards, as a real connection's is. `first_words` are
    sealed and sent the moment there is a cipher. `error` is what ended it; any error that is not a RemoteError goes
    through: no bytes of a peer may cause one.
    """

    def __init__(self, machine: ByteMachine[Secured], first_words: bytes = b"") -> None:
        self.machine = machine
        self.secured: Secured | None = None
        self.error: RemoteError | None = None
        self.received = b""
        """All plaintext that was delivered to this end."""
        self._first_words = first_words
        self._tail = b""

    @property
    def cipher(self) -> Cipher:
        """The cipher of the handshake, which must be complete."""
        assert self.secured is not None, f"the handshake did not end: {self.error}"
        return self.secured.cipher

    def start(self) -> bytes:
        """Return the bytes that this end sends unasked."""
        return self._take(self.machine.start())

    def receive(self, data: ByteString) -> bytes:
        """Take bytes of the peer; return the bytes that answer them."""
        if self.error is not None:
            return b""
        if self.secured is not None:
            self._open(data)
            return b""
        buffer = bytearray(data)
        try:
            output = self.machine.receive_data(memoryview(buffer))
        except RemoteError as error:
            self.error = error
            return error.last_words if isinstance(error, HandshakeFailed) else b""
        buffer[:] = bytes(len(buffer))
        return self._take(output)

    def _take(self, output: Output[Secured]) -> bytes:
        if not output.events:
            assert not output.trailing, "there are trailing bytes, but the handshake is not over"
            return output.to_send
        (self.secured,) = output.events
        sent = output.to_send
        if self._first_words:
            sent += self.seal(self._first_words)
        self._open(output.trailing)
        return sent

    def _open(self, data: ByteString) -> None:
        buffer = bytearray(self._tail + data)
        delivered: list[bytes] = []
        taken = 0
        try:
            taken = self.cipher.decrypt(memoryview(buffer), delivered.append)
        except RemoteError as error:
            self.error = error
        assert 0 <= taken <= len(buffer)
        self._tail = bytes(buffer[taken:])
        buffer[:] = bytes(len(buffer))
        self.received += b"".join(delivered)

    def seal(self, plaintext: ByteString) -> bytes:
        """Seal a plaintext as one frame."""
        return bytes(self.cipher.encrypt(plaintext))


class SecuredPair:
    """An initiator and a responder. `flights` are what was sent during the handshake: the receiver, the bytes."""

    def __init__(self, initiator: SecuredEnd, responder: SecuredEnd) -> None:
        self.initiator = initiator
        self.responder = responder
        self.flights: list[tuple[SecuredEnd, bytes]] = []

    @property
    def ends(self) -> tuple[SecuredEnd, SecuredEnd]:
        """The initiator and the responder."""
        return self.initiator, self.responder

    @property
    def both_ways(self) -> Sequence[tuple[SecuredEnd, SecuredEnd]]:
        """The sender and the receiver of both directions."""
        return (self.initiator, self.responder), (self.responder, self.initiator)

    @property
    def complete(self) -> bool:
        """Whether both ends have a cipher, and no error."""
        return all(end.secured is not None and end.error is None for end in self.ends)

    def shake_hands(self, passed: Passed | None = None) -> SecuredPair:
        """Pass flights both ways until both ends are quiet. `passed` may cut, change or lose each of them."""
        to_initiator, to_responder = self.responder.start(), self.initiator.start()
        while to_initiator or to_responder:
            to_initiator += self._pass(self.responder, to_responder, passed)
            to_responder = self._pass(self.initiator, to_initiator, passed)
            to_initiator = b""
        return self

    def _pass(self, end: SecuredEnd, flight: bytes, passed: Passed | None) -> bytes:
        if not flight:
            return b""
        number = len(self.flights)
        assert number < MAX_FLIGHTS, "the handshake never ends"
        self.flights.append((end, flight))
        return b"".join([end.receive(piece) for piece in (passed(number, flight) if passed else (flight,))])


def byte_by_byte(number: int, flight: bytes) -> Iterable[bytes]:
    """Cut a flight into single bytes, with empty pieces between."""
    for at in range(len(flight)):
        yield flight[at : at + 1]
        yield b""


def cut(flight: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Return the pieces of `flight` between `cuts`, taken modulo its length."""
    places = sorted(place % (len(flight) + 1) for place in cuts)
    return [flight[start:end] for start, end in zip([0, *places], [*places, len(flight)], strict=True)]


def flipped(data: bytes, place: int, mask: int) -> bytes:
    """Return `data` with the bits of `mask` flipped in one of its bytes."""
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


def places(size: int, most: int) -> list[int]:
    """Return about `most` of `size` places: the first ones, where headers are, the last, and others evenly."""
    if size <= most:
        return list(range(size))
    step = max(1, 2 * size // most)
    return sorted({*range(most // 4), *range(0, size, step), *range(size - most // 4, size)})
