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
"""Reserve while that uses at most 40 % of a limit. In 256ths, as all priorities: the steps that go's rcmgr has."""

MEDIUM_PRIORITY = 152
"""Reserve while that uses at most 60 % of a limit, in 256ths."""

HIGH_PRIORITY = 203
"""Reserve while that uses at most 80 % of a limit, in 256ths."""

ALWAYS = 255
"""Reserve up to the limit itself, in 256ths."""


class Scope(Protocol):
    """The memory that one thing holds, in bytes; what it holds, the scopes above it hold, too."""

    def reserve(self, n: int, priority: int = ALWAYS) -> None:
        """Count `n` more bytes. Raises LimitExceeded when the scope or one above it would hold too many."""
        ...

    def release(self, n: int) -> None:
        """Give back `n` bytes that were reserved before."""
        ...

    def done(self) -> None:
        """Give back whatever is still held: the thing has ended. Idempotent."""
        ...


class StreamScope(Scope, Protocol):
    """The scope of one stream, and of the bytes that wait in it."""

    def set_protocol(self, protocol_id: str) -> None:
        """Count the stream for its protocol, which is settled.

        Raises LimitExceeded when the protocol, or this peer on it, has too many streams.
        """
        ...

    def set_service(self, name: str) -> None:
        """Count the stream for the service that serves it.

        Raises LimitExceeded when the service, or this peer at it, has too many streams.
        """
        ...


class ConnectionScope(Scope, Protocol):
    """The scope of one connection, half open or standing."""

    def set_peer(self, peer: PeerId) -> None:
        """Count the connection for its peer, which is proven. Raises LimitExceeded when that one has too many."""
        ...

    def open_stream(self, inbound: bool) -> StreamScope:
        """Return a scope for one stream more. Raises LimitExceeded when there are too many on it, or above it."""
        ...


class Resources(Protocol):
    """The scopes of a whole host: whatever opens a connection asks here."""

    def open_connection(self, inbound: bool, remote: Multiaddr | None, uses_fd: bool = True) -> ConnectionScope:
        """Return a scope for one connection more. Raises LimitExceeded when there are too many, or too many from there.

        `remote` is where it comes from or goes to, None when that is not known yet; `uses_fd`, whether it takes a file
        descriptor of its own.
        """
        ...

    def service_scope(self, name: str) -> Scope:
        """Return the scope that a service reserves memory from for itself, beside its streams."""
        ...


class _NullScope(StreamScope, ConnectionScope):
    """A scope that counts nothing and refuses nothing."""

    def reserve(self, n: int, priority: int = ALWAYS) -> None: ...

    def release(self, n: int) -> None: ...

    def done(self) -> None: ...

    def set_peer(self, peer: PeerId) -> None: ...

    def set_protocol(self, protocol_id: str) -> None: ...

    def set_service(self, name: str) -> None: ...

    def open_stream(self, inbound: bool) -> StreamScope:
        return NULL_SCOPE


class _NullResources(Resources):
    """A host's resources without limits: every scope counts nothing."""

    def open_connection(self, inbound: bool, remote: Multiaddr | None, uses_fd: bool = True) -> ConnectionScope:
        return NULL_SCOPE

    def service_scope(self, name: str) -> Scope:
        return NULL_SCOPE


NULL_SCOPE = _NullScope()
"""A scope of any kind without limits, for tests and for whoever counts elsewhere."""

NULL_RESOURCES: Resources = _NullResources()
"""A host's counts without limits."""
