"""The transport that a simulated host has in TCP's place: bytes over a simulated network, for the full stack."""

from aiolibp2p.simulator.transport.stream import StreamTransport, StreamTransportConfig

__all__ = ["StreamTransport", "StreamTransportConfig"]
