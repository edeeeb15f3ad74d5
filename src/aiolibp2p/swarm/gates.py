"""The five points at which a host's gater is asked, in the order in which a connection comes to them. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.services.meter import NULL_METER, Meter
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import Gated
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

logger = logging.getLogger("aiolibp2p")


class Gates:
    """Asks the gater for the whole swarm; nobody else does. Every method raises Gated when the answer is no.

    A gater that fails is logged and has said no: whoever writes one to keep peers out would not want them in for a
    mistake in it.
    """

    def __init__(self, gater: Gater, meter: Meter = NULL_METER) -> None:
        self._gater = gater
        self._meter = meter

    def peer(self, peer: PeerId) -> None:
        """Ask before a peer is dialled."""
        self._ask("peer", lambda: f"peer {peer}", lambda: self._gater.allow_peer(peer))

    def address(self, peer: PeerId | None, address: Multiaddr) -> None:
        """Ask before an address is dialled, names in it resolved."""
        self._ask("address", lambda: f"address {address}", lambda: self._gater.allow_address(peer, address))

    def accepted(self, remote: Multiaddr) -> None:
        """Ask before a connection from outside is answered."""
        self._ask("accepted", lambda: f"a connection from {remote}", lambda: self._gater.allow_accepted(remote))

    def secured(self, peer: PeerId, remote: Multiaddr, is_outbound: bool) -> None:
        """Ask once the other end has proven who it is; `is_outbound` says that we dialled."""
        self._ask(
            "secured",
            lambda: f"peer {peer} at {remote}",
            lambda: self._gater.allow_secured(peer, remote, is_outbound),
        )

    def upgraded(self, connection: MuxedConnection) -> None:
        """Ask before a connection carries its first stream."""
        self._ask("upgraded", lambda: f"{connection!r}", lambda: self._gater.allow_upgraded(connection))

    def _ask(self, gate: str, what: Callable[[], str], ask: Callable[[], bool]) -> None:
        # `what` is put into words only for a refusal: addresses cost more to write than to dial.
        try:
            allowed = ask()
        except Exception as error:
            logger.exception("the gater failed at the gate %r", gate)
            self._meter.count("gated", gate=gate)
            raise Gated(f"the gater failed when it was asked about {what()}: {error}") from error
        if not allowed:
            self._meter.count("gated", gate=gate)
            raise Gated(f"the gater of this host does not allow {what()}")
