"""The resource manager: counts connections, streams and unread bytes, and refuses what passes a limit.

`ResourceManager` implements `abc.services.resources.Resources`. There is no specification; the scopes, and the
priorities in 256ths of a limit, are those of go-libp2p's resource manager, so that who knows one knows the other.

Two things differ from it. A scope without limits keeps no counters: its numbers are added up when somebody asks, since
in Python a counter on the way of a byte costs more than the comparison it is for. And what the streams of a connection
hold counts on the connection, too: that is where unread bytes are limited.

Limits (`ResourceLimits`): 128 half-open inbound connections; on each connection 1,000 inbound streams, 1,000 handlers
and 16 MiB unread. With those, on an AMD EPYC (family 26) with Python 3.11, `reserve` and `release` take 0.11 us each,
`open_stream`, `set_protocol` and `done` 1.7 us together, `open_connection`, `set_peer` and `done` 3 us.
"""

from aiolibp2p.resource_manager.limits import ResourceLimits, ScopeLimits, TreeLimits
from aiolibp2p.resource_manager.manager import ResourceManager
from aiolibp2p.resource_manager.statistics import ResourceStatistics, Usage

__all__ = ["ResourceLimits", "ResourceManager", "ResourceStatistics", "ScopeLimits", "TreeLimits", "Usage"]
