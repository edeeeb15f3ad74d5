"""The listeners that refuse optimism. Pure."""

from __future__ import annotations

from aiolibp2p.multiformats.multiaddr import Multiaddr


class Refusals:
    """The addresses whose listener refused the preferred security, the `limit` that were noted last.

    A listener that refuses what its dialer began optimistically costs a second connection; the next dial to it spares
    itself that by asking first.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._addresses: dict[Multiaddr, None] = {}

    def __contains__(self, address: Multiaddr) -> bool:
        return address in self._addresses

    def __len__(self) -> int:
        return len(self._addresses)

    def add(self, address: Multiaddr) -> None:
        """Note an address whose listener has refused; past the limit the one noted longest ago is forgotten."""
        self._addresses.pop(address, None)
        self._addresses[address] = None
        if len(self._addresses) > self._limit:
            del self._addresses[next(iter(self._addresses))]
