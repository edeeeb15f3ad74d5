"""The fast path: connections that come secured and muxed, so that thousands of nodes fit."""

from aiolibp2p.simulator.fast_path.session import MuxedConfig
from aiolibp2p.simulator.fast_path.transport import MuxedTransport

__all__ = ["MuxedConfig", "MuxedTransport"]
