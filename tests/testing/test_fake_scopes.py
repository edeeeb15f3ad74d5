from __future__ import annotations

from collections.abc import Callable

import pytest

from aiolibp2p.errors import LimitExceeded
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.testing.fake_scopes import FakeResources, FakeScope

PEER = PrivateKey.generate("ed25519", lambda n: b"\1" * n).peer_id


def standing(resources: FakeResources) -> FakeScope:
    connection = resources.open_connection(True, None)
    connection.set_peer(PEER)
    return connection


def test_a_good_life_is_recorded() -> None:
    resources = FakeResources()
    connection = standing(resources)
    stream = connection.open_stream(False)
    stream.set_protocol("/echo/1.0.0")
    stream.set_service("echo")
    stream.reserve(10)
    stream.release(10)
    service = resources.service_scope("echo")
    for scope in (stream, connection, service):
        scope.done()
    resources.assert_done()
    resources.assert_balanced()
    assert (stream.inbound, stream.protocol_id, stream.service) == (False, "/echo/1.0.0", "echo")
    assert resources.calls == [
        "resources: open_connection",
        f"connection 1: set_peer {PEER}",
        "connection 1: open_stream out",
        "stream 2: set_protocol /echo/1.0.0",
        "stream 2: set_service echo",
        "stream 2: reserve 10",
        "stream 2: release 10",
        "stream 2: done",
        "connection 1: done",
        "service echo 3: done",
    ]


def test_calls_are_refused_on_demand() -> None:
    resources = FakeResources()
    connection = standing(resources)
    with resources.refusing("open_stream", "reserve", after=1):
        connection.reserve(5)
        connection.open_stream(True)
        with pytest.raises(LimitExceeded, match="connection 1: the test refuses reserve"):
            connection.reserve(1)
        with pytest.raises(LimitExceeded, match="open_stream"):
            connection.open_stream(True)
        with resources.refusing("open_connection"), pytest.raises(LimitExceeded):
            resources.open_connection(True, None)
        resources.open_connection(True, None)
    connection.open_stream(True)
    assert connection.held == 5
    with pytest.raises(AssertionError, match="cannot be refused"), resources.refusing("done"):
        pass


def test_what_is_never_done_or_released_is_named() -> None:
    resources = FakeResources()
    connection = standing(resources)
    stream = connection.open_stream(True)
    for scope in (connection, stream):
        scope.reserve(7)
    stream.done()
    stream.release(7)
    with pytest.raises(AssertionError, match="never done: connection 1$"):
        resources.assert_done()
    with pytest.raises(AssertionError, match="bytes never released: 7 by connection 1, 7 by stream 2"):
        resources.assert_balanced()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda connection, stream: connection.release(1), "connection 1: released 1 bytes of 0"),
        (lambda connection, stream: connection.reserve(-1), "connection 1: reserved -1 bytes"),
        (lambda connection, stream: (stream.done(), stream.done()), "stream 2: done twice"),
        (lambda connection, stream: (stream.done(), stream.reserve(0)), "stream 2: reserve after done"),
        (lambda connection, stream: (connection.done(), connection.open_stream(True)), "open_stream after done"),
        (lambda connection, stream: connection.set_peer(PEER), "connection 1: the peer is 12D3"),
        (lambda connection, stream: [stream.set_protocol("/a") for _ in range(2)], "the protocol is /a already"),
        (lambda connection, stream: stream.set_service("a"), "a service before the protocol is known"),
        (lambda connection, stream: stream.open_stream(True), "a stream before the peer is known"),
    ],
)
def test_breaking_the_contract_is_told_at_once_and_at_the_end(
    wrong: Callable[[FakeScope, FakeScope], object], told: str
) -> None:
    resources = FakeResources()
    connection = standing(resources)
    stream = connection.open_stream(True)
    with pytest.raises(AssertionError, match=told):
        wrong(connection, stream)
    for scope in resources.scopes:
        if not scope.is_done:
            scope.done()
    for check in (resources.assert_done, resources.assert_balanced):
        with pytest.raises(AssertionError, match=told):
            check()
