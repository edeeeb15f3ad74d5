"""Admission: who may come in, asked before a transport answers a byte; and the gater, asked at each gate on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


class Ticket(Protocol):
    """One inbound connection that was let in and is half open until it stands or has failed.

    The transport that got the ticket calls `settle` once, whatever happens. A transport that shakes hands itself sets
    `evict` to what ends its handshake, and `heard` once the peer has sent anything. `evict` is called, at most once, at
    the deadline, or to make room for others; silent connections are the first to go. A ticket without `evict` counts
    until then and no longer, and what it is settled with later is turned away.
    """

    scope: ConnectionScope
    """Where the connection's resources are counted; whoever settles the ticket with a connection hands it over."""
    deadline: float
    """When the handshakes must be done, in `Runtime.now` seconds. The admission keeps it; a transport need not."""
    heard: bool
    """Whether the peer has sent anything. A first datagram does not count: anybody can send one from any address, so a
    transport over datagrams has heard of a peer once that has answered."""
    evict: Callable[[BaseException], None] | None
    """Ends the connection at once, for the reason given; None while the transport cannot. The ticket is settled with an
    error then, as for any other end."""

    def settle(self, outcome: RawConnection | Carrier | BaseException) -> None:
        """Hand over the connection, or say why there is none. A raw connection is upgraded and stays half open.

        A connection that is turned away after all is aborted.
        """
        ...


class Admission(Protocol):
    """What a listening transport asks before it answers a stranger."""

    def admit(self, remote: Multiaddr, uses_fd: bool = True) -> Ticket | None:
        """Return a ticket for a connection from `remote`; None refuses it, and nothing must be sent to the stranger.

        `uses_fd` says that the connection takes a file descriptor of its own, as TCP's do and QUIC's do not.
        """
        ...


class Gater:
    """Says no to peers, addresses and connections; subclass it and override what you refuse. All is allowed by default.

    The gates in the order in which they are asked: `allow_peer` and `allow_address` before a dial, `allow_accepted`
    before an inbound connection is answered, `allow_secured` once its peer is proven, and `allow_upgraded` before it
    carries streams. Each answers at once, without waiting. One that raises is logged, and has said no.
    """

    def allow_peer(self, peer: PeerId) -> bool:
        """Return whether this peer may be dialled."""
        return True

    def allow_address(self, peer: PeerId | None, address: Multiaddr) -> bool:
        """Return whether this address, names in it resolved, may be dialled.

        `peer` is None when anybody may answer there.
        """
        return True

    def allow_accepted(self, remote: Multiaddr) -> bool:
        """Return whether a connection from this address is answered at all."""
        return True

    def allow_secured(self, peer: PeerId, remote: Multiaddr, is_outbound: bool) -> bool:
        """Return whether a connection goes on whose other end has proven to be `peer`."""
        return True

    def allow_upgraded(self, connection: MuxedConnection) -> bool:
        """Return whether a connection that is ready for streams is kept."""
        return True
