"""Identify: who a peer is, what it speaks, where it listens, and where it sees us.

Spec: identify/README.md, r1 of 2021-08-09 (3A). Protocol ids `/ipfs/id/1.0.0` (the side that is asked answers and
closes) and `/ipfs/id/push/1.0.0` (whoever changed says so and closes). The spec does not say how messages are
framed; everybody puts a varint length before each and merges what comes on one stream. Field 8, the signed peer
record, is not in the text either.

Limits: ten parts of 8 KiB read, 4 KiB written (rust reads no more); 1024 protocols and 500 addresses of a peer;
versions are cut to 128 code points, unprintable characters escaped. Pushes are taken 32 at once, 2000 a second, and
from one network (/24, /56, /48) as `PushRates` says; each exchange ends after 5 s.

What we decide where the spec is silent: a message whose key is not the peer's is dropped whole; fields a message
does not have leave alone what was known, in a push and otherwise; a valid signed record counts before the list of
addresses; addresses that cannot be reached from here (loopback of another machine, private ones of a public peer)
are not believed; no protocol version ends a connection.
"""

from aiolibp2p.abc.services.identifier import IdentifyResult
from aiolibp2p.limits.push_rates import PushRates
from aiolibp2p.protocols.identify.config import IdentifyConfig
from aiolibp2p.protocols.identify.messages import IDENTIFY_ID, PUSH_ID, IdentifyMessage
from aiolibp2p.protocols.identify.service import Identify

__all__ = ["IDENTIFY_ID", "PUSH_ID", "Identify", "IdentifyConfig", "IdentifyMessage", "IdentifyResult", "PushRates"]
