"""Fetch: the value of a key, from a peer that has it.

Specification: fetch/README.md, r1 of 2019-08-13 (1A). Protocol id `/libp2p/fetch/0.0.1`: one request a stream, one
response, and the side that was asked closes. Messages are protobufs behind their length as a varint.

Limits, all in `FetchConfig`: keys of 64 KiB, values of just under 4 MiB; 32 requests of a peer and 128 in all are
served at once, and past that a stream is reset; a request must come within 10 s, be looked up within 8 s, and its
answer be taken within 10 s. We ask a peer for 32 values at once; further requests wait for their turn.

What we decide where the specification is silent, or others differ: keys are bytes (text is UTF-8), as in js; of the
prefixes that match a key the longest decides, where js takes the first registered. A key that no lookup answers is
"not found", as the text and go have it; js says "error". The peer is not told what a failed lookup raised, as js does:
it may name things that are not its business. A status that is not defined is a violation; go takes it as an error.
"""

from aiolibp2p.protocols.fetch.lookups import Lookup
from aiolibp2p.protocols.fetch.messages import FETCH_ID, MAX_KEY_BYTES, MAX_VALUE_BYTES, FetchFailed
from aiolibp2p.protocols.fetch.service import Fetch, FetchConfig

__all__ = ["FETCH_ID", "MAX_KEY_BYTES", "MAX_VALUE_BYTES", "Fetch", "FetchConfig", "FetchFailed", "Lookup"]
