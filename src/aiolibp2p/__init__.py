"""libp2p for Python, on asyncio. The front door is `Host`; docs/tutorial shows it in use."""

from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.stream import Stream
from aiolibp2p.assembly import VERSION as __version__
from aiolibp2p.assembly import HostConfig, Limits, PreSharedKey
from aiolibp2p.errors import Libp2pError
from aiolibp2p.host import Host
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId

__all__ = [
    "Host",
    "HostConfig",
    "Libp2pError",
    "Limits",
    "Multiaddr",
    "PeerId",
    "PreSharedKey",
    "PrivateKey",
    "Service",
    "Stream",
    "__version__",
]
