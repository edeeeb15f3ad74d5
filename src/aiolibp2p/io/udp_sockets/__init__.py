"""The UDP sockets of a host, shared by all that runs over datagrams, as `abc.layers.datagrams` describes them.

Sockets are read by `add_reader`, many datagrams a wake-up; runs of datagrams leave and come as one system call where
the kernel can cut and join them (GSO and GRO, Linux). Limits are in `UdpConfig`.
"""

from aiolibp2p.io.udp_sockets.config import UdpConfig
from aiolibp2p.io.udp_sockets.sockets import UdpSockets

__all__ = ["UdpConfig", "UdpSockets"]
