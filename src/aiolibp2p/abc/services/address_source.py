"""Address sources: where else than on its listeners a host can be reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from aiolibp2p.multiformats.multiaddr import Multiaddr


class AddressSource(Protocol):
    """One origin of a host's own addresses: what peers observe, relays, port mappings, the user's word."""

    on_change: Callable[[], None]
    """A callback that the host sets; the source calls it when `own_addresses` would answer otherwise than before."""

    def own_addresses(self, listening: Sequence[Multiaddr]) -> Sequence[Multiaddr]:
        """Return further addresses of the host, without /p2p, given those it listens on with wildcards expanded."""
        ...


def nobody_asks() -> None:
    """Do nothing: the `on_change` of a source that no host uses yet."""
