"""A session that is over has let go of its connection."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.muxers.mplex import Mplex
from aiolibp2p.muxers.yamux import Yamux
from aiolibp2p.muxing.no_acceptor import NO_ACCEPTOR
from aiolibp2p.testing.muxer_suite.fakes import Acceptor, Clock, Scope, Sink, Wire


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What refers to itself stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_it_takes_nothing_and_minds_nothing() -> None:
    assert NO_ACCEPTOR.accept(1) is None
    for call in (NO_ACCEPTOR.room_for_streams, NO_ACCEPTOR.idle):
        call()
    NO_ACCEPTOR.goodbye_received(0)


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("muxer", [Yamux(Clock()), Mplex(Clock())], ids=["yamux", "mplex"])
def test_a_dead_session_and_what_surrounded_it_are_freed_at_once(muxer: Muxer) -> None:
    acceptor, sink = Acceptor(), Sink()
    session = muxer.start(Role.INITIATOR, acceptor, Wire(), Scope())
    session.write(session.open_stream(sink), b"x")
    session.abort("it ended")
    assert sink.resets == acceptor.room_calls == 1
    left = [weakref.ref(acceptor), weakref.ref(sink)]
    del acceptor, sink
    assert [one() for one in left] == [None, None]
    session.close()
    session.flush()
    assert session.stream_count == 0
