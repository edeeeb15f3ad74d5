"""Which handler serves which protocol."""

from __future__ import annotations

import logging
from typing import cast

import pytest

from aiolibp2p.abc.services.context import StreamLimits
from aiolibp2p.abc.stream import MuxedConnection, Stream
from aiolibp2p.errors import ConfigError, NegotiationFailed
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.swarm.connections.handlers import MAX_PROTOCOL_BYTES, Served, StreamHandlers
from protocols.fakes import FakeHost, join
from protocols.identify.pair import KEYS

LINK = join(FakeHost(KEYS[0]), FakeHost(KEYS[1]))
ANYWHERE, INBOUND = cast(MuxedConnection, LINK), cast(MuxedConnection, LINK.other)


async def one(stream: Stream) -> None:
    """Serve nothing: a handler that is never called."""


async def other(stream: Stream) -> None:
    """Serve nothing: another handler that is never called."""


@pytest.mark.spec("CONN-12", "CONN-23")
def test_ids_match_exactly() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one)
    handlers.add("no slash, but ü", other)
    assert handlers.find("/a/1", ANYWHERE) == Served(one)
    assert handlers.find("no slash, but ü", ANYWHERE) == Served(other)
    for near in ("/a", "/a/1/", "/a/10", "/A/1", ""):
        assert not handlers.supports(near, ANYWHERE)
        assert handlers.find(near, ANYWHERE) is None
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
    assert handlers.find("/a/2", ANYWHERE) == Served(other)
    assert asked == []
    assert handlers.find("/a/3", ANYWHERE) == Served(one)
    assert not handlers.supports("/b/1", ANYWHERE)
    assert asked == ["/a/3", "/b/1"]


def test_a_predicate_that_fails_is_an_error_of_the_negotiation() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one, lambda protocol_id: bool(1 / 0))
    assert handlers.find("/a/1", ANYWHERE) == Served(one)
    with pytest.raises(NegotiationFailed, match=r"match function of /a/1"):
        handlers.supports("/b/1", ANYWHERE)


def test_the_last_one_to_register_serves_and_removing_ends_it() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one, lambda protocol_id: True)
    handlers.add("/a/1", other)
    assert handlers.find("/a/1", ANYWHERE) == Served(other)
    assert not handlers.supports("/b/1", ANYWHERE)
    assert handlers.remove("/a/1")
    assert not handlers.remove("/a/1")
    assert not handlers.supports("/a/1", ANYWHERE)


@pytest.mark.parametrize("unusable", ["", "two\nlines", "x" * (MAX_PROTOCOL_BYTES + 1), "ü" * MAX_PROTOCOL_BYTES])
def test_an_unusable_id_is_refused(unusable: str) -> None:
    with pytest.raises(ConfigError, match="not a protocol id"):
        StreamHandlers().add(unusable, one)


def outbound(connection: MuxedConnection) -> bool:
    return connection.is_outbound


def failing(connection: MuxedConnection) -> bool:
    return bool(1 / 0)


@pytest.mark.spec("CONN-19")
def test_outside_its_scope_a_protocol_is_as_good_as_not_registered() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one, lambda protocol_id: protocol_id.startswith("/a/"), outbound)
    handlers.add("/b/1", other)
    assert handlers.protocols == ["/a/1", "/b/1"]
    assert handlers.protocols_on(ANYWHERE) == ["/a/1", "/b/1"]
    assert handlers.protocols_on(INBOUND) == ["/b/1"]
    for served in ("/a/1", "/a/2"):
        assert handlers.supports(served, ANYWHERE)
        assert handlers.find(served, ANYWHERE) == Served(one)
        assert not handlers.supports(served, INBOUND)
        assert handlers.find(served, INBOUND) is None
    assert handlers.find("/b/1", INBOUND) == Served(other)
    handlers.add("/b/1", other, lambda protocol_id: True)
    assert handlers.find("/a/1", INBOUND) == Served(other)


def test_a_scope_that_fails_costs_only_its_own_protocol(caplog: pytest.LogCaptureFixture) -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one, lambda protocol_id: protocol_id == "/a/2", failing)
    handlers.add("/b/1", other, lambda protocol_id: protocol_id == "/b/2")
    for unserved in ("/a/1", "/a/2"):
        with caplog.at_level(logging.INFO), pytest.raises(NegotiationFailed, match=r"what /a/1 is offered on"):
            handlers.supports(unserved, ANYWHERE)
    assert len(caplog.records) == 2
    for served in ("/b/1", "/b/2"):
        assert handlers.find(served, ANYWHERE) == Served(other)
    assert not handlers.supports("/c/1", ANYWHERE)
    assert handlers.protocols_on(ANYWHERE) == ["/b/1"]
    assert len(caplog.records) == 3


def test_adding_says_whether_the_scope_is_another() -> None:
    handlers = StreamHandlers()
    assert [
        handlers.add("/a/1", one, offered_on=scope) for scope in (None, outbound, outbound, failing, None, None)
    ] == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    assert handlers.find("/a/1", INBOUND) == Served(one)
    handlers.add("/a/1", one, offered_on=failing)
    assert handlers.is_limited("/a/1")
    handlers.remove("/a/1")
    assert not handlers.is_limited("/a/1")
    assert not handlers.add("/a/1", one)
    assert handlers.supports("/a/1", INBOUND)


def test_limits_and_services_come_with_the_handler() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", one, limits=StreamLimits(total=3, per_peer=2), service="a")
    handlers.add("/b/1", one, limits=StreamLimits())
    served = handlers.find("/a/1", ANYWHERE)
    assert served is not None
    assert (served.handler, served.service) == (one, "a")
    quota = served.quota
    assert quota is not None
    peers = [PrivateKey.generate("ed25519").peer_id for _ in range(3)]
    assert [quota.take(peers[0]) for _ in range(3)] == [True, True, False]
    assert [quota.take(peer) for peer in peers[1:]] == [True, False]
    assert handlers.find("/b/1", ANYWHERE) == Served(one)


def test_one_limit_alone() -> None:
    handlers = StreamHandlers()
    for limits, taken in ((StreamLimits(total=1), [True, False]), (StreamLimits(per_peer=1), [True, True])):
        handlers.add("/a/1", one, limits=limits)
        served = handlers.find("/a/1", ANYWHERE)
        assert served is not None
        assert served.quota is not None
        peers = [PrivateKey.generate("ed25519").peer_id for _ in range(2)]
        assert [served.quota.take(peer) for peer in peers] == taken
