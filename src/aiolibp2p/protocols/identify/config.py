"""What a host calls itself, and the limits it keeps to when it identifies others."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.limits.push_rates import PushRates


@dataclass(frozen=True)
class IdentifyConfig:
    """What a host calls itself, and how long and how often it bothers others."""

    agent_version: str = ""
    """`name/version`; without it, aiolibp2p and its version."""
    protocol_version: str = "ipfs/0.1.0"
    """The family of networks it belongs to. This default is what js and kubo say; go's library says nothing."""
    timeout_s: float = 5.0
    """For one exchange, from opening the stream to its end."""
    requests_per_peer: int = 16
    """Requests of one peer answered at once, as in go; past it they are reset."""
    push_delay_s: float = 0.1
    """Changes within this time go out as one push."""
    push_concurrency: int = 32
    """Pushes sent at once, and pushes received at once."""
    push_rates: PushRates = PushRates()
