"""What peers say they speak, and what they call themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.wire.printable import printable

MAX_PROTOCOL_ID_CHARACTERS = 1024
"""No longer protocol id can be negotiated (multistream-select: 1024 bytes a message)."""

MAX_VERSION_CHARACTERS = 128
"""What is kept of an agent or protocol version, in code points."""


@dataclass(frozen=True)
class PeerMetadata:
    """What a peer calls itself; characters that do not print are escaped."""

    agent_version: str
    protocol_version: str


class ProtocolBook:
    """Protocol ids and versions by peer.

    At most `per_peer` protocols of a peer (the rest is dropped), `peers` peers, and `characters` in all protocol
    ids together; past the last two, the peer longest without news goes.
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
        """Replace what the peer speaks. Ids that could not be negotiated (empty, too long, controls) are left out."""
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
        """What the peer speaks; None when it never said, or that is forgotten."""
        return self._protocols.get(peer)

    def set_metadata(self, peer: PeerId, agent_version: str, protocol_version: str) -> None:
        """Keep both versions, cut to 128 code points, unprintable characters escaped."""
        self._metadata[peer] = PeerMetadata(
            printable(agent_version, MAX_VERSION_CHARACTERS), printable(protocol_version, MAX_VERSION_CHARACTERS)
        )
        self._metadata.move_to_end(peer)
        if len(self._metadata) > self._limit:
            self._metadata.popitem(last=False)

    def metadata(self, peer: PeerId) -> PeerMetadata | None:
        """What the peer calls itself; None when it never said."""
        return self._metadata.get(peer)

    def remove(self, peer: PeerId) -> None:
        """Forget a peer."""
        self._forget_protocols(peer)
        self._metadata.pop(peer, None)

    def peers(self) -> list[PeerId]:
        """Peers that said anything."""
        return list({**self._protocols, **self._metadata})

    def _forget_protocols(self, peer: PeerId) -> None:
        if self._protocols.pop(peer, None) is not None:
            self._total -= self._characters.pop(peer)
