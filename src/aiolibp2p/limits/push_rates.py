"""Rates for identify's pushes: token buckets by network, so that a flood from one place leaves others their share."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Rate:
    """A rate: `per_second` on the long run, `burst` at once."""

    per_second: float
    burst: int


@dataclass(frozen=True)
class PushRates:
    """The rates of go (its identify service). A subnet's rate holds besides the one for all; loopback has none."""

    everybody: Rate = Rate(2000, 3000)
    ip4_24: Rate = Rate(0.2, 10)
    ip6_56: Rate = Rate(0.2, 10)
    ip6_48: Rate = Rate(0.5, 20)
    subnets: int = 8192
    """Subnets that are remembered; past it the one heard of longest ago is forgotten."""


class TokenBucket:
    """A bucket that is full at first and gains `rate.per_second` tokens every second, up to `rate.burst`."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._at = now

    def has_token(self, now: float) -> bool:
        """Return whether a token can be taken."""
        gained = max(0.0, now - self._at) * self._rate.per_second
        self._tokens = min(float(self._rate.burst), self._tokens + gained)
        self._at = now
        return self._tokens >= 1

    def take(self) -> None:
        """Take a token; ask `has_token` first."""
        self._tokens -= 1


class PushLimiter:
    """The buckets of all networks: may one more push from an IP address be taken?

    `now` in seconds that never go back.
    """

    def __init__(self, rates: PushRates | None = None) -> None:
        self._rates = rates or PushRates()
        self._everybody: TokenBucket | None = None
        self._subnets: OrderedDict[bytes, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        """Return how many subnets are remembered."""
        return len(self._subnets)

    def allow(self, address: str | None, now: float) -> bool:
        """Count a push from this IP address (None: not an IP transport). A refused one costs nobody a token."""
        ip = _parse(address)
        if ip is not None and ip.is_loopback:
            return True
        if self._everybody is None:
            self._everybody = TokenBucket(self._rates.everybody, now)
        buckets = [self._bucket(key, rate, now) for key, rate in self._keys(ip)]
        buckets.append(self._everybody)
        if not all(bucket.has_token(now) for bucket in buckets):
            return False
        for bucket in buckets:
            bucket.take()
        return True

    def _keys(self, ip: IPAddress | None) -> list[tuple[bytes, Rate]]:
        if ip is None:
            return []
        packed = ip.packed
        if len(packed) == 4:
            return [(packed[:3], self._rates.ip4_24)]
        return [(packed[:7], self._rates.ip6_56), (packed[:6], self._rates.ip6_48)]

    def _bucket(self, key: bytes, rate: Rate, now: float) -> TokenBucket:
        bucket = self._subnets.get(key)
        if bucket is None:
            bucket = self._subnets[key] = TokenBucket(rate, now)
            if len(self._subnets) > self._rates.subnets:
                self._subnets.popitem(last=False)
        self._subnets.move_to_end(key)
        return bucket


def _parse(address: str | None) -> IPAddress | None:
    if address is None:
        return None
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return mapped or ip
