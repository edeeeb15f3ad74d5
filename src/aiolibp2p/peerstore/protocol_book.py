"""The protocols that peers say they speak, and the names they give themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.wire.printable import printable

MAX_PROTOCOL_ID_CHARACTERS = 1024
"""The longest protocol id, in characters, that is kept: no longer one fits a message of multistream-select."""

MAX_VERSION_CHARACTERS = 128
"""The longest agent or protocol version that is kept, in code points, of what a peer may make kilobytes long."""


@dataclass(frozen=True)
class PeerMetadata:
    """The names that a peer gives itself; characters that do not print are escaped."""

    agent_version: str
    protocol_version: str


class ProtocolBook:
    """Protocol ids and versions by peer, within three limits.

    At most `per_peer` protocols of a peer (the rest is dropped), `peers` peers, and `characters` in all protocol ids
    together; past the last two, the peer longest without news goes.
    """

    def __init__(self, *, per_peer: int, peers: int, characters: int) -> None:
        self._per_peer = per_peer
        self._limit = peers
        self._max_characters = characters
        self._protocols: OrderedDict[PeerId, frozenset[str]] = OrderedDict()
        self._characters: dict[PeerId, int] = {}
        self._total = 0
        self._metadata: OrderedDict[PeerId, PeerMetadata] = OrderedDict()

    def set(self, peer: PeerId, protocols: Iterable[str]) -> None:
        """Replace the protocols of a peer.

        Ids that could not be negotiated (empty, too long, controls) are left out.
        """
        wanted: dict[str, None] = {}
        for protocol in protocols:
            if len(wanted) >= self._per_peer:
                break
            if 0 < len(protocol) <= MAX_PROTOCOL_ID_CHARACTERS and protocol.isprintable():
                wanted[protocol] = None
        self._forget_protocols(peer)
        self._protocols[peer] = frozenset(wanted)
        self._characters[peer] = size = sum(map(len, wanted))
        self._total += size
        while len(self._protocols) > self._limit or self._total > self._max_characters:
            self._forget_protocols(next(iter(self._protocols)))

    def get(self, peer: PeerId) -> frozenset[str] | None:
        """Return the protocols of a peer; None when it never said, or that is forgotten."""
        return self._protocols.get(peer)

    def set_metadata(self, peer: PeerId, agent_version: str, protocol_version: str) -> None:
        """Keep a peer's agent and protocol version, cut to 128 code points, unprintable characters escaped."""
        self._metadata[peer] = PeerMetadata(
            printable(agent_version, MAX_VERSION_CHARACTERS), printable(protocol_version, MAX_VERSION_CHARACTERS)
        )
        self._metadata.move_to_end(peer)
        if len(self._metadata) > self._limit:
            self._metadata.popitem(last=False)

    def metadata(self, peer: PeerId) -> PeerMetadata | None:
        """Return the names that a peer gives itself; None when it never said."""
        return self._metadata.get(peer)

    def remove(self, peer: PeerId) -> None:
        """Forget the protocols and names of a peer."""
        self._forget_protocols(peer)
        self._metadata.pop(peer, None)

    def peers(self) -> list[PeerId]:
        """Return the peers with protocols or names."""
        return list({**self._protocols, **self._metadata})

    def _forget_protocols(self, peer: PeerId) -> None:
        if self._protocols.pop(peer, None) is not None:
            self._total -= self._characters.pop(peer)
