"""Datagram sockets that several protocols of one host share: a port is bound once, and first bytes tell them apart.

RFC 9443 says which first byte belongs to which protocol. An operating system's sockets and the simulator's implement
the same contract, so that what runs over UDP runs under virtual time as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.multiformats.multiaddr import Multiaddr

Endpoint: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""One end of a datagram's way, as its socket names it: IP and port, for IPv6 flow label and scope id, too."""

Datagram: TypeAlias = tuple[bytes, Endpoint]
"""The bytes that came in one packet, and the end they came from."""

FirstBytes: TypeAlias = range | Sequence[range]
"""The values of the first byte by which a handler takes datagrams: ranges within 0 to 255."""

STUN = range(4)
"""First bytes of STUN (RFC 9443, section 2)."""

DTLS = range(20, 64)
"""First bytes of DTLS (RFC 9443, section 2)."""

QUIC = range(64, 256)
"""First bytes of QUIC: its fixed bit is set. TURN channels and RTP lie in here, and libp2p uses neither."""


class DatagramHandler(Protocol):
    """One that takes the datagrams which begin with the bytes it claimed."""

    def datagrams_received(self, socket: DatagramSocket, datagrams: Sequence[Datagram]) -> None:
        """Take all datagrams that one wake-up read for this handler, in the order they came; there is one at least.

        A handler never raises for what a peer sent. Its answers can leave together at the end of the call.
        """
        ...


class DatagramClaim(Protocol):
    """A hold on a socket: its handler gets what begins with the claimed bytes until the hold is given up."""

    @property
    def socket(self) -> DatagramSocket:
        """The socket that is held open."""
        ...

    def close(self) -> None:
        """Give up the claim: nothing more is delivered for it, and a socket that nobody holds is closed. Idempotent."""
        ...


class DatagramSocket(Protocol):
    """One bound port. It stays the same object for as long as anybody holds it, so it can be the key of a table."""

    local_address: Multiaddr
    """The IP and UDP port that the socket is bound to, the port filled in, a wildcard as it was given."""

    @property
    def is_listening(self) -> bool:
        """Whether somebody bound the socket to be reached there, and it was not made only to dial from."""
        ...

    def claim(self, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        """Have datagrams that begin with these bytes delivered to `handler`, and hold the socket open.

        A handler that claims the same bytes again gets one more hold on them. Raises ConfigError when somebody else
        has claimed one of them, or when they are no bytes; HostNotRunning when the socket is closed.
        """
        ...

    def claimed_by(self, first_byte: int) -> DatagramHandler | None:
        """Return the handler that gets datagrams which begin with this byte; None if nobody claimed it."""
        ...

    def endpoint(self, address: Multiaddr) -> Endpoint:
        """Return the endpoint that an address begins with, for `send`.

        Raises UnsupportedAddress for another kind of address, Unreachable for a zone that this machine does not have.
        """
        ...

    def address(self, endpoint: Endpoint) -> Multiaddr:
        """Return the address, IP and UDP port, of an endpoint that a datagram came from."""
        ...

    def send(self, data: ByteString, remote: Endpoint) -> None:
        """Send one datagram, without waiting. The buffer is not kept.

        A datagram that cannot leave, for whatever reason, is dropped and counted; the sender is not told.
        """
        ...

    def send_batch(self, datagrams: Sequence[ByteString], remote: Endpoint) -> None:
        """Send several datagrams to one remote, in order, as `send` would. Runs of equal size cost the least."""
        ...


@dataclass(frozen=True, slots=True)
class DatagramStatistics:
    """What the sockets of one host did so far, those that are closed included."""

    sockets: int = 0
    """Sockets that are open at the moment."""
    reads: int = 0
    """Wake-ups that found something to read."""
    received_datagrams: int = 0
    received_bytes: int = 0
    unclaimed_datagrams: int = 0
    """Datagrams that came and were dropped: nobody had claimed their first byte, or they were empty."""
    sent_datagrams: int = 0
    sent_bytes: int = 0
    dropped_datagrams: int = 0
    """Datagrams that never left: the socket was full, and so was what may wait for it."""
    send_errors: int = 0
    """Datagrams the operating system refused: no route, too large, not permitted."""
    receive_errors: int = 0
    """Errors of earlier sends that were reported to a read."""
    receive_buffer_bytes: int = 0
    """The smallest of the open sockets' kernel buffers for what came. Linux says twice what was asked of it, since it
    counts its own bookkeeping, too."""
    send_buffer_bytes: int = 0
    """The smallest of the open sockets' kernel buffers for what waits to leave, counted in the same way."""

    def plus(self, other: DatagramStatistics) -> DatagramStatistics:
        """Return both together: counts add up, and of buffers the smaller one stays, if its socket is open."""
        total: dict[str, int] = {}
        for name in self.__slots__:
            ours, theirs = getattr(self, name), getattr(other, name)
            total[name] = ours + theirs
            if name.endswith("buffer_bytes"):
                ours, theirs = ours if self.sockets else 0, theirs if other.sockets else 0
                total[name] = min(ours, theirs) or ours + theirs
        return DatagramStatistics(**total)


class DatagramSockets(Protocol):
    """All datagram sockets of one host."""

    async def bind(self, address: Multiaddr, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        """Listen where `address` begins: /ip4 or /ip6, then /udp. Port 0 is one that is free.

        An address that is bound already is shared. Raises ListenFailed when the operating system refuses,
        ConfigError when somebody else has claimed the same first bytes there, UnsupportedAddress, HostNotRunning.
        """
        ...

    def for_dial(self, remote: Multiaddr, takes: FirstBytes) -> DatagramSocket:
        """Return the socket to dial `remote` from, for a protocol with these first bytes; the caller then claims them.

        One that listens comes first, and of these one where `takes` is claimed: the remote sees the port that others
        can reach, and gateways keep one mapping. Without any there is one socket a family that all dialers share.
        Raises UnsupportedAddress, Unreachable when there is no socket of that family, HostNotRunning.
        """
        ...

    def statistics(self) -> DatagramStatistics:
        """Return what the sockets of the host did so far, those that are closed included."""
        ...

    def close(self) -> None:
        """Close them all, whoever holds them. Idempotent."""
        ...
