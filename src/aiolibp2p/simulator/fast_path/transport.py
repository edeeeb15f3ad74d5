"""Dial and listen on a simulated network, over connections that come secured and muxed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiolibp2p.abc.layers.admission import Admission
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.transport import DialRequest, NewConnection, Transport
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import PeerIdMismatch, TimeoutExpired
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.simulator.fast_path.connection import MuxedLink
from aiolibp2p.simulator.fast_path.session import MuxedConfig
from aiolibp2p.simulator.transport.stream import StreamListener, bind, connect, endpoint_of, socket_address

if TYPE_CHECKING:
    from aiolibp2p.simulator.network import Interface
    from aiolibp2p.simulator.network.stream_socket import StreamSocket


class MuxedTransport(Transport):
    """The fast path: the transport for /ip4 or /ip6, then /tcp, of simulated machines.

    The handshake takes the round trips and about the bytes of TCP, Noise and yamux; keys are believed.
    """

    name = "simulated"
    secures = True

    def __init__(self, interface: Interface, key: PrivateKey, config: MuxedConfig | None = None) -> None:
        self._interface = interface
        self._key = key.public_key
        self._config = config or MuxedConfig()

    def can_dial(self, address: Multiaddr) -> bool:
        return endpoint_of(address) is not None

    def can_listen(self, address: Multiaddr) -> bool:
        return endpoint_of(address) is not None

    async def dial(self, address: Multiaddr, request: DialRequest, scope: ConnectionScope) -> NewConnection:
        """Connect and shake hands. Raises Unreachable, TimeoutExpired, PeerIdMismatch, and what lost the connection."""
        socket = await connect(self._interface, address, self._config.connect_timeout_s)
        link = await self._shake_hands(socket, scope)
        if request.peer is not None and link.remote_peer != request.peer:
            mismatch = PeerIdMismatch(request.peer, link.remote_peer)
            link.abort(mismatch)
            raise mismatch
        return link

    async def _shake_hands(self, socket: StreamSocket, scope: ConnectionScope) -> MuxedLink:
        done: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

        def ready(error: BaseException | None) -> None:
            if not done.done():
                done.set_result(error)

        link = MuxedLink(socket, Role.INITIATOR, self._key, self._config, ready)
        link.scope = scope
        link.shake_hands()
        try:
            async with asyncio.timeout(self._config.handshake_timeout_s):
                error = await done
        except BaseException as interrupted:
            link.abort(interrupted)
            if isinstance(interrupted, TimeoutError):
                limit = self._config.handshake_timeout_s
                raise TimeoutExpired(f"the connection was not set up within {limit:g} s") from interrupted
            raise
        if error is not None:
            raise error
        return link

    async def listen(self, address: Multiaddr, admission: Admission) -> StreamListener:
        """Bind and accept. Raises ListenFailed, which names the address."""
        port = bind(self._interface, address, lambda socket: self._accept(socket, admission))
        return StreamListener(self._interface, port)

    def _accept(self, socket: StreamSocket, admission: Admission) -> None:
        ticket = admission.admit(socket_address(socket.remote))
        if ticket is None:
            socket.abort()
            return

        def ready(error: BaseException | None) -> None:
            ticket.settle(link if error is None else error)

        def heard() -> None:
            ticket.heard = True

        link = MuxedLink(socket, Role.RESPONDER, self._key, self._config, ready, heard)
        link.scope = ticket.scope
        ticket.evict = link.abort
        link.shake_hands()
