"""multistream-select: two peers agree on the protocol that the rest of a byte stream speaks.

Spec: connections/README.md, section "multistream-select", r1 of 2022-12-07. Protocol id `/multistream/1.0.0`.

Used on a raw connection (for the security), inside the secured one (for the muxer) and on every new
stream. `Initiator` proposes, `Responder` echoes what it supports and answers `na` to the rest. Both are
byte machines that end in one `Agreed` event.

Limits: a message has at most `MAX_MESSAGE_BYTES` (1024, as go and js); a responder answers at most
`MAX_PROPOSALS` (64) proposals.

Where we choose among what the spec allows: the responder sends its header when the initiator's has come,
so that header and answer leave in one packet. `ls` is answered if the caller hands in a listing, and with
`na` otherwise, as in current go. The id of the ended simultaneous-open extension is an unknown protocol
like any other and gets `na`.
"""

from aiolibp2p.multistream.messages import HEADER, MAX_MESSAGE_BYTES, NA, MessageReader, encode_message
from aiolibp2p.multistream.negotiator import MAX_PROPOSALS, Agreed, Initiator, OptimisticRefused, Responder

__all__ = [
    "HEADER",
    "MAX_MESSAGE_BYTES",
    "MAX_PROPOSALS",
    "NA",
    "Agreed",
    "Initiator",
    "MessageReader",
    "OptimisticRefused",
    "Responder",
    "encode_message",
]
