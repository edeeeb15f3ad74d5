"""The accounts of a host, by what they are for: which of them something is charged to. Pure."""

from __future__ import annotations

from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.resource_manager.account import Account, Rule
from aiolibp2p.resource_manager.limits import TreeLimits

Accounts = tuple[Account, ...]


class AccountTree:
    """Hands out accounts, innermost first, and only those whose limits can refuse what asks.

    Accounts of peers, protocols and services stand in a table while something is charged to them.
    """

    def __init__(self, limits: TreeLimits) -> None:
        self.connection = Rule("connection", limits.connection)
        self.stream = Rule("stream on connection", limits.stream)
        self.limits_stream = self.stream.counts_streams
        self._peer = Rule("peer", limits.peer)
        self._limits_peers = self._peer.counts_connections or self._peer.counts_streams
        self._protocol = Rule("protocol", limits.protocol)
        self._protocol_peer = Rule("protocol", limits.protocol_peer)
        self._limits_protocols = self._protocol.counts_streams or self._protocol_peer.counts_streams
        self._service = Rule("service", limits.service)
        self._service_peer = Rule("service", limits.service_peer)
        system, transient = Rule("system", limits.system), Rule("transient", limits.transient)
        system_account, transient_account = Account(system), Account(transient)
        self.system_of_connections = _if(system.counts_connections, system_account)
        self.system_of_streams = _if(system.counts_streams, system_account)
        self.system_of_memory = _if(system.counts_memory, system_account)
        self.transient_of_connections = _if(transient.counts_connections, transient_account)
        self.transient_of_streams = _if(transient.counts_streams, transient_account)
        self.only_connections = not (
            self.limits_stream
            or self._peer.counts_streams
            or self._limits_protocols
            or self._service.counts_streams
            or self._service_peer.counts_streams
            or system.counts_streams
            or transient.counts_streams
        )
        """Whether a stream is charged to its connection and nobody else."""
        self._peers: dict[object, Account] = {}
        self._protocols: dict[object, Account] = {}
        self._services: dict[object, Account] = {}

    def __len__(self) -> int:
        """Peers, protocols and services that something is charged to, as far as they are limited."""
        return len(self._peers) + len(self._protocols) + len(self._services)

    def peer(self, peer: PeerId) -> Account | None:
        """The account of a peer's connections and streams; None when peers have no limits."""
        if not self._limits_peers:
            return None
        return self._peers.get(peer) or Account(self._peer, peer, self._peers)

    def protocol(self, protocol_id: str, peer: PeerId) -> Accounts:
        """The accounts of a protocol, with this peer and with all."""
        if not self._limits_protocols:
            return ()
        pair = (self._protocol_peer, _With(protocol_id, peer))
        return _named(self._protocols, pair, (self._protocol, protocol_id))

    def service(self, name: str, peer: PeerId) -> Accounts:
        """The accounts of a service, with this peer and with all."""
        pair = (self._service_peer, _With(name, peer))
        return _named(self._services, pair, (self._service, name))

    def memory_of_service(self, name: str) -> Accounts:
        """The accounts of what a service reserves for itself."""
        own = _named(self._services, (self._service, name)) if self._service.counts_memory else ()
        return own + self.system_of_memory


class _With(tuple[str, PeerId]):
    """A protocol or a service, with one peer."""

    __slots__ = ()

    def __new__(cls, name: str, peer: PeerId) -> _With:
        return super().__new__(cls, (name, peer))

    def __str__(self) -> str:
        return f"{self[0]} with {self[1]}"


def _if(limited: bool, account: Account) -> Accounts:
    return (account,) if limited else ()


def _named(table: dict[object, Account], *wanted: tuple[Rule, object]) -> Accounts:
    return tuple(table.get(key) or Account(rule, key, table) for rule, key in wanted if rule.counts_streams)
