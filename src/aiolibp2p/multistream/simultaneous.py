"""Simultaneous open: both sides dialled, and agree who goes on as the initiator (connections/simopen.md, ended).

```
 A  header, /libp2p/simultaneous-connect, first proposal  <->  the same from B   (proposals are ignored)
 A  select:9                                              <->  select:5
 A  initiator                                             <->  responder
 A  proposals                                              ->  B, which answers as any responder; no header again
```

A responder, or a peer that does not know the extension, answers `na` and then the proposal behind it: that is
ordinary negotiation, and has cost no round trip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import ConfigError, NegotiationFailed, ProtocolViolation
from aiolibp2p.multistream.messages import HEADER, PROTOCOL_ID, MessageReader, encode_message
from aiolibp2p.multistream.negotiator import MAX_PROPOSALS, Agreed, Initiator, Responder, shown

SIMULTANEOUS_ID = "/libp2p/simultaneous-connect"
"""The protocol id that a dialer which knows the extension proposes first."""

MAX_NUMBER = 2**64 - 1
"""The largest of the random numbers that decide who is the initiator: the specification draws 64 bits."""

_PROPOSAL = encode_message(SIMULTANEOUS_ID)
_SELECT = "select:"
_WORDS = {Role.INITIATOR: "initiator", Role.RESPONDER: "responder"}
_MAX_DIGITS = len(str(MAX_NUMBER))
_DIALLED_TOO = "the peer dialled too"


@dataclass(frozen=True, slots=True)
class AgreedInRole(Agreed):
    """The protocol that both sides settled on, and whether we are its initiator or its responder."""

    role: Role


class SimultaneousOpen(ByteMachine[AgreedInRole]):
    """The negotiation of a side that dialled while its peer may have dialled too. Ends in one `AgreedInRole`.

    `protocols` are proposed, most wanted first, or accepted from a peer that dialled too and won. `random_u64` gives
    the number that decides, from 0 to `MAX_NUMBER`; it is called only if the peer dialled too. Raises ConfigError when
    there is nothing to propose or an id cannot be encoded, and LimitExceeded when an id is too long for a message.

    `receive_data` raises NegotiationFailed when both numbers are the same or the peer sends `MAX_PROPOSALS` other
    messages before its number, ProtocolViolation for a number that is none and for any other answer the spec does not
    know, and the errors of `Initiator` and `Responder` once it is clear which of them we are.
    """

    __slots__ = (
        "_ignored",
        "_number",
        "_ordinary",
        "_proposal",
        "_protocols",
        "_random_u64",
        "_reader",
        "_role",
        "_take",
    )

    def __init__(self, protocols: Sequence[str], random_u64: Callable[[], int]) -> None:
        if not protocols:
            raise ConfigError("a negotiation needs at least one protocol to propose")
        self._protocols = protocols
        self._proposal = encode_message(protocols[0])
        self._random_u64 = random_u64
        self._reader = MessageReader()
        self._take: Callable[[SimultaneousOpen, str], bytes] = SimultaneousOpen._take_header
        self._number = 0
        self._ignored = 0
        self._role = Role.INITIATOR
        self._ordinary: Initiator | Responder | None = None
        """The machine for the rest of the negotiation, once it is clear whether we are its initiator."""

    def start(self) -> Output[AgreedInRole]:
        """Return header, the extension and the first proposal, in one piece."""
        return Output(to_send=HEADER + _PROPOSAL + self._proposal)

    def receive_data(self, data: ByteString) -> Output[AgreedInRole]:
        ordinary, to_send = self._ordinary, b""
        if ordinary is None:
            self._reader.feed(data)
            to_send = self._settle_role()
            ordinary = self._ordinary
            if ordinary is None:
                return Output(to_send=to_send)
            data = self._reader.take_rest()
        output = ordinary.receive_data(data)
        events = tuple(AgreedInRole(event.protocol_id, self._role) for event in output.events)
        return Output(events, to_send + output.to_send, output.trailing)

    def receive_eof(self) -> None:
        if self._ordinary is None:
            raise NegotiationFailed("the peer closed before it was settled who is the initiator")
        self._ordinary.receive_eof()

    def _settle_role(self) -> bytes:
        to_send = b""
        while self._ordinary is None and (message := self._reader.next_message()) is not None:
            to_send += self._take(self, message)
        return to_send

    def _take_header(self, message: str) -> bytes:
        if message != PROTOCOL_ID:
            raise ProtocolViolation(f"expected {PROTOCOL_ID} as the first message, got {shown(message)}")
        self._take = SimultaneousOpen._take_answer
        return b""

    def _take_answer(self, message: str) -> bytes:
        if message == "na":
            # Our first proposal is on its way already: the answer to it comes next.
            self._ordinary = Initiator(self._protocols, greeted=True)
            return b""
        if message != SIMULTANEOUS_ID:
            raise ProtocolViolation(f"proposed {SIMULTANEOUS_ID}, but the peer answered {shown(message)}")
        self._take = SimultaneousOpen._take_number
        self._number = self._random_u64()
        return encode_message(f"{_SELECT}{self._number}")

    def _take_number(self, message: str) -> bytes:
        if not message.startswith(_SELECT):
            self._ignored += 1
            if self._ignored > MAX_PROPOSALS:
                raise NegotiationFailed(f"{_DIALLED_TOO}, and said more than {MAX_PROPOSALS} things before its number")
            return b""
        theirs = _number(message.removeprefix(_SELECT))
        if theirs == self._number:
            raise NegotiationFailed(f"{_DIALLED_TOO}, and drew the same number: nobody is the initiator")
        self._role = Role.INITIATOR if self._number > theirs else Role.RESPONDER
        self._take = SimultaneousOpen._take_role
        return encode_message(_WORDS[self._role])

    def _take_role(self, message: str) -> bytes:
        theirs = Role.RESPONDER if self._role is Role.INITIATOR else Role.INITIATOR
        if message != _WORDS[theirs]:
            raise ProtocolViolation(f"we are the {_WORDS[self._role]}, and the peer says {shown(message)} of itself")
        if self._role is Role.RESPONDER:
            self._ordinary = Responder(self._protocols.__contains__, greeted=True)
            return b""
        self._ordinary = Initiator(self._protocols, greeted=True)
        return self._proposal


def _number(text: str) -> int:
    """Read a number as go writes it: digits, no sign, no zeros before them."""
    if not (text.isascii() and text.isdigit()):
        raise ProtocolViolation(f"{_DIALLED_TOO}, and its number is none: {shown(text)}")
    if text[0] == "0" and text != "0":
        raise ProtocolViolation(f"{_DIALLED_TOO}, and its number begins with a zero: {shown(text)}")
    if len(text) > _MAX_DIGITS or int(text) > MAX_NUMBER:
        raise ProtocolViolation(f"{_DIALLED_TOO}, and its number has more than 64 bits: {shown(text)}")
    return int(text)
