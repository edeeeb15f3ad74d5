from __future__ import annotations

import pytest

from aiolibp2p.errors import ConfigError
from aiolibp2p.muxers.yamux import YamuxConfig
from aiolibp2p.muxers.yamux.frames import INITIAL_WINDOW_BYTES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_window_bytes", INITIAL_WINDOW_BYTES - 1),
        ("max_window_bytes", 2**32),
        ("max_unacknowledged", 0),
        ("max_lingering_streams", 0),
        ("max_owed_bytes", 0),
        ("max_owed_pongs", 0),
        ("keep_alive_s", 0),
        ("keep_alive_s", float("nan")),
        ("pong_timeout_s", -1),
        ("linger_s", -0.1),
    ],
)
def test_a_limit_that_makes_no_sense_is_named(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"YamuxConfig: {name} must be at"):
        YamuxConfig(**{name: value})  # type: ignore[arg-type]
    YamuxConfig(max_lingering_streams=1, linger_s=0, keep_alive_s=float("inf"))
