"""The suite for muxers, over each of ours."""

from __future__ import annotations

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.muxers.mplex import Mplex, MplexConfig
from aiolibp2p.muxers.yamux import Yamux, YamuxConfig
from aiolibp2p.testing.muxer_suite import MuxerSuite


class TestYamux(MuxerSuite):
    max_lingering_streams = 30

    def muxer(self, runtime: Runtime) -> Muxer:
        return Yamux(runtime, YamuxConfig(max_unacknowledged=20, max_lingering_streams=30))


class TestMplex(MuxerSuite):
    max_lingering_streams = 30
    reset_codes = goodbye = keep_alive = False

    def muxer(self, runtime: Runtime) -> Muxer:
        return Mplex(runtime, MplexConfig(max_unread_stream_bytes=128 * 1024, max_lingering_streams=30))
