"""What plugs into a host where TCP would: bytes over a simulated network, for the full stack."""

from aiolibp2p.simulator.transport.stream import StreamTransport, StreamTransportConfig

__all__ = ["StreamTransport", "StreamTransportConfig"]
