"""Scopes: where connections, streams and bytes are counted, and refused past a limit.

A connection's scope is opened when it is admitted or dialled, learns its peer once that is proven, and opens a scope
for each stream, which learns its protocol and then its service. Each scope is done once, in the one place where what
it counts ends. A refusal raises LimitExceeded, which names the scope; on the wire it is told by the codes of
`errors.Code`.
"""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

LOW_PRIORITY = 101
MEDIUM_PRIORITY = 152
HIGH_PRIORITY = 203
ALWAYS = 255
"""How much of a limit a reservation may use up, in 256ths: the steps that go's resource manager has."""


class Scope(Protocol):
    """Memory that one thing holds; what it holds, its parents hold with it."""

    def reserve(self, n: int, priority: int = ALWAYS) -> None:
        """Count `n` more bytes. Raises LimitExceeded when the scope or one above it would hold too many."""
        ...

    def release(self, n: int) -> None:
        """Count `n` bytes less; they were reserved before."""
        ...

    def done(self) -> None:
        """The thing has ended: give back whatever is still held. Idempotent."""
        ...


class StreamScope(Scope, Protocol):
    """One stream, and the bytes that wait in it."""

    def set_protocol(self, protocol_id: str) -> None:
        """The protocol is settled. Raises LimitExceeded when it, or this peer on it, has too many streams."""
        ...

    def set_service(self, name: str) -> None:
        """The service that serves the stream. Raises LimitExceeded when it, or this peer at it, has too many."""
        ...


class ConnectionScope(Scope, Protocol):
    """One connection, half open or standing."""

    def set_peer(self, peer: PeerId) -> None:
        """The other end has proven who it is. Raises LimitExceeded when that peer has too many connections."""
        ...

    def open_stream(self, inbound: bool) -> StreamScope:
        """A scope for one stream more. Raises LimitExceeded when there are too many on it, or above it."""
        ...


class Resources(Protocol):
    """The counts of a whole host."""

    def open_connection(self, inbound: bool, remote: Multiaddr | None, uses_fd: bool = True) -> ConnectionScope:
        """A scope for one connection more. Raises LimitExceeded when there are too many, or too many from there.

        `remote` is where it comes from or goes to, None when that is not known yet; `uses_fd`, whether it takes a file
        descriptor of its own.
        """
        ...

    def service_scope(self, name: str) -> Scope:
        """The scope that a service reserves memory from for itself, beside its streams."""
        ...


class _NullScope:
    """Counts nothing and refuses nothing."""

    def reserve(self, n: int, priority: int = ALWAYS) -> None: ...

    def release(self, n: int) -> None: ...

    def done(self) -> None: ...

    def set_peer(self, peer: PeerId) -> None: ...

    def set_protocol(self, protocol_id: str) -> None: ...

    def set_service(self, name: str) -> None: ...

    def open_stream(self, inbound: bool) -> StreamScope:
        return NULL_SCOPE


class _NullResources:
    """Hands out scopes that count nothing."""

    def open_connection(self, inbound: bool, remote: Multiaddr | None, uses_fd: bool = True) -> ConnectionScope:
        return NULL_SCOPE

    def service_scope(self, name: str) -> Scope:
        return NULL_SCOPE


NULL_SCOPE = _NullScope()
"""A scope of any kind without limits, for tests and for whoever counts elsewhere."""

NULL_RESOURCES: Resources = _NullResources()
"""A host's counts without limits."""
