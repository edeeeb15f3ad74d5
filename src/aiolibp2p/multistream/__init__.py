"""multistream-select: two peers agree on the protocol that the rest of a byte stream speaks.

Spec: connections/README.md, section "multistream-select", r1 of 2022-12-07. Protocol id `/multistream/1.0.0`.

Used on a raw connection (for the security), inside the secured one (for the muxer) and on every new
stream. `Initiator` proposes, `Responder` echoes what it supports and answers `na` to the rest. Both are
byte machines that end in one `Agreed` event.

Limits: a message has at most `MAX_MESSAGE_BYTES` (1024, as go and js); a responder answers at most
`MAX_PROPOSALS` (64) proposals.

Where we choose among what the spec allows: the responder sends its header when the initiator's has come,
so that header and answer leave in one packet. `ls` is answered if the caller hands in a listing, and with
`na` otherwise, as in current go. To a `Responder` the id of the ended simultaneous-open extension is an unknown
protocol like any other and gets `na`.

`SimultaneousOpen` is that extension for the side that dials (connections/simopen.md, r1 of 2023-09-05, terminated; off
unless asked for): an `Initiator` that may turn out to be the responder. Where the spec leaves room it does as
go-multistream did before 0.5: no header again once roles are settled, and the responder says so without waiting for the
other's word. It ignores what lies before the peer's number, of which go takes exactly one message, and refuses numbers
with leading zeros, which go read and never wrote.
"""

from aiolibp2p.multistream.messages import HEADER, MAX_MESSAGE_BYTES, NA, MessageReader, encode_message
from aiolibp2p.multistream.negotiator import MAX_PROPOSALS, Agreed, Initiator, OptimisticRefused, Responder
from aiolibp2p.multistream.simultaneous import MAX_NUMBER, SIMULTANEOUS_ID, AgreedInRole, SimultaneousOpen

__all__ = [
    "HEADER",
    "MAX_MESSAGE_BYTES",
    "MAX_NUMBER",
    "MAX_PROPOSALS",
    "NA",
    "SIMULTANEOUS_ID",
    "Agreed",
    "AgreedInRole",
    "Initiator",
    "MessageReader",
    "OptimisticRefused",
    "Responder",
    "SimultaneousOpen",
    "encode_message",
]
