from __future__ import annotations

import pytest

from aiolibp2p.errors import ConfigError, LimitExceeded
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.resource_manager import ResourceLimits, ResourceManager
from aiolibp2p.resource_manager.scopes import CountedConnection

PEER = PrivateKey.generate("ed25519", lambda n: b"\1" * n).peer_id
REMOTE = Multiaddr("/ip4/192.0.2.1/tcp/4001")
DEFAULTS = ResourceLimits()


def standing(manager: ResourceManager) -> CountedConnection:
    connection = manager.open_connection(True, REMOTE)
    connection.set_peer(PEER)
    return connection


def test_the_defaults_are_those_of_the_blueprint() -> None:
    assert ResourceLimits(128, 1000, 1000, 16 * 1024 * 1024, None) == DEFAULTS


def test_so_many_inbound_connections_are_half_open() -> None:
    manager = ResourceManager()
    pending = [manager.open_connection(True, REMOTE) for _ in range(DEFAULTS.half_open_inbound_connections)]
    with pytest.raises(LimitExceeded) as refused:
        manager.open_connection(True, REMOTE)
    assert str(refused.value) == (
        "transient: 128 of 128 inbound connections are in use; ResourceLimits(half_open_inbound_connections=...)"
        " sets the limit"
    )
    manager.open_connection(False, REMOTE)
    pending[0].set_peer(PEER)
    pending[1].done()
    for _ in range(2):
        manager.open_connection(True, REMOTE)
    with pytest.raises(LimitExceeded):
        manager.open_connection(True, REMOTE)


def test_a_peer_has_so_many_streams_on_a_connection() -> None:
    manager = ResourceManager()
    connection, other = standing(manager), standing(manager)
    streams = [connection.open_stream(True) for _ in range(DEFAULTS.inbound_streams_per_connection)]
    with pytest.raises(LimitExceeded) as refused:
        connection.open_stream(True)
    assert str(refused.value) == (
        f"connection 1 from {REMOTE}, {PEER}: 1000 of 1000 inbound streams are in use;"
        " ResourceLimits(inbound_streams_per_connection=...) sets the limit"
    )
    other.open_stream(True)
    connection.open_stream(False)
    streams[0].done()
    connection.open_stream(True)


def test_a_connection_has_so_many_handlers() -> None:
    connection = standing(ResourceManager(ResourceLimits(inbound_streams_per_connection=2000)))
    served = [connection.open_stream(True) for _ in range(DEFAULTS.handlers_per_connection + 1)]
    late = served.pop()
    for stream in served:
        stream.set_protocol("/echo/1.0.0")
    with pytest.raises(LimitExceeded, match="1000 of 1000 handlers.*handlers_per_connection"):
        late.set_protocol("/echo/1.0.0")
    connection.open_stream(False).set_protocol("/echo/1.0.0")
    served[0].done()
    late.set_protocol("/echo/1.0.0")


def test_a_connection_has_so_many_bytes_unread_on_all_its_streams() -> None:
    manager = ResourceManager()
    connection, other = standing(manager), standing(manager)
    one, two = connection.open_stream(True), connection.open_stream(False)
    most = DEFAULTS.unread_bytes_per_connection
    one.reserve(most - 5)
    two.reserve(5)
    for scope in (one, two, connection):
        with pytest.raises(LimitExceeded) as refused:
            scope.reserve(1)
    assert str(refused.value) == (
        f"connection 1 from {REMOTE}, {PEER}: 1 bytes more would pass its {most} bytes of memory; {most} are in use;"
        " ResourceLimits(unread_bytes_per_connection=...) sets the limit"
    )
    other.open_stream(True).reserve(most)
    one.release(1)
    two.reserve(1)
    one.done()
    connection.reserve(most - 6)


def test_our_own_streams_are_limited_when_asked_for() -> None:
    connection = standing(ResourceManager())
    for _ in range(2000):
        connection.open_stream(False)
    connection = standing(ResourceManager(ResourceLimits(outbound_streams_per_connection=1)))
    connection.open_stream(False)
    with pytest.raises(LimitExceeded, match=r"1 of 1 outbound streams.*outbound_streams_per_connection=\.\.\."):
        connection.open_stream(False)


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "many", None])
def test_limits_that_make_no_sense(wrong: object) -> None:
    with pytest.raises(ConfigError, match="handlers_per_connection must be a whole number of at least 0"):
        ResourceLimits(handlers_per_connection=wrong)  # type: ignore[arg-type]


def test_nothing_at_all_may_be_a_limit() -> None:
    connection = standing(ResourceManager(ResourceLimits(inbound_streams_per_connection=0)))
    with pytest.raises(LimitExceeded):
        connection.open_stream(True)
