from __future__ import annotations

import pytest

from aiolibp2p.errors import ConfigError
from aiolibp2p.muxers.mplex import MplexConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_unread_stream_bytes", 0),
        ("max_lingering_streams", 0),
        ("max_dropped_bytes", -1),
        ("max_owed_bytes", 0),
        ("stall_timeout_s", -1),
        ("stall_timeout_s", float("nan")),
        ("linger_s", -0.1),
    ],
)
def test_a_limit_that_makes_no_sense_is_named(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"MplexConfig: {name} must be at"):
        MplexConfig(**{name: value})  # type: ignore[arg-type]
    MplexConfig(max_lingering_streams=1, linger_s=0, stall_timeout_s=float("inf"))
