"""One stream: its inbox, its outlet, its negotiation, and the object users hold."""

from aiolibp2p.swarm.stream.negotiation import Negotiation
from aiolibp2p.swarm.stream.stream import Stream, StreamOwner

__all__ = ["Negotiation", "Stream", "StreamOwner"]
