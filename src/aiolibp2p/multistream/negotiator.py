"""The two sides of a negotiation, as byte machines. Each ends in one `Agreed`.

Streams open by the thousand a second, so the usual case (header and answer whole in the first chunk) takes
a short way without a reader; every other cut of the bytes takes the long way to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import ConfigError, NegotiationFailed, ProtocolNotSupported, ProtocolViolation
from aiolibp2p.multistream.messages import HEADER, LS, NA, PROTOCOL_ID, MessageReader, encode_list, encode_message

MAX_PROPOSALS = 64
"""Proposals (and `ls`) that a responder answers before it gives up on the peer: more than a host speaks protocols."""

_CACHED_PROTOCOLS = 256  # protocol ids whose encoded forms are kept: at most about 1 MiB
_HEADER_BYTES = len(HEADER)
_SHOWN_CHARACTERS = 64  # of the peer's text in an error
_ONE_BYTE_LENGTH = 0x80  # below it, a varint is one byte
_NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Agreed:
    """The protocol that both sides settled on; what follows in either direction belongs to it."""

    protocol_id: str


class OptimisticRefused(NegotiationFailed):
    """The peer answered `na` although payload of the refused protocol was already on its way.

    The peer will take that payload for messages of the negotiation, so the channel is of no more use: open another and
    propose without payload. `protocol_id` is the refused protocol.
    """

    def __init__(self, protocol_id: str) -> None:
        self.protocol_id = protocol_id
        super().__init__(f"the peer does not support {protocol_id}, and its first bytes were already sent")


@dataclass(frozen=True, slots=True)
class _Forms:
    """The encoded messages about one protocol id, which every negotiation of it shares."""

    message: bytes
    with_header: bytes
    events: tuple[Agreed, ...]
    first_answer: Output[Agreed]
    """The whole output of a responder when the first chunk ended with this proposal."""


@lru_cache(maxsize=_CACHED_PROTOCOLS)
def _forms(protocol_id: str) -> _Forms:
    message = encode_message(protocol_id)
    events = (Agreed(protocol_id),)
    return _Forms(message, HEADER + message, events, Output(events, HEADER + message))


def shown(text: str) -> str:
    """Return the text that a peer sent, for an error: quoted, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")


def _check_header(reader: MessageReader) -> None:
    """Raise ProtocolViolation at the first byte that differs from the header.

    A peer that speaks something else may never send as many bytes as its first ones seem to announce. The reason names
    nothing of them, since it must not depend on how they were cut.
    """
    if not reader.may_be(HEADER):
        raise ProtocolViolation(f"the peer's first message is not {PROTOCOL_ID}")


class Initiator(ByteMachine[Agreed]):
    """The side that proposes `protocols`, most wanted first, until the peer takes one.

    `optimistic` is payload of the first protocol that goes out right behind its proposal, without waiting for the
    answer. `greeted`: the headers are exchanged already, and so `start` is not called (the first proposal is the
    caller's to send). Raises ConfigError when there is nothing to propose or an id cannot be encoded, and LimitExceeded
    when an id is too long for a message.

    `receive_data` raises ProtocolNotSupported when the peer took none, OptimisticRefused when it refused the first and
    `optimistic` had been sent, ProtocolViolation for any answer but the echo and `na`.
    """

    __slots__ = ("_done", "_greeted", "_next", "_optimistic", "_proposed", "_protocols", "_reader")

    def __init__(self, protocols: Sequence[str], optimistic: bytes = b"", greeted: bool = False) -> None:
        if not protocols:
            raise ConfigError("a negotiation needs at least one protocol to propose")
        self._protocols = protocols
        self._optimistic = optimistic
        self._proposed = _forms(protocols[0])
        self._next = 1
        self._greeted = greeted
        self._done = False
        self._reader: MessageReader | None = MessageReader() if greeted else None

    def start(self) -> Output[Agreed]:
        """Return header, first proposal and optimistic payload, in one piece."""
        return Output(to_send=self._proposed.with_header + self._optimistic)

    def receive_data(self, data: ByteString) -> Output[Agreed]:
        chunk = data if type(data) is bytes else bytes(data)
        if self._done:
            return Output(trailing=chunk)
        reader = self._reader
        if reader is None:
            proposed = self._proposed
            if chunk.startswith(proposed.with_header):
                self._done = True
                return Output(proposed.events, b"", chunk[len(proposed.with_header) :])
            reader = self._reader = MessageReader()
        reader.feed(chunk)
        return self._read_answers(reader)

    def receive_eof(self) -> None:
        if not self._done:
            raise NegotiationFailed(
                f"the peer closed before it answered the proposal of {self._protocols[self._next - 1]}"
            )

    def _read_answers(self, reader: MessageReader) -> Output[Agreed]:
        to_send = b""
        if not self._greeted:
            _check_header(reader)
        while (message := reader.next_message()) is not None:
            if not self._greeted:
                self._greeted = True
            elif message == self._protocols[self._next - 1]:
                self._done = True
                return Output(self._proposed.events, to_send, reader.take_rest())
            elif message == "na":
                to_send += self._propose_next()
            else:
                raise ProtocolViolation(
                    f"proposed {self._protocols[self._next - 1]}, but the peer answered {shown(message)}"
                )
        return Output(to_send=to_send)

    def _propose_next(self) -> bytes:
        if self._optimistic:
            raise OptimisticRefused(self._protocols[0])
        if self._next == len(self._protocols):
            raise ProtocolNotSupported(self._protocols)
        self._proposed = _forms(self._protocols[self._next])
        self._next += 1
        return self._proposed.message


class Responder(ByteMachine[Agreed]):
    """The side that takes the first proposal that `supports` says yes to.

    `supports` must be quick and without side effects: it may be asked twice about one proposal. `listing` gives the ids
    for `ls`; without it, `ls` gets `na`. `greeted`: the headers are exchanged already.

    `receive_data` raises ProtocolViolation for messages the spec forbids, NegotiationFailed when the peer has made
    `max_proposals` proposals in vain. Behind a proposal that is refused there may be payload of it, which is no
    message: the refusal is sent all the same, and the violation raised with the next input.
    """

    __slots__ = ("_answered", "_done", "_greeted", "_listing", "_max_proposals", "_reader", "_supports", "_violation")

    def __init__(
        self,
        supports: Callable[[str], bool],
        max_proposals: int = MAX_PROPOSALS,
        listing: Callable[[], Sequence[str]] | None = None,
        greeted: bool = False,
    ) -> None:
        self._supports = supports
        self._max_proposals = max_proposals
        self._listing = listing
        self._answered = 0
        self._greeted = greeted
        self._done = False
        self._reader: MessageReader | None = MessageReader() if greeted else None
        self._violation: ProtocolViolation | None = None

    def start(self) -> Output[Agreed]:
        """Return nothing to send: a responder's header goes out with its first answer."""
        return Output()

    def receive_data(self, data: ByteString) -> Output[Agreed]:
        chunk = data if type(data) is bytes else bytes(data)
        if self._done:
            return Output(trailing=chunk)
        reader = self._reader
        if reader is None:
            if (output := self._agree_at_once(chunk)) is not None:
                return output
            reader = self._reader = MessageReader()
        if self._violation is not None:
            raise self._violation
        reader.feed(chunk)
        return self._read_proposals(reader)

    def receive_eof(self) -> None:
        if not self._done:
            raise NegotiationFailed(
                "the peer closed after proposals that are not supported"
                if self._answered
                else "the peer closed before it proposed a protocol"
            )

    def _agree_at_once(self, chunk: bytes) -> Output[Agreed] | None:
        """Agree on the header and one whole, supported proposal without a reader; None sends the chunk the long way."""
        if len(chunk) <= _HEADER_BYTES or not chunk.startswith(HEADER):
            return None
        length = chunk[_HEADER_BYTES]
        end = _HEADER_BYTES + 1 + length
        if length >= _ONE_BYTE_LENGTH or len(chunk) < end or chunk[end - 1] != _NEWLINE:
            return None
        try:
            proposal = chunk[_HEADER_BYTES + 1 : end - 1].decode()
        except UnicodeDecodeError:
            return None
        if not self._supports(proposal):
            return None
        self._done = True
        forms = _forms(proposal)
        if len(chunk) == end:
            return forms.first_answer
        return Output(forms.events, forms.with_header, chunk[end:])

    def _read_proposals(self, reader: MessageReader) -> Output[Agreed]:
        to_send = b""
        answered_before = self._answered
        if not self._greeted:
            _check_header(reader)
        while (message := self._next_message(reader, answered_before)) is not None:
            if not self._greeted:
                self._greeted = True
                to_send = HEADER
                continue
            self._answered += 1
            if self._answered > self._max_proposals:
                raise NegotiationFailed(f"the peer made more than {self._max_proposals} proposals")
            if self._supports(message):
                self._done = True
                forms = _forms(message)
                return Output(forms.events, to_send + forms.message, reader.take_rest())
            if message == LS and self._listing is not None:
                to_send += encode_list(self._listing())
            else:
                to_send += NA
        return Output(to_send=to_send)

    def _next_message(self, reader: MessageReader, answered_before: int) -> str | None:
        try:
            return reader.next_message()
        except ProtocolViolation as violation:
            if self._answered == answered_before:
                raise
            self._violation = violation
            return None
