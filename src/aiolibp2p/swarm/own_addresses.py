"""Own addresses: those at which this host can be reached, put together from all that know of some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiolibp2p.abc.services.address_source import AddressSource, nobody_asks
from aiolibp2p.events import AddressesChanged, Event
from aiolibp2p.io.tasks import call_guarded
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


@dataclass(frozen=True)
class OwnAddressesConfig:
    """The user's word on the addresses of a host: what is added, kept and told."""

    announced: Sequence[Multiaddr] = ()
    """Further addresses under which the host is known to be reachable, without /p2p: port forwards, names."""
    keep: Callable[[Multiaddr], bool] | None = None
    """Answers whether to tell others an address, which has no /p2p at its end; None tells all. It is asked about
    `announced` ones, too."""
    max_addresses: int = 64
    """The most addresses told: as many as one dial tries. Listeners come first, then `announced`, then sources."""


class OwnAddresses:
    """Listeners with wildcards expanded, announced addresses, and sources, minus what the user's filter drops."""

    def __init__(
        self,
        local_peer: PeerId,
        listening: Callable[[], Sequence[Multiaddr]],
        expand: Callable[[Multiaddr], Sequence[Multiaddr]],
        emit: Callable[[Event], None],
        config: OwnAddressesConfig | None = None,
    ) -> None:
        self._suffix = local_peer.to_bytes()
        self._listening = listening
        self._expand = expand
        self._emit = emit
        self._config = config or OwnAddressesConfig()
        self._sources: list[AddressSource] = []
        self._last: tuple[Multiaddr, ...] = ()
        self.on_changed: Callable[[], None] = nobody_asks
        """Called when other addresses are known than before, ahead of the event."""

    @property
    def addresses(self) -> list[Multiaddr]:
        """The addresses as of now, each ending in /p2p/<our id>; those that peers or relays give us come last."""
        config = self._config
        listening = [one for bound in self._listening() for one in self._expand(bound)]
        found = dict.fromkeys((*listening, *config.announced))
        for source in self._sources:
            call_guarded(
                lambda source: found.update(dict.fromkeys(source.own_addresses(listening))),
                source,
                who=source,
                what="asked for addresses",
            )
        kept = [address for address in found if config.keep is None or config.keep(address)]
        return [address.with_p2p(self._suffix) for address in kept[: config.max_addresses]]

    def add_source(self, source: AddressSource) -> None:
        """Ask this source, too, from now on, and whenever it says that its answer has changed."""
        self._sources.append(source)
        source.on_change = self.changed

    def changed(self) -> None:
        """Look again, and announce what came and what went if anything did."""
        addresses = tuple(self.addresses)
        before, self._last = self._last, addresses
        if addresses != before:
            added = tuple(address for address in addresses if address not in before)
            removed = tuple(address for address in before if address not in addresses)
            self.on_changed()
            self._emit(AddressesChanged(addresses, added, removed))
