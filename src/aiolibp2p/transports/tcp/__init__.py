"""TCP over IPv4 and IPv6: `/ip4/<ip>/tcp/<port>`, `/ip6/<ip>/tcp/<port>`, with `/ip6zone/<zone>` before the ip6.

Specs: addressing/README.md, connections/README.md. Limits are in `TcpConfig`.
"""

from aiolibp2p.transports.tcp.transport import TcpConfig, TcpTransport

__all__ = ["TcpConfig", "TcpTransport"]
