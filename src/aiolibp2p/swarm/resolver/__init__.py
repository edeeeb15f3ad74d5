"""Names in addresses become addresses: /dns, /dns4, /dns6 and /dnsaddr.

Spec: addressing/README.md (r0, 2021-07-22), "IP and Name Resolution". A name counts where it leads the address, or
the relay's part of it. /dns* names go to the system's own resolution (hosts file included) unless name servers are
given; TXT records of /dnsaddr to DNS servers, by default the system's.

Limits are in `ResolverConfig`. Where the spec is silent: links may lead to links, four deep; an entry that names
another peer than the one asked for is left out, and one that names none is taken for that peer's; what does not
parse is passed over.
"""

from aiolibp2p.swarm.resolver.resolution import MAX_DEPTH, MAX_LOOKUPS, MAX_RESULTS, starts_with_name
from aiolibp2p.swarm.resolver.resolver import Resolver, ResolverConfig

__all__ = ["MAX_DEPTH", "MAX_LOOKUPS", "MAX_RESULTS", "Resolver", "ResolverConfig", "starts_with_name"]
