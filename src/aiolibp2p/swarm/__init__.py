"""The swarm: dials, listens, upgrades raw connections, and keeps the connections and streams that stand.

Specs: connections/README.md (r1, 2022-12-07), connections/inlined-muxer-negotiation.md, connections/simopen.md (r1,
2023-09-05, terminated; off unless asked for). Limits are in `SwarmConfig`.

Where we differ from the text, and why: the first handshake message rides with the proposal of the preferred
security, which saves a round trip; a listener that refuses it is dialled once more without.
"""

from aiolibp2p.swarm.config import SwarmConfig, SwarmParts
from aiolibp2p.swarm.swarm import Swarm

__all__ = ["Swarm", "SwarmConfig", "SwarmParts"]
