"""mplex, the first muxer of libp2p: https://github.com/libp2p/specs/blob/master/mplex/README.md (r0, 2018-10-10).

Protocol id `/mplex/6.7.0`. Deprecated, and off unless asked for by name: it has no windows, so one slow reader holds up
all streams of its connection. Limits are in `MplexConfig`.

Where we choose among what the spec leaves open, and why:
- what a stream's reader has not taken is bounded: past it the whole connection is read no further, as in go, and a
  reader that does not catch up within a deadline loses its stream, not the connection; that frees two such peers, too;
- names of streams are empty, and those of others are dropped: they mean nothing;
- a message for a stream we do not know is dropped and not answered, a reset least of all;
- data behind the peer's close resets the stream; flag 7, an id past 2^60 - 1, a message past 1 MiB, a number in more
  bytes than it needs and an id that is open already end the connection.
"""

from aiolibp2p.muxers.mplex.config import MplexConfig
from aiolibp2p.muxers.mplex.session import Mplex, MplexSession

__all__ = ["Mplex", "MplexConfig", "MplexSession"]
