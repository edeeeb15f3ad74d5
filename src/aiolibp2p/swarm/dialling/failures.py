"""The reasons why a dial did not come to a connection, address by address. Pure."""

from __future__ import annotations

from aiolibp2p.errors import LimitExceeded

MAX_TOLD = 256
"""Reasons that one error holds: four times the addresses that are dialled for a request, so that what was left out is
told, too; whoever passes a list of a million addresses does not get them all back."""


class Failures:
    """Pairs of an address, as text, and what ended or prevented its dial, in the order in which that happened."""

    def __init__(self) -> None:
        self._told: list[tuple[str, BaseException]] = []
        self._untold = 0

    def note(self, address: object, error: BaseException) -> None:
        """Note a failure; past the limit it is only counted. Its frames are dropped: they lead back to the dial."""
        error.__traceback__ = None
        if len(self._told) < MAX_TOLD:
            self._told.append((str(address), error))
        else:
            self._untold += 1

    def told(self) -> list[tuple[str, BaseException]]:
        """Return all pairs, and at the end how many there were besides."""
        if not self._untold:
            return list(self._told)
        more = f"{self._untold} more"
        return [*self._told, (more, LimitExceeded(f"an error names at most {MAX_TOLD} addresses"))]
