"""What this host says about itself, and which edition of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_record import MAX_RECORD_ADDRESSES, next_seq, seal_peer_record
from aiolibp2p.protocols.identify import address_scope
from aiolibp2p.protocols.identify.messages import IdentifyMessage

if TYPE_CHECKING:
    from aiolibp2p.abc.connection import MuxedConnection
    from aiolibp2p.abc.host import Host

MAX_OWN_ADDRESS_BYTES = 2048
"""Of all addresses told, so that a signed record of them fits a part of 4 KiB whatever the key."""


class OwnDescription:
    """The host's addresses, protocols and signed record. `edition` counts the changes; 0 before the first look."""

    def __init__(self, agent_version: str, protocol_version: str) -> None:
        self.edition = 0
        self._agent_version = agent_version
        self._protocol_version = protocol_version
        self._addresses: tuple[Multiaddr, ...] = ()
        self._protocols: tuple[str, ...] = ()
        self._public_key = b""
        self._record = b""
        self._seq = 0

    def refresh(self, host: Host) -> bool:
        """Look at the host; whether anything has changed since the last look. New addresses are signed anew."""
        own = dict.fromkeys(address_scope.of_peer(host.addresses, host.peer_id))
        addresses = tuple(address_scope.most_wanted(own, MAX_OWN_ADDRESS_BYTES)[:MAX_RECORD_ADDRESSES])
        protocols = tuple(host.protocols)
        if self.edition and (addresses, protocols) == (self._addresses, self._protocols):
            return False
        if not self.edition or addresses != self._addresses:
            self._sign(host, addresses)
        self._addresses, self._protocols = addresses, protocols
        self.edition += 1
        return True

    def _sign(self, host: Host, addresses: tuple[Multiaddr, ...]) -> None:
        # Others pass the record on, and to them our loopback addresses are their own machine.
        abroad = [address for address in addresses if not address.is_loopback]
        self._seq = next_seq(self._seq, host.runtime.wall())
        self._record = seal_peer_record(host.private_key, self._seq, abroad or addresses).encode()
        self._public_key = host.private_key.public_key.marshal()

    def message_over(self, connection: MuxedConnection) -> IdentifyMessage:
        """What the peer of this connection is told; `refresh` first."""
        remote = connection.remote_address
        return IdentifyMessage(
            public_key=self._public_key,
            listen_addresses=tuple(address_scope.told_over(self._addresses, connection.local_address, remote)),
            protocols=self._protocols,
            observed_address=address_scope.observed(remote),
            protocol_version=self._protocol_version,
            agent_version=self._agent_version,
            signed_peer_record=self._record,
        )
