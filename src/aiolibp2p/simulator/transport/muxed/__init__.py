"""The fast path: connections that come secured and muxed, so that thousands of nodes fit."""

from aiolibp2p.simulator.transport.muxed.session import MuxedConfig
from aiolibp2p.simulator.transport.muxed.transport import MuxedTransport

__all__ = ["MuxedConfig", "MuxedTransport"]
