"""Lookups by the prefix of the keys that they answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiolibp2p.errors import ConfigError
from aiolibp2p.peer.peer_id import PeerId

Lookup: TypeAlias = Callable[[bytes, PeerId], Awaitable[bytes | None]]
"""Finds the value of a key, whole with its prefix, for the peer that asks; None when there is none for that peer."""


def key_bytes(key: str | bytes) -> bytes:
    """Return a key, or a prefix of keys, as bytes; text becomes UTF-8."""
    return key.encode() if isinstance(key, str) else bytes(key)


class Lookups:
    """Lookups, each for all keys that begin with its prefix; the longest prefix of a key decides."""

    def __init__(self) -> None:
        self._by_prefix: dict[bytes, Lookup] = {}
        self._lengths: list[int] = []

    def add(self, prefix: bytes, lookup: Lookup) -> None:
        """Answer keys that begin with `prefix`. Raises ConfigError when another lookup does so already."""
        if prefix in self._by_prefix:
            raise ConfigError(f"fetch: keys that begin with {prefix!r} have a lookup already; unregister it first")
        self._by_prefix[prefix] = lookup
        self._sort()

    def remove(self, prefix: bytes) -> None:
        """Answer the prefix no longer. Idempotent."""
        self._by_prefix.pop(prefix, None)
        self._sort()

    def find(self, key: bytes) -> Lookup | None:
        """Return the lookup whose prefix is the longest that `key` begins with; None when there is none."""
        for length in self._lengths:
            lookup = self._by_prefix.get(key[:length]) if length <= len(key) else None
            if lookup is not None:
                return lookup
        return None

    def _sort(self) -> None:
        self._lengths = sorted(dict.fromkeys(map(len, self._by_prefix)), reverse=True)
