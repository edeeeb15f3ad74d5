"""The things that connected peers have said of themselves so far, and what of it the peerstore learns."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiolibp2p.abc.services.identifier import IdentifyResult
from aiolibp2p.errors import FormatError, ProtocolViolation, SignatureInvalid
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peer.signed_envelope import SignedEnvelope
from aiolibp2p.protocols.identify import address_scope
from aiolibp2p.protocols.identify.messages import MAX_ADDRESSES, IdentifyMessage

if TYPE_CHECKING:
    from aiolibp2p.abc.peerstore import Peerstore
    from aiolibp2p.abc.stream import MuxedConnection

CONNECTED_TTL_S = math.inf
"""Seconds that the addresses of a connected peer are kept: until it has gone."""

RECENTLY_CONNECTED_TTL_S = 15 * 60.0
"""Seconds that addresses are kept after their peer has gone, as in go: it may well come back."""

RECENTLY_CONNECTED_ADDRESSES = 20
"""The most addresses that are kept of a peer which has gone, as in go."""

_TAKEN_OVER = ("protocols", "agent_version", "protocol_version", "observed_address")
_NOT_SAID = (None, ())

logger = logging.getLogger("aiolibp2p.identify")


class Profiles:
    """Connected peers by what they have said: each message adds to what those before it said."""

    def __init__(self) -> None:
        self._of: dict[PeerId, IdentifyResult] = {}

    def __len__(self) -> int:
        """Return how many peers are remembered."""
        return len(self._of)

    def learn(
        self, store: Peerstore, connection: MuxedConnection, message: IdentifyMessage, *, connected: bool
    ) -> IdentifyResult:
        """Take over what the message says, and return all that is known of the peer. A missing field changes nothing.

        `connected`: the peer still is, over whichever connection; else it is not remembered here.
        Raises ProtocolViolation for a key that is not the peer's: that damns all of the message.
        """
        peer = connection.remote_peer
        before = self._of.get(peer) or IdentifyResult(peer)
        told: dict[str, Any] = {name: said for name in _TAKEN_OVER if (said := getattr(message, name)) not in _NOT_SAID}
        if message.public_key is not None:
            told["public_key"] = key = _key_of(peer, message.public_key)
            store.add_key(peer, key)
        if message.protocols:
            store.set_protocols(peer, message.protocols)
        ttl_s = CONNECTED_TTL_S if connected else RECENTLY_CONNECTED_TTL_S
        told |= _learn_addresses(store, connection, message, before, ttl_s)
        result = replace(before, **told)
        if message.agent_version is not None or message.protocol_version is not None:
            store.set_metadata(peer, result.agent_version, result.protocol_version)
        if connected:
            self._of[peer] = result
        return result

    def departed(self, store: Peerstore, peer: PeerId) -> None:
        """Forget a peer that has gone: its addresses live on for 15 minutes, and not all of them."""
        self._of.pop(peer, None)
        addresses = store.addresses(peer)[:RECENTLY_CONNECTED_ADDRESSES]
        store.clear_addresses(peer)
        store.add_addresses(peer, addresses, RECENTLY_CONNECTED_TTL_S)


def _key_of(peer: PeerId, data: bytes) -> PublicKey:
    try:
        key = PublicKey.unmarshal(data)
    except (FormatError, SignatureInvalid) as error:
        raise ProtocolViolation(f"identify: the key that peer {peer} sent does not parse: {error}") from error
    if key.peer_id != peer:
        raise ProtocolViolation(f"identify: the key that peer {peer} sent is not its own")
    return key


def _learn_addresses(
    store: Peerstore, connection: MuxedConnection, message: IdentifyMessage, before: IdentifyResult, ttl_s: float
) -> dict[str, Any]:
    """Put the peer's addresses into the peerstore, in place of those it told before; the signed ones if valid.

    Returns what changes in the result.
    """
    peer, remote = connection.remote_peer, connection.remote_address
    envelope = _certify(store, peer, message.signed_peer_record, ttl_s)
    listed = address_scope.of_peer(message.listen_addresses, peer)
    if envelope is None and not listed:
        return {}
    told = listed if envelope is None else store.addresses(peer)
    if envelope is not None and remote.is_loopback:
        told += [address for address in listed if address.is_loopback]
    reachable = address_scope.reachable_from(dict.fromkeys(told), remote)[:MAX_ADDRESSES]
    outdated = frozenset((*before.listen_addresses, *told)).difference(reachable)
    known = store.addresses(peer)
    if not outdated.isdisjoint(known):
        store.clear_addresses(peer)
        others = [address for address in known if address not in outdated]
        store.add_addresses(peer, others, RECENTLY_CONNECTED_TTL_S)
    store.add_addresses(peer, reachable, ttl_s)
    return {"listen_addresses": tuple(reachable), "signed_peer_record": envelope}


def _certify(store: Peerstore, peer: PeerId, record: bytes | None, ttl_s: float) -> SignedEnvelope | None:
    """Return the record if it is valid and the newest; its addresses are in the peerstore then."""
    if record is None:
        return None
    try:
        newer = store.consume_peer_record(record, peer, ttl_s)
    except (FormatError, SignatureInvalid) as error:
        logger.debug("ignored the signed record of %s: %s", peer, error)
        return None
    envelope = store.signed_peer_record(peer)
    return envelope if newer or (envelope is not None and envelope.encode() == record) else None
