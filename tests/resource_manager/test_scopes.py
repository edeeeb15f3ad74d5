from __future__ import annotations

import gc
import weakref

import pytest

from aiolibp2p.abc.services.resources import ALWAYS, HIGH_PRIORITY, LOW_PRIORITY, MEDIUM_PRIORITY, Scope, StreamScope
from aiolibp2p.errors import LimitExceeded
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.resource_manager import ResourceLimits, ResourceManager, ScopeLimits, TreeLimits, Usage
from aiolibp2p.resource_manager.scopes import CountedConnection

ONE, OTHER = (PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n).peer_id for i in (1, 2))
ECHO = "/echo/1.0.0"


def standing(manager: ResourceManager) -> CountedConnection:
    connection = manager.open_connection(True, None)
    connection.set_peer(ONE)
    return connection


def serve(stream: StreamScope) -> None:
    stream.set_protocol(ECHO)
    stream.set_service("echo")


@pytest.mark.parametrize(
    ("priority", "most"), [(LOW_PRIORITY, 102), (MEDIUM_PRIORITY, 153), (HIGH_PRIORITY, 204), (ALWAYS, 256), (0, 1)]
)
def test_a_priority_is_a_share_of_the_limit(priority: int, most: int) -> None:
    scope = ResourceManager(TreeLimits(system=ScopeLimits(memory=256))).service_scope("dht")
    scope.reserve(most, priority)
    with pytest.raises(LimitExceeded) as refused:
        scope.reserve(1, priority)
    share = f", at this priority {most} of them" if priority != ALWAYS else ""
    expected = f"system: 1 bytes more would pass its 256 bytes of memory{share}; {most} are in use"
    assert str(refused.value) == expected


def test_a_refused_reservation_is_charged_to_nobody() -> None:
    manager = ResourceManager(TreeLimits(system=ScopeLimits(memory=10), connection=ScopeLimits(memory=100)))
    connection = standing(manager)
    stream = connection.open_stream(True)
    with pytest.raises(LimitExceeded, match="system"):
        stream.reserve(11)
    stream.reserve(10)
    assert stream.held == 10
    assert manager.statistics().system.memory == 10


def test_a_connection_that_its_peer_has_no_room_for_stays_transient() -> None:
    manager = ResourceManager(
        TreeLimits(peer=ScopeLimits(connections=1), transient=ScopeLimits(connections=1, memory=50))
    )
    standing(manager)
    second = manager.open_connection(True, None)
    second.reserve(40)
    with pytest.raises(LimitExceeded, match=f"peer {ONE}: 1 of 1 connections are in use"):
        second.set_peer(ONE)
    assert manager.statistics().transient == Usage(memory=40, inbound_connections=1, descriptors=1)
    with pytest.raises(LimitExceeded, match="transient: 1 of 1"):
        manager.open_connection(True, None)
    with pytest.raises(LimitExceeded, match="transient: 20 bytes more"):
        second.reserve(20)
    second.set_peer(OTHER)
    second.reserve(20)
    manager.open_connection(True, None).reserve(50)


def test_what_a_connection_holds_moves_to_its_peer() -> None:
    manager = ResourceManager(TreeLimits(peer=ScopeLimits(memory=50), transient=ScopeLimits(memory=100)))
    connection = manager.open_connection(False, None)
    connection.reserve(60)
    with pytest.raises(LimitExceeded, match="60 bytes more would pass its 50"):
        connection.set_peer(ONE)
    connection.release(10)
    connection.set_peer(ONE)
    with pytest.raises(LimitExceeded, match="50 are in use"):
        connection.open_stream(True).reserve(1)


def test_protocols_and_services_are_limited_with_each_peer_and_with_all() -> None:
    one = ScopeLimits(streams=1)
    for limits, name in (
        (TreeLimits(protocol=one), f"protocol {ECHO}:"),
        (TreeLimits(protocol_peer=one), f"protocol {ECHO} with {ONE}:"),
        (TreeLimits(service=one), "service echo:"),
        (TreeLimits(service_peer=one), f"service echo with {ONE}:"),
    ):
        manager = ResourceManager(limits)
        connection = standing(manager)
        first, second, third = [connection.open_stream(i > 0) for i in range(3)]
        serve(first)
        with pytest.raises(LimitExceeded, match=name):
            serve(second)
        first.done()
        second.done()
        serve(third)
        third.done()
        connection.done()
        assert len(manager) == 0


def test_a_service_reserves_for_itself_beside_its_streams() -> None:
    manager = ResourceManager(TreeLimits(service=ScopeLimits(memory=100)))
    own, stream = manager.service_scope("echo"), standing(manager).open_stream(True)
    stream.set_protocol(ECHO)
    stream.reserve(40)
    stream.set_service("echo")
    with pytest.raises(LimitExceeded, match="service echo: 61 bytes more would pass its 100 bytes of memory; 40"):
        own.reserve(61)
    own.reserve(60)
    with pytest.raises(LimitExceeded):
        stream.reserve(1)
    manager.service_scope("other").reserve(100)
    assert {name: usage.memory for name, usage in manager.statistics().services.items()} == {"echo": 100, "other": 100}
    own.done()
    own.done()
    stream.reserve(60)


def test_every_stream_may_have_a_limit_of_its_own() -> None:
    connection = standing(ResourceManager(TreeLimits(stream=ScopeLimits(memory=5))))
    one, two = connection.open_stream(True), connection.open_stream(True)
    one.reserve(5)
    two.reserve(5)
    with pytest.raises(LimitExceeded, match=f"stream on connection 1 from an unknown address, {ONE}: 1 bytes"):
        one.reserve(1)


def test_streams_are_transient_until_their_protocol_is_settled() -> None:
    connection = standing(ResourceManager(TreeLimits(transient=ScopeLimits(streams=1))))
    first = connection.open_stream(True)
    with pytest.raises(LimitExceeded, match="transient: 1 of 1 streams"):
        connection.open_stream(False)
    first.set_protocol(ECHO)
    connection.open_stream(False)


def test_a_host_has_so_many_descriptors() -> None:
    manager = ResourceManager(TreeLimits(system=ScopeLimits(descriptors=1)))
    manager.open_connection(True, None)
    manager.open_connection(True, None, uses_fd=False)
    with pytest.raises(LimitExceeded, match="system: 1 of 1 descriptors"):
        manager.open_connection(False, None)


def test_a_scope_that_is_done_gives_back_everything_once() -> None:
    manager = ResourceManager()
    connection = standing(manager)
    stream = connection.open_stream(True)
    stream.reserve(100)
    for scope in (stream, stream, connection, connection):
        scope.done()
    assert len(manager) == 0
    assert manager.statistics().system == Usage()
    stream.release(100)
    assert stream.held == 0


def test_a_scope_that_is_done_refuses_the_rest() -> None:
    manager = ResourceManager()
    connection = standing(manager)
    stream = connection.open_stream(True)
    for scope in (stream, connection):
        scope.done()
    for ask in (
        lambda: stream.reserve(0),
        lambda: stream.set_protocol(ECHO),
        lambda: stream.set_service("echo"),
        lambda: connection.reserve(1),
        lambda: connection.open_stream(True),
        lambda: connection.set_peer(ONE),
    ):
        with pytest.raises(LimitExceeded, match="has ended"):
            ask()


def test_a_stream_may_outlive_its_connection() -> None:
    manager = ResourceManager(TreeLimits(peer=ScopeLimits(memory=10), connection=ScopeLimits(memory=10)))
    connection = standing(manager)
    stream = connection.open_stream(True)
    stream.reserve(6)
    connection.reserve(4)
    connection.done()
    assert manager.statistics().peers == {str(ONE): Usage(memory=6, inbound_streams=1)}
    with pytest.raises(LimitExceeded):
        standing(manager).reserve(5)
    stream.done()
    assert str(ONE) in manager.statistics().peers
    assert manager.statistics().system.memory == 0


def test_wrong_calls_are_told_and_change_nothing() -> None:
    manager = ResourceManager()
    young = manager.open_connection(True, None)
    with pytest.raises(ValueError, match="must be known before a stream"):
        young.open_stream(True)
    connection = standing(manager)
    with pytest.raises(ValueError, match="is known already"):
        connection.set_peer(OTHER)
    stream = connection.open_stream(True)
    with pytest.raises(ValueError, match="after its protocol"):
        stream.set_service("echo")
    stream.set_protocol(ECHO)
    stream.set_service("echo")
    with pytest.raises(ValueError, match=f"stream of {ECHO} on connection 2"):
        stream.set_protocol("/other")
    with pytest.raises(ValueError):
        stream.set_service("other")
    stream.reserve(5)
    for n in (6, -1):
        with pytest.raises(ValueError, match=f"{n} bytes released of 5"):
            stream.release(n)
    with pytest.raises(ValueError, match="-1 bytes cannot"):
        stream.reserve(-1)
    assert manager.statistics().system.memory == 5


def test_dead_scopes_are_freed_without_the_collector() -> None:
    limits = ScopeLimits(memory=100, streams=10, connections=10)
    manager = ResourceManager(TreeLimits(*[limits] * 9))
    gc.collect()
    gc.disable()
    try:
        connection = standing(manager)
        stream = connection.open_stream(True)
        stream.set_protocol(ECHO)
        stream.set_service("echo")
        service = manager.service_scope("echo")
        dead: list[weakref.ref[Scope]] = [weakref.ref(scope) for scope in (connection, stream, service)]
        for scope in (stream, connection, service):
            scope.done()
        del connection, stream, service, scope
        assert [scope() for scope in dead] == [None] * 3
    finally:
        gc.enable()


def test_peers_without_limits_are_not_even_remembered() -> None:
    manager = ResourceManager(ResourceLimits())
    connection = standing(manager)
    connection.open_stream(True).set_protocol(ECHO)
    assert len(manager) == 1
