"""The simulated network: interfaces, links between them, gateways, and sockets as an operating system has them.

The page docs/explanation/simulator.md describes it. Times are those of the running loop; every draw comes from the
seed.
"""

from aiolibp2p.simulator.network.conditions import Conditions
from aiolibp2p.simulator.network.datagram_port import DatagramPort
from aiolibp2p.simulator.network.interface import Interface
from aiolibp2p.simulator.network.link import InterfaceConfig, LinkConfig
from aiolibp2p.simulator.network.nat import Behaviour, Gateway, NatConfig
from aiolibp2p.simulator.network.network import Network
from aiolibp2p.simulator.network.stream_socket import SocketReceiver, StreamSocket

__all__ = [
    "Behaviour",
    "Conditions",
    "DatagramPort",
    "Gateway",
    "Interface",
    "InterfaceConfig",
    "LinkConfig",
    "NatConfig",
    "Network",
    "SocketReceiver",
    "StreamSocket",
]
