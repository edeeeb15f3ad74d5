"""The description that this host gives of itself, and its revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_record import MAX_RECORD_ADDRESSES, next_seq, seal_peer_record
from aiolibp2p.protocols.identify import address_scope
from aiolibp2p.protocols.identify.messages import IdentifyMessage, encode_parts, with_observed

if TYPE_CHECKING:
    from aiolibp2p.abc.host import Host
    from aiolibp2p.abc.stream import MuxedConnection

MAX_ENCODED = 16
"""Descriptions kept encoded, one for each set of protocols that is offered: most hosts offer one or two sets."""

MAX_OWN_ADDRESS_BYTES = 2048
"""Bytes of all addresses told, so that a signed record of them fits a part of 4 KiB whatever the key."""


class OwnDescription:
    """The host's addresses, protocols and signed record. `revision` counts the changes; 0 before the first look."""

    def __init__(self, agent_version: str, protocol_version: str) -> None:
        self.revision = 0
        self._agent_version = agent_version
        self._protocol_version = protocol_version
        self._addresses: tuple[Multiaddr, ...] = ()
        self._protocols: tuple[str, ...] = ()
        self._is_stale = False
        self._public_key = b""
        self._record = b""
        self._seq = 0
        self._seen: tuple[list[Multiaddr], list[str]] = [], []
        self._encoded: dict[tuple[bool, tuple[str, ...]], list[bytes]] = {}

    def offers_changed(self) -> None:
        """Have the next `refresh` find a change: a protocol is offered on other connections than before."""
        self._is_stale = True

    def refresh(self, host: Host) -> bool:
        """Look at the host, and return whether anything has changed since the last look. New addresses are signed."""
        seen = host.addresses, host.protocols
        if self.revision and seen == self._seen and not self._is_stale:
            return False
        self._seen = seen
        own = dict.fromkeys(address_scope.of_peer(seen[0], host.peer_id))
        addresses = tuple(address_scope.most_wanted(own, MAX_OWN_ADDRESS_BYTES)[:MAX_RECORD_ADDRESSES])
        protocols = tuple(seen[1])
        if self.revision and (addresses, protocols) == (self._addresses, self._protocols) and not self._is_stale:
            return False
        self._is_stale = False
        if not self.revision or addresses != self._addresses:
            self._sign(host, addresses)
        self._addresses, self._protocols = addresses, protocols
        self._encoded.clear()
        self.revision += 1
        return True

    def _sign(self, host: Host, addresses: tuple[Multiaddr, ...]) -> None:
        # Others pass the record on, to machines where only some of our addresses lead to us.
        abroad = [address for address in addresses if address_scope.leaves_machine(address)]
        on_loopback = [address for address in addresses if address.is_loopback]
        self._seq = next_seq(self._seq, host.runtime.wall())
        self._record = seal_peer_record(host.private_key, self._seq, abroad or on_loopback).encode()
        self._public_key = host.private_key.public_key.marshal()

    def parts_over(self, host: Host, connection: MuxedConnection) -> list[bytes]:
        """Return what the peer of this connection is told, encoded; call `refresh` first.

        The observed address differs from one peer to the next; the rest is encoded once for each revision and set
        of protocols.
        """
        local, remote = connection.local_address, connection.remote_address
        nearby = local.is_loopback or remote.is_loopback
        key = nearby, tuple(host.protocols_on(connection))
        parts = self._encoded.get(key)
        if parts is None:
            if len(self._encoded) >= MAX_ENCODED:
                del self._encoded[next(iter(self._encoded))]
            parts = self._encoded[key] = encode_parts(self._message(*key))
        return with_observed(parts, address_scope.observed(remote))

    def _message(self, nearby: bool, protocols: tuple[str, ...]) -> IdentifyMessage:
        return IdentifyMessage(
            public_key=self._public_key,
            listen_addresses=tuple(address_scope.told(self._addresses, nearby)),
            protocols=protocols,
            protocol_version=self._protocol_version,
            agent_version=self._agent_version,
            signed_peer_record=self._record,
        )


def default_agent_version() -> str:
    """Return the name of this package and its version, as it is installed."""
    from importlib import metadata

    try:
        return f"aiolibp2p/{metadata.version('aiolibp2p')}"
    except metadata.PackageNotFoundError:
        return "aiolibp2p"
