"""One attempt at one address: the transport connects, the upgrade secures it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.transport import DialRequest, NewConnection, Transport
from aiolibp2p.abc.services.resources import ConnectionScope, Resources
from aiolibp2p.errors import UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.multistream import OptimisticRefused
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.refusals import Refusals
from aiolibp2p.swarm.upgrade.upgrader import UpgradeIntent


@dataclass(frozen=True)
class AttemptParts:
    """The parts that all attempts of a swarm share."""

    transports: Sequence[Transport]
    resources: Resources
    upgrade: Callable[[RawConnection, UpgradeIntent, ConnectionScope], Awaitable[Connection]]
    """Upgrades a raw connection that was dialled, and keeps the scope, even when it raises."""
    take: Callable[[Carrier, ConnectionScope], Connection]
    """Makes a connection of a carrier that was dialled, and keeps the scope, even when it raises."""
    refusals: Refusals

    def transport(self, address: Multiaddr) -> Transport | None:
        """Return the first transport that dials such an address, which has no /p2p at its end."""
        return next((one for one in self.transports if one.can_dial(address)), None)


class Attempt:
    """One address of a request being dialled. `address` ends in /p2p only where a name said who answers there."""

    def __init__(self, parts: AttemptParts, request: DialRequest, address: Multiaddr) -> None:
        self.is_upgrading = False
        """Whether the peer has accepted a connection and may count on it already."""
        self._parts = parts
        self._address = address.without_p2p()
        named = address.p2p_bytes
        if request.peer is None and named is not None and self._address != address:
            # Nobody in particular was asked for, but the name that led here says who answers.
            request = replace(request, peer=PeerId(named))
        self._request = request

    async def run(self) -> Connection:
        """Make the connection. Raises OSError or a Libp2pError; cancelling it ends what it has begun.

        A listener that refuses our optimism has lost the connection for us: it is dialled once more without.
        """
        refusals = self._parts.refusals
        try:
            return await self._run_once(self._address not in refusals)
        except OptimisticRefused:
            refusals.add(self._address)
        return await self._run_once(optimistic=False)

    async def _run_once(self, optimistic: bool) -> Connection:
        parts, request = self._parts, self._request
        transport = parts.transport(self._address)
        if transport is None:
            raise UnsupportedAddress(f"no transport of this host dials {self._address}")
        scope = parts.resources.open_connection(False, self._address)
        new = await self._connect(transport, scope)
        self.is_upgrading = True
        try:
            # From here on the scope is the connection's, or that of the upgrade to it.
            if isinstance(new, Carrier):
                return parts.take(new, scope)
            intent = UpgradeIntent(request.role, request.peer, optimistic, request.simultaneous)
            return await parts.upgrade(new, intent, scope)
        finally:
            self.is_upgrading = False

    async def _connect(self, transport: Transport, scope: ConnectionScope) -> NewConnection:
        try:
            return await transport.dial(self._address, self._request, scope)
        except BaseException:
            scope.done()
            raise
