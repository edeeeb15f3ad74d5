"""What a host calls itself, and the limits it keeps to when it identifies others."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.limits.push_rates import PushRates


@dataclass(frozen=True)
class IdentifyConfig:
    """What a host calls itself, and how long and how often it bothers others."""

    agent_version: str = ""
    """The name and version of the program, as `name/version`; without it, aiolibp2p and its version."""
    protocol_version: str = "ipfs/0.1.0"
    """The family of networks it belongs to. This default is what js and kubo say; go's library says nothing."""
    timeout_s: float = 5.0
    """Seconds for one exchange, from opening the stream to its end, as in go."""
    requests_per_peer: int = 16
    """Requests of one peer that are answered at once, as in go; past that they are reset."""
    push_delay_s: float = 0.1
    """Seconds within which changes go out as one push: a host that starts sets many handlers in a row."""
    push_concurrency: int = 32
    """The most pushes that are sent at once, as in go, and the most that are received at once."""
    push_rates: PushRates = PushRates()
