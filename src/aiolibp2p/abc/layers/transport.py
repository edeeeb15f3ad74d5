"""Transports make connections: raw ones, which are upgraded, or carriers, which are ready for streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from aiolibp2p.abc.layers.admission import Admission
from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

NewConnection: TypeAlias = RawConnection | Carrier
"""A connection as its transport made it: the swarm upgrades a raw one; a carrier has its peer proven already."""


@dataclass(frozen=True)
class DialRequest:
    """The wish for a connection: to whom, and how. One request travels the whole way from the host to the transport.

    Requests for one peer that are equal but for `addresses`, `deadline_s` and `reason` share one dial when they are
    made at the same time, and the addresses of all of them are tried. Without a peer only requests for the same
    addresses share one.
    """

    peer: PeerId | None
    """The peer that must answer; None takes whoever answers."""
    addresses: Sequence[Multiaddr] = ()
    """The addresses to try, each without its trailing /p2p."""
    role: Role = Role.INITIATOR
    """Our role on the connection although we dial: of two that dial each other one has to be the responder."""
    fresh: bool = False
    """Make a new connection even though one stands, or comes in meanwhile."""
    allow_limited: bool = False
    """Whether a connection that is limited in bytes and time, as relayed ones are, is enough. If not, a limited one
    that comes of the dial is kept, but does not end it."""
    simultaneous: bool = False
    """The peer may dial us at the same moment over the same two ports (connections/simopen.md): let the wire decide
    who is the initiator. The extension is deprecated."""
    deadline_s: float | None = None
    """Seconds that the caller will wait; None for the swarm's own limit."""
    reason: str = ""
    """Why the dial is made, in words, for logs."""


class Listener(Protocol):
    """A bound address, and the connections that come in there."""

    addresses: Sequence[Multiaddr]
    """The addresses that are bound, ports filled in, wildcards as they were given."""

    async def close(self) -> None:
        """Stop accepting. Connections that were accepted stay."""
        ...


class Transport(Protocol):
    """One way to make connections; what it binds lives in its listeners."""

    name: str
    """The name of the transport in messages and options, such as "tcp"."""
    secures: bool
    """Whether the connections are carriers, which a private network cannot protect."""

    def can_dial(self, address: Multiaddr) -> bool:
        """Return whether this transport dials the address, which has no /p2p at its end."""
        ...

    def can_listen(self, address: Multiaddr) -> bool:
        """Return whether this transport listens on such an address."""
        ...

    async def dial(self, address: Multiaddr, request: DialRequest, scope: ConnectionScope) -> NewConnection:
        """Connect to `address`. Raises OSError or a Libp2pError with the reason; cancellation leaves nothing behind.

        `request.peer` and `request.role` are for transports that secure their connections, which raise PeerIdMismatch
        for anybody else; a raw connection is nobody's yet. A carrier keeps `scope` as its own; for a raw connection
        the upgrade does. A transport that secures keeps the time of its handshake itself, and takes no notice of
        `request.simultaneous`. When `role` makes
        us the responder, and the wire has no word for that, it waits until the peer's connection comes in, which then
        takes `scope` and no ticket.
        """
        ...

    async def listen(self, address: Multiaddr, admission: Admission) -> Listener:
        """Bind the address, and ask `admission` for a ticket for whoever comes in. Raises ListenFailed."""
        ...
