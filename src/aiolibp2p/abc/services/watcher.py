"""Watchers: objects that are told of everything that happens to connections, at once and in order."""

from __future__ import annotations

from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.events import PeerIdentified
from aiolibp2p.multiformats.multiaddr import Multiaddr


class Watcher:
    """A listener whose methods a host calls: subclass it and override some. Nothing is lost, unlike with `host.events`.

    Each method is called synchronously, where the thing happens, so it must neither wait nor take long. A method that
    raises is logged; the connection and other watchers do not suffer for it. A new watcher is told at once of the
    connections that stand.
    """

    def connection_opened(self, connection: MuxedConnection) -> None:
        """Hear that a connection stands and takes streams."""

    def connection_closed(self, connection: MuxedConnection, reason: str) -> None:
        """Hear that a connection which was opened has ended; `reason` says why, in words."""

    def peer_identified(
        self, connection: MuxedConnection, told: PeerIdentified, observed: Multiaddr | None = None
    ) -> None:
        """Hear that the peer of a connection has told who it is and what it speaks.

        `told` holds all that the peer has said so far; `observed` is where it sees this host at the other end of this
        very connection, None when the message did not say.
        """

    def protocols_changed(self, offered_elsewhere: bool) -> None:
        """Hear that this host serves other protocols than before, or (`offered_elsewhere`) on other connections."""

    def addresses_changed(self) -> None:
        """Hear that this host has other addresses of its own than before."""
