"""The events that a host announces, in the past tense: `async for event in host.events(PeerConnected): ...`."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


@dataclass(frozen=True)
class Event:
    """The base of all events of a host."""


@dataclass(frozen=True)
class PeerConnected(Event):
    """The host has its first connection to a peer."""

    peer: PeerId


@dataclass(frozen=True)
class PeerDisconnected(Event):
    """The host has no connection to a peer any more."""

    peer: PeerId


@dataclass(frozen=True)
class ConnectionOpened(Event):
    """A connection was secured and muxed, and is ready for streams."""

    peer: PeerId
    remote_address: Multiaddr
    is_outbound: bool


@dataclass(frozen=True)
class ConnectionClosed(Event):
    """A connection ended; `reason` says why, in words."""

    peer: PeerId
    remote_address: Multiaddr
    reason: str


@dataclass(frozen=True)
class StreamOpened(Event):
    """Both sides agreed on the protocol of a stream."""

    peer: PeerId
    protocol_id: str
    is_outbound: bool


@dataclass(frozen=True)
class StreamEnded(Event):
    """A stream that was opened is closed in both directions, or reset."""

    peer: PeerId
    protocol_id: str
    is_outbound: bool


@dataclass(frozen=True)
class ListenStarted(Event):
    """The host listens on an address, as it was bound: the port filled in, a wildcard unexpanded."""

    address: Multiaddr


@dataclass(frozen=True)
class ListenEnded(Event):
    """The host listens on an address no more."""

    address: Multiaddr


@dataclass(frozen=True)
class PeerIdentified(Event):
    """Identify (or a push) told who a peer is and what it speaks; fields that it left out are as it told them before.

    `observed_address` is where the peer sees this host, None when it never said.
    """

    peer: PeerId
    agent_version: str
    protocols: tuple[str, ...]
    listen_addresses: tuple[Multiaddr, ...]
    observed_address: Multiaddr | None


@dataclass(frozen=True)
class AddressesChanged(Event):
    """The host's own dialable addresses changed: all it has now, and which of them came and went."""

    addresses: tuple[Multiaddr, ...]
    added: tuple[Multiaddr, ...] = ()
    removed: tuple[Multiaddr, ...] = ()


@dataclass(frozen=True)
class ProtocolsChanged(Event):
    """A handler was added or removed."""

    protocols: tuple[str, ...]


@dataclass(frozen=True)
class MissedEvents(Event):
    """A subscriber was too slow: `count` events were dropped here, the oldest first."""

    count: int
