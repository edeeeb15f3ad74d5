"""A Byzantine peer: it speaks the protocols well enough to get to any layer, and then machine-made nonsense."""

from aiolibp2p.simulator.byzantine.peer import LAYERS, ByzantinePeer, Layer

__all__ = ["LAYERS", "ByzantinePeer", "Layer"]
