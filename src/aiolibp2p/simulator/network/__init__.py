"""A simulated network: interfaces, links, gateways, and sockets like TCP's and UDP's. docs/explanation/simulator.md"""

from aiolibp2p.simulator.network.conditions import Conditions
from aiolibp2p.simulator.network.interface import DatagramSocket, Interface
from aiolibp2p.simulator.network.link import InterfaceConfig, LinkConfig
from aiolibp2p.simulator.network.nat import Behaviour, NatConfig
from aiolibp2p.simulator.network.network import Gateway, Network
from aiolibp2p.simulator.network.stream_socket import SocketReceiver, StreamSocket

__all__ = [
    "Behaviour",
    "Conditions",
    "DatagramSocket",
    "Gateway",
    "Interface",
    "InterfaceConfig",
    "LinkConfig",
    "NatConfig",
    "Network",
    "SocketReceiver",
    "StreamSocket",
]
