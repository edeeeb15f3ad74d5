"""TLS for one host: its certificate is made, and OpenSSL loaded, with the first handshake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured, Security
from aiolibp2p.abc.machine import ByteMachine
from aiolibp2p.errors import ConfigError
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId

if TYPE_CHECKING:
    from aiolibp2p.security.tls.contexts import Contexts


class TlsSecurity(Security):
    """TLS 1.3 with certificates that prove the host's identity.

    `wall()` gives Unix seconds, for the validity of certificates. The muxers that a handshake is started with are
    offered by ALPN; without any, the muxer is left to multistream.
    """

    protocol_id = "/tls/1.0.0"

    def __init__(self, private_key: PrivateKey, wall: Callable[[], float]) -> None:
        self._private_key = private_key
        self._wall = wall
        self._contexts: dict[tuple[str, ...], Contexts] = {}

    def _contexts_for(self, muxers: tuple[str, ...]) -> Contexts:
        """Return OpenSSL's contexts for a list of muxers, made once for each list that is offered."""
        contexts = self._contexts.get(muxers)
        if contexts is None:
            from aiolibp2p.security.tls.contexts import Contexts  # loads OpenSSL: slow, and some megabytes

            self._contexts.clear()  # a host offers one list
            contexts = self._contexts[muxers] = Contexts(self._private_key, self._wall(), muxers)
        return contexts

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> ByteMachine[Secured]:
        """Start a handshake. Raises ConfigError for a prologue: TLS has no place for one."""
        if prologue:
            raise ConfigError("TLS takes no prologue; use noise where one must be bound")
        from aiolibp2p.security.tls.handshake import TlsHandshake

        offered = tuple(muxers)
        return TlsHandshake(role, self._contexts_for(offered).connection(role), self._wall, offered, expected_peer)
