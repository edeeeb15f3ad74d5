"""Which handler serves which protocol."""

from __future__ import annotations

import pytest

from aiolibp2p.abc.stream import Stream
from aiolibp2p.errors import ConfigError, NegotiationFailed
from aiolibp2p.swarm.handlers import MAX_PROTOCOL_BYTES, StreamHandlers


async def one(stream: Stream) -> None:
    """A handler."""


async def other(stream: Stream) -> None:
    """Another."""


@pytest.mark.spec("CONN-12", "CONN-23")
def test_ids_match_exactly() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one)
    handlers.add("no slash, but ü", other)
    assert handlers.find("/a/1") is one
    assert handlers.find("no slash, but ü") is other
    for near in ("/a", "/a/1/", "/a/10", "/A/1", ""):
        assert not handlers.supports(near)
        assert handlers.find(near) is None
    assert handlers.protocols == ["/a/1", "no slash, but ü"]


@pytest.mark.spec("CONN-13")
def test_a_predicate_gets_the_proposed_id_and_comes_second() -> None:
    handlers = StreamHandlers()
    asked = []

    def match(protocol_id: str) -> bool:
        asked.append(protocol_id)
        return protocol_id.startswith("/a/")

    handlers.add("/a/1", one, match)
    handlers.add("/a/2", other)
    assert handlers.find("/a/2") is other
    assert asked == []
    assert handlers.find("/a/3") is one
    assert not handlers.supports("/b/1")
    assert asked == ["/a/3", "/b/1"]


def test_a_predicate_that_fails_is_an_error_of_the_negotiation() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one, lambda protocol_id: bool(1 / 0))
    assert handlers.find("/a/1") is one
    with pytest.raises(NegotiationFailed, match=r"match function of /a/1"):
        handlers.supports("/b/1")


def test_the_last_one_to_register_serves_and_removing_ends_it() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one, lambda protocol_id: True)
    handlers.add("/a/1", other)
    assert handlers.find("/a/1") is other
    assert not handlers.supports("/b/1")
    assert handlers.remove("/a/1")
    assert not handlers.remove("/a/1")
    assert not handlers.supports("/a/1")


@pytest.mark.parametrize("unusable", ["", "two\nlines", "x" * (MAX_PROTOCOL_BYTES + 1), "ü" * MAX_PROTOCOL_BYTES])
def test_an_unusable_id_is_refused(unusable: str) -> None:
    with pytest.raises(ConfigError, match="not a protocol id"):
        StreamHandlers().add(unusable, one)
