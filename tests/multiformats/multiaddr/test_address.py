"""What can be asked of an address and done with it."""

from __future__ import annotations

import copy
import ipaddress
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import InvalidMultiaddr
from aiolibp2p.multiformats import multihash
from aiolibp2p.multiformats.multiaddr import Component, Multiaddr
from aiolibp2p.multiformats.multiaddr.address import MEMO_ENTRIES, MEMO_MAX_LENGTH

PEER = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"
RELAY = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
VIA = f"/ip4/192.0.2.0/tcp/5002/p2p/{RELAY}"
NOWHERE = Multiaddr("/ws").decapsulate("/ws")

parts = st.one_of(
    st.ip_addresses(v=4).map(lambda ip: f"/ip4/{ip}"),
    st.ip_addresses(v=6).map(lambda ip: f"/ip6/{ip}"),
    st.integers(0, 65535).map(lambda port: f"/tcp/{port}"),
    st.integers(0, 65535).map(lambda port: f"/udp/{port}"),
    st.sampled_from(["/ws", "/tls", "/quic-v1", "/p2p-circuit", f"/p2p/{PEER}", f"/p2p/{RELAY}", "/dns4/example.com"]),
)
addresses = st.lists(parts, min_size=1, max_size=6).map("".join).map(Multiaddr)


@pytest.mark.spec("ADDR-5")
def test_encapsulate() -> None:
    whole = Multiaddr("/ip4/198.51.100.0/tcp/42")
    ip = Multiaddr("/ip4/198.51.100.0")
    assert ip.encapsulate("/tcp/42") == ip.encapsulate(Multiaddr("/tcp/42")) == ip.encapsulate(b"\x06\x00\x2a") == whole
    assert ip / "tcp/42" == ip / "/tcp/42" == ip / Multiaddr("/tcp/42") == whole
    with pytest.raises(InvalidMultiaddr):
        Multiaddr("/unix/a").encapsulate("/ws")
    with pytest.raises(InvalidMultiaddr):
        ip / ""


@pytest.mark.spec("ADDR-6", "ADDR-7")
@pytest.mark.parametrize(
    ("address", "part", "rest"),
    [
        ("/ip4/198.51.100.0/tcp/1234/ws", "/ws", "/ip4/198.51.100.0/tcp/1234"),
        ("/ip4/198.51.100.0/tcp/1234/ws", "/tcp/1234/ws", "/ip4/198.51.100.0"),
        ("/ip4/198.51.100.0/tcp/1234/ws", "/tcp/1234", "/ip4/198.51.100.0"),
        ("/ip4/1.2.3.4/tcp/1/ip4/1.2.3.4/tcp/1/ws", "/tcp/1", "/ip4/1.2.3.4/tcp/1/ip4/1.2.3.4"),
        ("/ip4/1.2.3.4/tcp/1234", "/ip4/1.2.3.4", ""),
        ("/ip4/1.2.3.4", "/ip4/1.2.3.4/tcp/1234", "/ip4/1.2.3.4"),
        ("/ip4/1.2.3.5/tcp/1234", "/ip4/5.3.2.1", "/ip4/1.2.3.5/tcp/1234"),
        ("/ip4/1.2.3.5/udp/1234/quic-v1", "/udp/1234", "/ip4/1.2.3.5"),
        ("/ip4/1.2.3.7/tcp/1234", "/ws", "/ip4/1.2.3.7/tcp/1234"),
        ("/dnsaddr/wss.com/tcp/4001/ws", "/wss", "/dnsaddr/wss.com/tcp/4001/ws"),
        ("/dnsaddr/wss.com/ws", "/dnsaddr/wss.com", ""),
    ],
)
def test_decapsulate(address: str, part: str, rest: str) -> None:
    assert str(Multiaddr(address).decapsulate(part)) == rest


def test_values_that_look_like_components_are_not_taken_for_them() -> None:
    disguised = Multiaddr(f"/memory/{0x06_0050}/tcp/80")
    assert disguised.decapsulate("/tcp/80") == Multiaddr(f"/memory/{0x06_0050}")
    assert Multiaddr("/ip4/0.6.0.80").decapsulate("/tcp/80") == Multiaddr("/ip4/0.6.0.80")


def test_the_empty_address() -> None:
    assert not NOWHERE
    assert Multiaddr("/ws")
    assert (str(NOWHERE), bytes(NOWHERE), NOWHERE.components(), NOWHERE.protocols()) == ("", b"", (), ())
    assert (NOWHERE.ip, NOWHERE.port, NOWHERE.p2p, NOWHERE.is_private) == (None, None, None, False)
    assert NOWHERE.encapsulate("/ws") == Multiaddr("/ws") == Multiaddr("/ws").encapsulate(NOWHERE)
    assert Multiaddr("/ip4/1.2.3.4/ws").decapsulate(NOWHERE) == Multiaddr("/ip4/1.2.3.4/ws")
    assert NOWHERE.without_p2p() == NOWHERE == Multiaddr(NOWHERE)
    for nothing in ("", "/", b""):
        with pytest.raises(InvalidMultiaddr):
            Multiaddr(nothing)


def test_components_and_values() -> None:
    address = Multiaddr(f"/ip4/127.0.0.1/utp/tcp/5555/udp/1234/tls/utp/tcp/6/ipfs/{RELAY}")
    assert address.components()[2] == Component("tcp", 6, "5555", b"\x15\xb3")
    assert address.components()[1] == Component("utp", 302, None, b"")
    assert address.protocols() == ("ip4", "utp", "tcp", "udp", "tls", "utp", "tcp", "p2p")
    assert address.value_for("tcp") == "5555"
    assert address.last_value_for("tcp") == "6"
    assert address.value_for("ipfs") == address.value_for("p2p") == RELAY
    assert address.value_for("utp") is address.value_for("ip6") is address.value_for("nope") is None
    assert address.last_value_for("nope") is None


def test_peer_ids() -> None:
    plain = Multiaddr("/ip4/1.2.3.4/tcp/1")
    relayed = Multiaddr(f"/ip4/1.2.3.4/tcp/1/p2p/{RELAY}/p2p-circuit")
    assert (plain.p2p, plain.p2p_bytes, plain.without_p2p()) == (None, None, plain)
    assert relayed.p2p == RELAY
    assert relayed.without_p2p() is relayed
    whole = relayed.with_p2p(Multiaddr(f"/p2p/{PEER}").components()[0].raw)
    assert str(whole) == f"{relayed}/p2p/{PEER}"
    assert (whole.p2p, whole.without_p2p()) == (PEER, relayed)
    assert whole.p2p_bytes is not None
    assert whole.with_p2p(whole.p2p_bytes) == whole
    assert whole.with_p2p(multihash.sha2_256(b"").encode()).without_p2p() == relayed
    assert NOWHERE.with_p2p(whole.p2p_bytes) == Multiaddr(f"/p2p/{PEER}")


@pytest.mark.parametrize("data", [b"", b"\x12\x20", b"\x12\x20" + bytes(33), bytes(200), b"\x11\x14" + bytes(20)])
def test_what_is_no_peer_id_is_not_appended(data: bytes) -> None:
    with pytest.raises(InvalidMultiaddr):
        Multiaddr("/ip4/1.2.3.4/tcp/1").with_p2p(data)


@pytest.mark.spec("ADDR-17", "ADDR-18")
@pytest.mark.parametrize(
    ("text", "relay", "destination"),
    [
        (f"{VIA}/p2p-circuit/p2p/{PEER}", VIA, f"/p2p/{PEER}"),
        (f"{VIA}/p2p-circuit/ip4/10.0.0.1/tcp/1/p2p/{PEER}", VIA, f"/ip4/10.0.0.1/tcp/1/p2p/{PEER}"),
        (f"/p2p-circuit/p2p/{PEER}", "", f"/p2p/{PEER}"),
        (f"{VIA}/p2p-circuit", VIA, ""),
        (f"{VIA}/p2p-circuit{VIA}/p2p-circuit/p2p/{PEER}", f"{VIA}/p2p-circuit{VIA}", f"/p2p/{PEER}"),
    ],
)
def test_circuits_are_split_at_the_last(text: str, relay: str, destination: str) -> None:
    split = Multiaddr(text).split_circuit()
    assert split is not None
    assert tuple(map(str, split)) == (relay, destination)


def test_an_address_without_circuit_is_not_split() -> None:
    assert Multiaddr("/ip4/1.2.3.4/tcp/1").split_circuit() is None


def test_ip_and_port() -> None:
    address = Multiaddr("/ip6zone/eth0/ip6/fe80::1/udp/4001/quic-v1")
    assert (address.ip, address.port) == ("fe80::1", 4001)
    assert (Multiaddr("/dns4/example.com/tcp/443/wss").ip, Multiaddr("/dns4/example.com/tcp/443/wss").port) == (
        None,
        443,
    )
    assert Multiaddr("/ip4/1.2.3.4").port is None
    assert Multiaddr("/tcp/0").port == 0


@pytest.mark.parametrize(
    ("ip", "ranges"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("169.254.1.1", "link_local"),
        ("fe80::1", "link_local"),
        ("febf:ffff::1", "link_local"),
        ("10.255.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("100.127.255.255", "private"),
        ("fc00::1", "private"),
        ("fdff::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("172.15.255.255", ""),
        ("172.32.0.0", ""),
        ("100.63.255.255", ""),
        ("100.128.0.0", ""),
        ("192.169.0.1", ""),
        ("11.0.0.1", ""),
        ("169.255.0.1", ""),
        ("8.8.8.8", ""),
        ("2001:4860::8888", ""),
        ("fec0::1", ""),
        ("fe00::1", ""),
        ("::2", ""),
    ],
)
def test_ranges(ip: str, ranges: str) -> None:
    address = Multiaddr(f"/ip{ipaddress.ip_address(ip).version}/{ip}/tcp/1")
    found = {name: getattr(address, f"is_{name}") for name in ("loopback", "unspecified", "link_local", "private")}
    assert [name for name, holds in found.items() if holds] == ([ranges] if ranges else [])


@pytest.mark.spec("ADDR-20")
def test_zones_and_names_have_their_ranges() -> None:
    assert Multiaddr("/ip6zone/eth0/ip6/2001:db8::1").is_link_local
    assert not Multiaddr("/dns4/localhost/tcp/1").is_loopback


@pytest.mark.parametrize(
    ("ip", "text"),
    [
        ("192.0.2.1", "/ip4/192.0.2.1/tcp/4001"),
        ("2001:db8::1", "/ip6/2001:db8::1/tcp/4001"),
        ("fe80::1%eth0", "/ip6zone/eth0/ip6/fe80::1/tcp/4001"),
        ("::ffff:192.0.2.1", "/ip4/192.0.2.1/tcp/4001"),
        ("::", "/ip6/::/tcp/4001"),
    ],
)
def test_from_ip_port(ip: str, text: str) -> None:
    assert str(Multiaddr.from_ip_port(ip, "tcp", 4001)) == text
    assert str(Multiaddr.from_ip_port(ip, "udp", 65535)) == text.replace("tcp/4001", "udp/65535")


@pytest.mark.parametrize(
    ("ip", "port"),
    [
        ("localhost", 1),
        ("", 1),
        ("1.2.3", 1),
        ("1.2.3.4", -1),
        ("1.2.3.4", 65536),
        ("fe80::1%a/tcp/1", 1),
        ("::1%\ud800", 1),
    ],
)
def test_from_ip_port_refuses(ip: str, port: int) -> None:
    with pytest.raises(InvalidMultiaddr):
        Multiaddr.from_ip_port(ip, "tcp", port)


def test_it_is_a_value() -> None:
    one, other = Multiaddr("/ip4/1.2.3.4/tcp/1"), Multiaddr("/ip4/1.2.3.4/tcp/2")
    assert one == Multiaddr("/ip4/1.2.3.4/tcp/1/")
    assert hash(one) == hash(Multiaddr(bytes(one)))
    assert one != other
    assert one != str(one)
    assert one is not None
    assert sorted([other, one]) == [one, other]
    assert one < other
    assert other >= one
    assert Multiaddr(one) is one
    assert repr(one) == "Multiaddr('/ip4/1.2.3.4/tcp/1')"
    assert copy.deepcopy([one])[0] is one
    assert copy.copy(one) is one
    for address in (one, NOWHERE):
        assert pickle.loads(pickle.dumps(address)) == address
    anything: Any = one
    with pytest.raises(AttributeError):
        anything.ip = "8.8.8.8"
    with pytest.raises(TypeError):
        sorted([anything, "text"])


def test_the_memo_is_bounded_and_forgets() -> None:
    long = Multiaddr("/unix/" + "a" * MEMO_MAX_LENGTH)
    assert Multiaddr(long.to_bytes()) is not long
    first = Multiaddr("/tcp/0/ws")
    assert Multiaddr(first.to_bytes()) is first
    for port in range(MEMO_ENTRIES + 1):
        Multiaddr.from_ip_port("1.2.3.4", "udp", port)
    again = Multiaddr(first.to_bytes())
    assert again is not first
    assert again == first


@given(addresses, addresses)
def test_what_was_put_on_comes_off(address: Multiaddr, more: Multiaddr) -> None:
    whole = address / more
    assert whole.components() == address.components() + more.components()
    assert str(whole) == str(address) + str(more)
    assert whole.starts_with(address)
    assert whole.decapsulate(more).starts_with(address)
    assert Multiaddr(whole.to_bytes()) == Multiaddr(str(whole)) == whole


@given(addresses, addresses)
def test_beginnings_are_whole_components(one: Multiaddr, other: Multiaddr) -> None:
    names = other.components()
    assert one.starts_with(other) == (one.components()[: len(names)] == names)


@given(addresses)
def test_a_circuit_split_loses_nothing(address: Multiaddr) -> None:
    split = address.split_circuit()
    if split is None:
        assert "p2p-circuit" not in address.protocols()
        return
    relay, destination = split
    assert "p2p-circuit" not in destination.protocols()
    assert relay.to_bytes() + b"\xa2\x02" + destination.to_bytes() == address.to_bytes()
