"""The memory of earlier dials, by which an address may be left alone for a while. Pure."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


class DialHistory(Protocol):
    """The place for back-off: told how each attempt ended, asked before the next. Times in `Runtime.now` seconds."""

    def refusal(self, peer: PeerId | None, address: Multiaddr, now: float) -> BaseException | None:
        """Return why the address is not dialled now, in words that say until when; None to dial it."""
        ...

    def note(self, peer: PeerId | None, address: Multiaddr, outcome: BaseException | None, now: float) -> None:
        """Note how an attempt ended: with an error, or (None) with a connection. Cancelled ones are not noted."""
        ...


class _NoHistory(DialHistory):
    """A history that remembers nothing and refuses nothing."""

    def refusal(self, peer: PeerId | None, address: Multiaddr, now: float) -> BaseException | None:
        return None

    def note(self, peer: PeerId | None, address: Multiaddr, outcome: BaseException | None, now: float) -> None: ...


NO_HISTORY: DialHistory = _NoHistory()
"""The history of a host without back-off."""
