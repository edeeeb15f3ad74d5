"""TLS for one host: its certificate is made, and OpenSSL loaded, with the first handshake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
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

    `wall()` gives Unix seconds, for the validity of certificates. `muxers` are offered by ALPN, most wanted first;
    empty, the muxer is left to multistream.
    """

    protocol_id = "/tls/1.0.0"

    def __init__(self, private_key: PrivateKey, wall: Callable[[], float], muxers: Sequence[str] = ()) -> None:
        self._private_key = private_key
        self._wall = wall
        self._muxers = tuple(muxers)

    @cached_property
    def _contexts(self) -> Contexts:
        from aiolibp2p.security.tls.contexts import Contexts  # loads OpenSSL: slow, and some megabytes

        return Contexts(self._private_key, self._wall(), self._muxers)

    def start(self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"") -> ByteMachine[Secured]:
        """Start a handshake. Raises ConfigError for a prologue: TLS has no place for one."""
        if prologue:
            raise ConfigError("TLS takes no prologue; use noise where one must be bound")
        from aiolibp2p.security.tls.handshake import TlsHandshake

        return TlsHandshake(role, self._contexts.connection(role), self._wall, self._muxers, expected_peer)
