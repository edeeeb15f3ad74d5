"""Transports make connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

NewConnection: TypeAlias = RawConnection | Carrier
"""What a transport makes. A raw connection is upgraded by the swarm; a capable one has its peer proven already."""


class Listener(Protocol):
    """A bound address."""

    addresses: Sequence[Multiaddr]
    """What it listens on, ports filled in, wildcards as they were given."""

    async def close(self) -> None:
        """Stop accepting. Connections that were accepted stay."""
        ...


class Transport(Protocol):
    """One way to make connections. `local_addresses`-like state lives in its listeners."""

    name: str
    secures: bool
    """Its connections are capable ones, which a private network cannot protect."""

    def can_dial(self, address: Multiaddr) -> bool:
        """Whether the address, without its trailing /p2p, is one of ours to dial."""
        ...

    def can_listen(self, address: Multiaddr) -> bool:
        """Whether the address is one of ours to listen on."""
        ...

    async def dial(self, address: Multiaddr, expected_peer: PeerId | None = None) -> NewConnection:
        """Connect. Raises OSError or a Libp2pError with the reason; cancellation leaves nothing behind.

        `expected_peer` is for transports that secure their connections, which raise PeerIdMismatch for anybody else;
        a raw connection is nobody's yet.
        """
        ...

    async def listen(self, address: Multiaddr, accepted: Callable[[NewConnection], None]) -> Listener:
        """Bind, and call `accepted` for each connection that comes in. Raises ListenFailed."""
        ...
