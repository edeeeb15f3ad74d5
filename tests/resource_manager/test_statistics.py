from __future__ import annotations

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.resource_manager import ResourceManager, ResourceStatistics, ScopeLimits, TreeLimits, Usage
from aiolibp2p.resource_manager.statistics import MAX_ROWS

PEER = PrivateKey.generate("ed25519", lambda n: b"\1" * n).peer_id
REMOTE = Multiaddr("/ip4/192.0.2.1/tcp/4001")


def busy(limits: TreeLimits | None = None) -> ResourceManager:
    manager = ResourceManager(limits)
    manager.open_connection(False, None, uses_fd=False)
    connection = manager.open_connection(True, REMOTE)
    connection.set_peer(PEER)
    stream = connection.open_stream(True)
    stream.reserve(100)
    stream.set_protocol("/echo/1.0.0")
    stream.set_service("echo")
    connection.open_stream(False).reserve(7)
    manager.service_scope("echo").reserve(5)
    return manager


def test_a_host_that_holds_nothing() -> None:
    assert ResourceManager().statistics() == ResourceStatistics()
    assert ResourceManager(TreeLimits()).report() == "system: nothing\ntransient: nothing"


def test_what_each_scope_holds() -> None:
    of_connection = Usage(107, inbound_streams=1, outbound_streams=1, handlers=1, inbound_connections=1, descriptors=1)
    served = Usage(memory=100, inbound_streams=1, handlers=1)
    assert busy().statistics() == ResourceStatistics(
        system=Usage(112, 1, 1, 1, 1, 1, 1),
        transient=Usage(memory=7, outbound_streams=1, outbound_connections=1),
        peers={str(PEER): of_connection},
        connections={
            "1 to an unknown address": Usage(outbound_connections=1),
            f"2 from {REMOTE}, {PEER}": of_connection,
        },
        protocols={"/echo/1.0.0": served},
        services={"echo": Usage(memory=105, inbound_streams=1, handlers=1)},
    )


def test_the_report_tells_limits_and_what_is_held() -> None:
    limits = TreeLimits(system=ScopeLimits(memory=1000, streams=50), peer=ScopeLimits(connections=3))
    of_connection = (
        "107 bytes of memory, 1 inbound streams, 1 outbound streams, 1 handlers, 1 inbound connections, 1 descriptors"
    )
    of_system = (
        "112 bytes of memory, 1 inbound streams, 1 outbound streams, 1 handlers, 1 inbound connections,"
        " 1 outbound connections, 1 descriptors"
    )
    assert busy(limits).report().splitlines() == [
        "limits of system: 1000 bytes of memory, 50 streams",
        "limits of peer: 3 connections",
        f"system: {of_system}",
        "transient: 7 bytes of memory, 1 outbound streams, 1 outbound connections",
        "peers:",
        f"  {PEER}: {of_connection}",
        "connections:",
        f"  2 from {REMOTE}, {PEER}: {of_connection}",
        "  1 to an unknown address: 1 outbound connections",
        "protocols:",
        "  /echo/1.0.0: 100 bytes of memory, 1 inbound streams, 1 handlers",
        "services:",
        "  echo: 105 bytes of memory, 1 inbound streams, 1 handlers",
    ]


def test_a_report_fits_a_screen_and_harms_no_terminal() -> None:
    manager = ResourceManager()
    connection = manager.open_connection(True, REMOTE)
    connection.set_peer(PEER)
    for i in range(MAX_ROWS + 5):
        stream = connection.open_stream(True)
        stream.set_protocol(f"\x1b[2J{'x' * 1000}{i}")
        stream.reserve(i)
    lines = manager.report().splitlines()
    protocols = lines[lines.index("protocols:") + 1 :]
    assert len(protocols) == MAX_ROWS + 1
    assert protocols[-1] == "  and 5 more"
    assert f"{MAX_ROWS + 4} bytes" in protocols[0]
    assert all(line.isprintable() and len(line) < 300 for line in lines)
