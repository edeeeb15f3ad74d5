"""Counts the addresses at which peers see this host. Pure: `now` in seconds that never go back."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable
from dataclasses import dataclass

from aiolibp2p.multiformats.multiaddr import Multiaddr

OBSERVER_BYTES = {"ip4": 4, "ip6": 7}
"""Bytes of an IP address that tell observers apart, as in go: all of IPv4, the first 56 bits of IPv6."""


@dataclass(frozen=True)
class ObservedAddressesConfig:
    """Limits of observations: how many must agree, how many are remembered."""

    observers: int = 4
    """Observers that must see us at an address before it is believed, as in go."""
    addresses_per_listener: int = 3
    """Addresses believed at once for one that we listen on, as in go: those with the most observers."""
    connections: int = 1024
    """Connections whose observations are remembered; past that the oldest is forgotten."""
    connections_per_observer: int = 8
    """Connections of one observer that are remembered; past that the observer's oldest is forgotten."""
    kept_s: float = 30 * 60.0
    """Seconds that an address is believed after fewer than `observers` see it."""


class Observations:
    """Votes on where we are seen, for each address we listen on; of addresses the IP and the port count.

    A method that changes what is believed returns True.
    """

    def __init__(self, config: ObservedAddressesConfig | None = None) -> None:
        self._config = config or ObservedAddressesConfig()
        self._listeners: dict[Multiaddr, _Listener] = {}
        self._connections: dict[Hashable, tuple[Multiaddr, bytes]] = {}

    @property
    def connections(self) -> list[Hashable]:
        """The connections whose observation is remembered, oldest first."""
        return list(self._connections)

    def observe(self, connection: Hashable, ends: tuple[Multiaddr, Multiaddr], observed: Multiaddr, now: float) -> bool:
        """Count that the peer of `connection` sees us at `observed`; `ends` are its local and remote address.

        Ignored: what is not an IP address and port of the kind we listen on; loopback and other addresses that hold
        on one link only; a private address told from outside, or a public one told from a private network.
        Being seen where we listen anyway tells nothing new: it only takes back what the connection told before.
        """
        local, remote, external = _head(ends[0]), _head(ends[1]), _head(observed)
        if local is None or remote is None or external is None or local.protocols() != external.protocols():
            return False
        if local == external:
            return self.forget(connection, now)
        if not external.port or _scope(external) is None or _scope(external) != _scope(remote):
            return False
        place = local, _observer(remote)
        before = self._connections.pop(connection, None)
        changed = before is not None and before != place and self._withdraw(connection, before, now)
        changed |= self._make_room(place[1], now)
        self._connections[connection] = place
        listener = self._listeners.setdefault(local, _Listener(self._config))
        return listener.vote(place[1], connection, external, now) or changed

    def forget(self, connection: Hashable, now: float) -> bool:
        """Take back the observation of a connection that has ended."""
        place = self._connections.pop(connection, None)
        return place is not None and self._withdraw(connection, place, now)

    def believed(self, listening: Multiaddr) -> list[Multiaddr]:
        """Return where else a peer can reach what listens on this address; what follows IP and port is kept."""
        if not self._listeners:
            return []
        head = _head(listening)
        listener = None if head is None else self._listeners.get(head)
        if listener is None:
            return []
        rest = str(listening).split("/")[5:]
        return [Multiaddr("/".join([str(external), *rest])) for external in listener.believed]

    def next_timeout(self) -> float | None:
        """Return when the next address that too few see is believed no longer; None when there is none."""
        return min((until for one in self._listeners.values() for until in one.kept.values()), default=None)

    def handle_timeout(self, now: float) -> bool:
        """Drop the addresses that too few have seen for `kept_s` seconds."""
        changed = False
        for local, listener in list(self._listeners.items()):
            changed |= listener.expire(now)
            self._drop_if_empty(local, listener)
        return changed

    def _withdraw(self, connection: Hashable, place: tuple[Multiaddr, bytes], now: float) -> bool:
        local, observer = place
        listener = self._listeners[local]
        changed = listener.vote(observer, connection, None, now)
        self._drop_if_empty(local, listener)
        return changed

    def _drop_if_empty(self, local: Multiaddr, listener: _Listener) -> None:
        if listener.is_empty:
            del self._listeners[local]

    def _make_room(self, observer: bytes, now: float) -> bool:
        """Forget the observer's oldest connection if it has too many, else the oldest of all if there are."""
        if len(self._connections) < self._config.connections_per_observer:
            return False
        same = [key for key, (_, its) in self._connections.items() if its == observer]
        if len(same) >= self._config.connections_per_observer:
            return self.forget(same[0], now)
        if len(self._connections) >= self._config.connections:
            return self.forget(next(iter(self._connections)), now)
        return False


class _Listener:
    """The votes on one address we listen on. An observer's newest connection speaks for it."""

    __slots__ = ("_config", "_counts", "_votes", "believed", "kept")

    def __init__(self, config: ObservedAddressesConfig) -> None:
        self.believed: tuple[Multiaddr, ...] = ()
        """The addresses that are believed, in the order of their bytes."""
        self.kept: dict[Multiaddr, float] = {}
        """Addresses that are believed though too few see them, and until when."""
        self._config = config
        self._votes: dict[bytes, dict[Hashable, Multiaddr]] = {}
        self._counts: dict[Multiaddr, int] = {}

    @property
    def is_empty(self) -> bool:
        return not self._votes and not self.kept

    def vote(self, observer: bytes, connection: Hashable, external: Multiaddr | None, now: float) -> bool:
        """Take one connection's vote, None to take it back, and return whether that changes what is believed."""
        votes = self._votes.setdefault(observer, {})
        before = _newest(votes)
        votes.pop(connection, None)
        if external is not None:
            votes[connection] = external
        after = _newest(votes)
        if not votes:
            del self._votes[observer]
        if before == after:
            return False
        most = self._add(after, 1)
        most = max(most, self._add(before, -1) + 1)
        return most >= self._config.observers and self._settle(now)

    def expire(self, now: float) -> bool:
        self.kept = {address: until for address, until in self.kept.items() if until > now}
        return self._settle(now, losing=False)

    def _add(self, external: Multiaddr | None, n: int) -> int:
        """Change the count of an address, and return it."""
        if external is None:
            return 0
        count = self._counts.pop(external, 0) + n
        if count:
            self._counts[external] = count
        return count

    def _settle(self, now: float, losing: bool = True) -> bool:
        """Choose anew what is believed, and return whether it is something else."""
        seen = [address for address, count in self._counts.items() if count >= self._config.observers]
        seen.sort(key=lambda address: (-self._counts[address], address))
        lost = [address for address in self.believed if address not in seen] if losing else []
        for address in lost:
            self.kept.setdefault(address, now + self._config.kept_s)
        for address in seen:
            self.kept.pop(address, None)
        kept = sorted(self.kept, key=lambda address: (-self.kept[address], address))
        chosen = [*seen, *kept][: self._config.addresses_per_listener]
        self.kept = {address: self.kept[address] for address in chosen if address in self.kept}
        before, self.believed = self.believed, tuple(sorted(chosen))
        return before != self.believed


def _newest(votes: dict[Hashable, Multiaddr]) -> Multiaddr | None:
    return votes[next(reversed(votes))] if votes else None


def _head(address: Multiaddr) -> Multiaddr | None:
    """Return IP address and port, IPv4 inside IPv6 as IPv4; None for an address that has none, or uses a relay."""
    names = address.protocols()
    if len(names) < 2 or names[0] not in OBSERVER_BYTES or "p2p-circuit" in names:
        return None
    if address.ip is None or address.port is None:
        return None
    if names[1] == "tcp":
        return Multiaddr.from_ip_port(address.ip, "tcp", address.port)
    return Multiaddr.from_ip_port(address.ip, "udp", address.port) if names[1] == "udp" else None


def _observer(head: Multiaddr) -> bytes:
    ip = head.components()[0]
    return ip.raw[: OBSERVER_BYTES[ip.name]]


def _scope(head: Multiaddr) -> str | None:
    """Return how far an IP address reaches; None if not beyond a link, or if it is no host's (NAT64's are not)."""
    if head.is_loopback or head.is_link_local or head.is_unspecified:
        return None
    ip = ipaddress.ip_address(head.components()[0].raw)
    if ip.is_multicast or ip.is_reserved:
        return None
    return "private" if head.is_private else "public"
