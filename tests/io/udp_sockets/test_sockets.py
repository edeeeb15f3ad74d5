"""Which socket is dialled from, what kernels are asked for, and runs that the kernel cuts and joins."""

from __future__ import annotations

import dataclasses
import socket
import sys
from collections.abc import Iterator
from typing import Any, cast

import pytest

from aiolibp2p.abc.layers.datagrams import QUIC, STUN
from aiolibp2p.errors import ConfigError, ListenFailed, Unreachable
from aiolibp2p.io.udp_sockets import UdpConfig, UdpSockets, kernel
from aiolibp2p.io.udp_sockets.endpoints import address_of, endpoint_of
from aiolibp2p.io.udp_sockets.udp_socket import UdpSocket
from aiolibp2p.multiformats.multiaddr import Multiaddr
from support.datagram_suite import HELLO, Inbox

LOOPBACK4, LOOPBACK6 = Multiaddr("/ip4/127.0.0.1/udp/0"), Multiaddr("/ip6/::1/udp/0")
ANY4, ANY6 = Multiaddr("/ip4/0.0.0.0/udp/0"), Multiaddr("/ip6/::/udp/0")
FAR = Multiaddr("/ip4/192.0.2.99/udp/4001")
NEAR = Multiaddr("/ip4/127.0.0.1/udp/4001")

linux = pytest.mark.skipif(sys.platform != "linux", reason="the options of Linux")


@pytest.fixture
def sockets() -> Iterator[UdpSockets]:
    made = UdpSockets()
    yield made
    made.close()


async def test_loopback_is_for_this_machine_only(sockets: UdpSockets) -> None:
    claim = await sockets.bind(LOOPBACK4, Inbox(), QUIC)
    assert sockets.for_dial(NEAR, QUIC) is claim.socket
    far = sockets.for_dial(FAR, QUIC)
    assert far is not claim.socket
    assert str(far.local_address).startswith("/ip4/0.0.0.0/udp/")
    assert sockets.for_dial(FAR, QUIC) is far
    claim.close()
    assert sockets.for_dial(NEAR, QUIC) is far


async def test_a_wildcard_is_for_everything_of_its_family(sockets: UdpSockets) -> None:
    claim = await sockets.bind(ANY4, Inbox(), QUIC)
    loopback = await sockets.bind(LOOPBACK4, Inbox(), QUIC)
    assert sockets.for_dial(FAR, QUIC) is claim.socket
    assert sockets.for_dial(NEAR, QUIC) is loopback.socket
    assert sockets.for_dial(NEAR, STUN) is loopback.socket
    assert sockets.for_dial(Multiaddr("/ip6/::1/udp/1"), QUIC) is not claim.socket


async def test_an_address_that_the_way_does_not_lead_from_is_not_dialled_from(
    sockets: UdpSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = await sockets.bind(LOOPBACK4, Inbox(), QUIC)
    room = "aiolibp2p.io.udp_sockets.sockets.source_ip"
    monkeypatch.setattr(room, lambda remote: "127.0.0.1")
    assert sockets.for_dial(FAR, QUIC) is claim.socket
    monkeypatch.setattr(room, lambda remote: None)
    assert sockets.for_dial(FAR, QUIC) is not claim.socket


async def test_both_families_may_have_the_same_port(sockets: UdpSockets) -> None:
    four = await sockets.bind(ANY4, Inbox(), QUIC)
    six = await sockets.bind(Multiaddr(f"/ip6/::/udp/{four.socket.local_address.port}"), Inbox(), QUIC)
    assert six.socket is not four.socket
    assert six.socket.local_address.port == four.socket.local_address.port


async def test_an_address_is_shared_however_it_is_written(sockets: UdpSockets) -> None:
    first = await sockets.bind(LOOPBACK6, Inbox(), QUIC)
    port = first.socket.local_address.port
    second = await sockets.bind(Multiaddr(f"/ip6/0:0:0:0:0:0:0:1/udp/{port}"), Inbox(), STUN)
    assert second.socket is first.socket


async def test_an_address_that_is_not_ours(sockets: UdpSockets) -> None:
    with pytest.raises(ListenFailed, match="cannot listen on /ip4/192.0.2.77/udp/0: cannot assign"):
        await sockets.bind(Multiaddr("/ip4/192.0.2.77/udp/0"), Inbox(), QUIC)
    with pytest.raises(ListenFailed, match="no interface nosuch0"):
        await sockets.bind(Multiaddr("/ip6zone/nosuch0/ip6/fe80::1/udp/0"), Inbox(), QUIC)
    with pytest.raises(Unreachable, match="no interface nosuch0"):
        sockets.for_dial(Multiaddr("/ip6zone/nosuch0/ip6/fe80::1/udp/1"), QUIC)
    assert sockets.statistics().sockets == 0


async def test_a_family_that_this_machine_does_not_have(sockets: UdpSockets, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(local: object, config: object) -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr("aiolibp2p.io.udp_sockets.sockets.open_socket", refuse)
    with pytest.raises(Unreachable, match="no socket to reach /ip6/::1/udp/1 from: address family not supported"):
        sockets.for_dial(Multiaddr("/ip6/::1/udp/1"), QUIC)
    with pytest.raises(ListenFailed, match="address family not supported"):
        await sockets.bind(LOOPBACK6, Inbox(), QUIC)


def test_endpoints_and_addresses() -> None:
    zone = socket.if_indextoname(1)
    for text, endpoint in (
        ("/ip4/192.0.2.1/udp/7", ("192.0.2.1", 7)),
        ("/ip6/2001:db8::1/udp/7", ("2001:db8::1", 7, 0, 0)),
        (f"/ip6zone/{zone}/ip6/fe80::1/udp/7", ("fe80::1", 7, 0, 1)),
    ):
        assert endpoint_of(Multiaddr(text)) == endpoint
        assert str(address_of(endpoint)) == text
    assert endpoint_of(Multiaddr("/ip6zone/12/ip6/fe80::1/udp/7")) == ("fe80::1", 7, 0, 12)
    assert str(address_of(("fe80::1", 7, 0, 987654))) == "/ip6zone/987654/ip6/fe80::1/udp/7"
    assert str(address_of(("fe80::1%lo", 7, 0, 0))) == "/ip6/fe80::1/udp/7"


def test_settings_that_make_no_sense() -> None:
    for name in ("kernel_buffer_bytes", "max_batch_datagrams", "max_batch_bytes"):
        with pytest.raises(ConfigError, match=name):
            dataclasses.replace(UdpConfig(), **cast(Any, {name: 0}))
    for name in ("max_pending_bytes", "max_pending_datagrams"):
        with pytest.raises(ConfigError, match=name):
            dataclasses.replace(UdpConfig(), **cast(Any, {name: -1}))


# Kernels


async def test_what_buffers_were_got_is_told(sockets: UdpSockets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        usual = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    await sockets.bind(LOOPBACK4, Inbox(), QUIC)
    told = sockets.statistics()
    assert told.receive_buffer_bytes >= usual
    assert told.send_buffer_bytes > 0
    small = UdpSockets(UdpConfig(kernel_buffer_bytes=usual // 4))
    socket_ = small.for_dial(NEAR, QUIC)
    assert small.statistics().receive_buffer_bytes <= told.receive_buffer_bytes
    assert socket_.claimed_by(64) is None
    small.close()
    assert small.statistics().receive_buffer_bytes == 0


def test_buffers_that_the_kernel_refuses_are_asked_for_in_half() -> None:
    class Stingy:
        size = 1000

        def getsockopt(self, level: int, option: int) -> int:
            return self.size

        def setsockopt(self, level: int, option: int, value: int) -> None:
            if value > 5000:
                raise OSError(105, "No buffer space available")
            self.size = value

    stingy = Stingy()
    kernel.ask_for_buffers(cast(Any, stingy), 16_000)
    assert stingy.size == 4000


@linux
@pytest.mark.parametrize(
    ("address", "level", "option"),
    [
        (LOOPBACK4, socket.IPPROTO_IP, kernel.IP_MTU_DISCOVER),
        (LOOPBACK6, socket.IPPROTO_IPV6, kernel.IPV6_MTU_DISCOVER),
    ],
)
def test_packets_are_cut_by_nobody_unless_that_is_wanted(address: Multiaddr, level: int, option: int) -> None:
    for wanted in (True, False):
        with kernel.open_socket(endpoint_of(address), UdpConfig(dont_fragment=wanted)) as made:
            assert (made.getsockopt(level, option) == kernel.PMTUDISC_PROBE) is wanted
            assert not made.getblocking()


@linux
def test_an_option_that_the_kernel_does_not_know_is_done_without() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        assert not kernel.set_if_known(made, kernel.SOL_UDP, 9999, 1)
    with pytest.raises(OSError, match="descriptor"):
        kernel.set_if_known(made, kernel.SOL_UDP, kernel.UDP_GRO, 1)
    assert not kernel.cuts_sent(made)


def test_a_way_out_is_found_without_sending() -> None:
    assert kernel.source_ip(("127.0.0.1", 0)) == "127.0.0.1"
    assert kernel.source_ip(("255.255.255.255", 1)) is None


@linux
async def test_runs_cross_loopback_in_few_reads(sockets: UdpSockets) -> None:
    inbox = Inbox()
    claim = await sockets.bind(LOOPBACK4, inbox, QUIC)
    assert isinstance(claim.socket, UdpSocket)
    with UdpSocketsOf() as client:
        out = client.for_dial(claim.socket.local_address, QUIC)
        batch = [bytes([64 + n % 100]) * 1200 for n in range(130)] + [HELLO]
        out.send_batch(batch, out.endpoint(claim.socket.local_address))
        assert await inbox.got(len(batch)) == batch
    assert sockets.statistics().reads <= 3


class UdpSocketsOf:
    """Sockets that are closed at the end of a block."""

    def __init__(self) -> None:
        self.made = UdpSockets()

    def __enter__(self) -> UdpSockets:
        return self.made

    def __exit__(self, *_error: object) -> None:
        self.made.close()
