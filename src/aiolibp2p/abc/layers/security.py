"""Securing a connection: a handshake machine that ends in a cipher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.machine import ByteMachine, ByteString
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId


class Cipher(Protocol):
    """The frames and keys of one secured connection, both ways. Hot: direct calls, no buffers of its own."""

    __slots__ = ()

    prefix: int
    """Bytes of a frame before its ciphertext."""

    overhead: int
    """Bytes that a frame adds to its plaintext, the prefix included."""

    max_plaintext: int
    """The most bytes of plaintext in one frame; the size at which sealing is cheapest."""

    def encrypt(self, plaintext: ByteString) -> ByteString:
        """Seal `plaintext` as one frame and return it in a buffer of its own: the cheaper way for small frames."""
        ...

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        """Seal at most `max_plaintext` bytes as one frame at the start of `out`; return the frame's length.

        `plaintext` may be `out[prefix : prefix + n]` itself. Raises LimitExceeded when the nonces are used up.
        """
        ...

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        """Deliver the plaintext of each whole frame in `data`, in order; return the bytes they took.

        The rest is an unfinished frame, to be handed in again with what follows it.
        Raises ProtocolViolation for a frame that does not authenticate; nothing of it is delivered. Raises
        ConnectionLost when the peer said in the protocol's own words that no more will come.
        """
        ...

    def farewell(self) -> ByteString:
        """Return the last bytes to send, in the protocol's own words (TLS: close_notify); b"" if it has none."""
        ...

    def receive_eof(self) -> None:
        """Hear that no more bytes come. Raises ConnectionLost where the peer owed a farewell and sent none."""
        ...


@dataclass(frozen=True)
class EarlyData:
    """What the peer sent inside the handshake (Noise extensions), authenticated with it."""

    stream_muxers: tuple[str, ...] = ()
    webtransport_certhashes: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Secured:
    """The end of a handshake: a cipher, and who is at the other end, proven."""

    cipher: Cipher
    remote_peer: PeerId
    remote_key: PublicKey
    muxer: str | None = None
    """The muxer that both sides settled on inside the handshake; None when it is still to be negotiated."""
    early_data: EarlyData = EarlyData()


class Security(Protocol):
    """One way to secure a byte stream, without state, shared by all connections of a host."""

    protocol_id: str

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> ByteMachine[Secured]:
        """Return a new handshake. It emits one `Secured`, or raises HandshakeFailed or PeerIdMismatch.

        `prologue` must be the same on both sides; a security without one raises ConfigError. `muxers` are the protocol
        ids that the host offers, most wanted first, for a security that can settle the muxer inside its handshake.

        `expected_peer` is compared inside the handshake, as early as the protocol allows: a stranger should learn no
        more of who we are than it must.
        """
        ...


class Protector(Protocol):
    """The layer below all others on the raw connections of a private network; one for a host."""

    def protect(self, raw: RawConnection) -> RawConnection:
        """Return `raw` protected: the swarm uses that in place of `raw` from the first byte on."""
        ...
