"""Addresses between text and bytes: the vectors, the reasons given for wrong ones, and random input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import InvalidMultiaddr
from aiolibp2p.multiformats import multicodec, varint
from aiolibp2p.multiformats.cid import Cid
from aiolibp2p.multiformats.multiaddr import (
    MAX_COMPONENTS,
    MAX_LENGTH,
    Multiaddr,
    UnknownProtocol,
    protocol_by_code,
    protocol_by_name,
)
from aiolibp2p.multiformats.multiaddr.parsing import MAX_TEXT_LENGTH
from aiolibp2p.multiformats.multiaddr.protocols import BY_CODE, BY_NAME
from aiolibp2p.multiformats.multihash import SHA2_256, Multihash

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "multiaddr.json").read_text())
VALID = VECTORS["valid"]
PEER = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"
NAMES = sorted(BY_NAME)


def shown(vector: dict[str, Any] | str) -> str:
    text = vector if isinstance(vector, str) else vector.get("text") or vector["why"]
    return text[:60]


@pytest.mark.spec("ADDR-1", "ADDR-15", "ADDR-16", "ADDR-18")
@pytest.mark.parametrize("vector", VALID, ids=shown)
def test_vectors_both_ways(vector: dict[str, Any]) -> None:
    address = Multiaddr(vector["text"])
    assert address.to_bytes().hex() == vector["hex"]
    assert str(address) == vector["canonical"]
    assert [[part.name, part.value] for part in address.components()] == vector["components"]
    for kind in (bytes, bytearray, memoryview):
        again = Multiaddr(kind(bytes.fromhex(vector["hex"])))
        assert (again, str(again)) == (address, vector["canonical"])


@pytest.mark.spec("ADDR-2", "ADDR-3")
@pytest.mark.parametrize("text", VECTORS["invalid_text"], ids=shown)
def test_wrong_text_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidMultiaddr) as caught:
        Multiaddr(text)
    error = caught.value
    assert error.text == text
    assert 0 <= error.start <= error.end <= len(text)
    assert error.start < error.end or not text


@pytest.mark.parametrize("vector", VECTORS["we_refuse"], ids=shown)
def test_what_others_take_and_we_refuse(vector: dict[str, str]) -> None:
    with pytest.raises(InvalidMultiaddr):
        Multiaddr(vector["text"])


@pytest.mark.parametrize("vector", VECTORS["invalid_hex"], ids=shown)
def test_wrong_bytes_are_refused_with_their_place(vector: dict[str, str]) -> None:
    data = bytes.fromhex(vector["hex"])
    with pytest.raises(InvalidMultiaddr) as caught:
        Multiaddr(data)
    error = caught.value
    assert error.text is None
    assert 0 <= error.start <= error.end <= len(data)


@pytest.mark.parametrize(
    ("text", "reason", "part"),
    [
        ("/ip4/1.2.3.4/tpc/80", "unknown protocol 'tpc' (did you mean tcp?)", "tpc"),
        ("/ip4/1.2.3.4/TCP/80", "unknown protocol 'TCP' (did you mean tcp?)", "TCP"),
        ("/ip4/1.2.3.4/udp/1/quicv1", "unknown protocol 'quicv1' (did you mean quic-v1?)", "quicv1"),
        ("/ip4/1.2.3.4/12345678", "unknown protocol '12345678'", "12345678"),
        ("/ip4/1.2.3.4/tcp/65536", "port 65536 is not 0 to 65535", "65536"),
        ("/ip4/1.2.3.4/tcp/-1/ws", "port -1 is not 0 to 65535", "-1"),
        ("/ip4/1.2.3.4/udp/http", "port http is not 0 to 65535", "http"),
        ("/ip4", "ip4 lacks its address", "ip4"),
        ("/ip4/1.2.3.4/tcp/", "tcp lacks its port", "tcp"),
        ("/ip4/1.2.3.4/tcp//ws", "tcp lacks its port", "tcp"),
        ("/ip4/1.2.3.4/p2p", "p2p lacks its peer id", "p2p"),
        ("/ip4/198.51.100/tcp/1234", "'198.51.100' is not an IPv4 address", "198.51.100"),
        ("/ip6/1.2.3.4", "'1.2.3.4' is not an IPv6 address", "1.2.3.4"),
        ("/ip4/1.2.3.4//tcp/1", "two slashes in a row: a protocol name is missing", "//"),
        ("127.0.0.1:4001", "an address starts with a slash, as /ip4/127.0.0.1/tcp/4001 does", "1"),
        ("/unix", "unix lacks its path", "unix"),
    ],
)
def test_reasons_help(text: str, reason: str, part: str) -> None:
    with pytest.raises(InvalidMultiaddr) as caught:
        Multiaddr(text)
    assert caught.value.reason == reason
    assert text[caught.value.start : caught.value.end] == part
    assert reason in str(caught.value)


def test_unknown_protocols_are_told_apart_from_broken_addresses() -> None:
    known = bytes(Multiaddr("/ip4/1.2.3.4/tcp/80"))
    for code in (0, 5, 999, 13639680, 2**62):
        with pytest.raises(UnknownProtocol) as caught:
            Multiaddr(known + varint.encode(code) + b"\x01x")
        assert caught.value.protocol == code
        assert (caught.value.start, caught.value.end) == (len(known), len(known) + len(varint.encode(code)))
    with pytest.raises(UnknownProtocol) as caught:
        Multiaddr("/ip4/1.2.3.4/nope/1")
    assert caught.value.protocol == "nope"


@pytest.mark.spec("ADDR-3")
def test_ports_are_big_endian() -> None:
    for port in (0, 1, 255, 256, 4001, 65535):
        assert bytes(Multiaddr(f"/tcp/{port}")) == b"\x06" + port.to_bytes(2, "big")
        assert bytes(Multiaddr(f"/udp/{port}")) == b"\x91\x02" + port.to_bytes(2, "big")


@pytest.mark.spec("ADDR-9", "RFC1-5")
def test_peer_ids_are_stored_as_multihash_however_written() -> None:
    forms = [PEER, "k51qzi5uqu5dhb6l8spkdx7yxafegfkee5by8h7lmjh2ehc2sgg34z7c15vzqs"]
    forms += ["bafzaajaiaejcalj543iwv2d7pkjt7ykvefrkfu7qjfi6sduakhso4lay6abn2d5u"]
    forms += [forms[2].upper(), forms[1].upper()]
    for name in ("p2p", "ipfs"):
        for form in forms:
            address = Multiaddr(f"/{name}/{form}")
            assert str(address) == f"/p2p/{PEER}"
            assert address.to_bytes()[:5] == b"\xa5\x03\x26\x00\x24"


def test_identity_peer_ids_end_at_42_bytes() -> None:
    head = b"\xa5\x03"
    assert Multiaddr(head + b"\x2c\x00\x2a" + bytes(42))
    with pytest.raises(InvalidMultiaddr):
        Multiaddr(head + b"\x2d\x00\x2b" + bytes(43))


@pytest.mark.spec("PID-6")
def test_a_cid_of_another_content_type_is_no_peer_id() -> None:
    wrong = Cid(1, multicodec.DAG_PB, Multihash(SHA2_256, bytes(32))).text()
    with pytest.raises(InvalidMultiaddr, match="its CID is of type 0x70, not libp2p-key"):
        Multiaddr(f"/p2p/{wrong}")


@pytest.mark.spec("ADDR-20")
@pytest.mark.parametrize("text", ["/ip6zone/eth0/ip6/fe80::1/tcp/1", "/ip6zone/x%y/ip6/fe80::1"])
def test_zones_parse(text: str) -> None:
    assert str(Multiaddr(text)) == text


@pytest.mark.parametrize("text", ["/tcp/42", "/ws/ip4/192.0.2.1", "/p2p-circuit", "/quic-v1/tls/ws/udp/1"])
def test_stacks_that_make_no_sense_parse(text: str) -> None:
    assert str(Multiaddr(text)) == text


def test_canonical_text() -> None:
    assert str(Multiaddr("/ip6/2001:0DB8:0:0::0001/tcp/00080//")) == "/ip6/2001:db8::1/tcp/80"
    assert str(Multiaddr("/ip6/::FFFF:7f00:1")) == "/ip6/::ffff:127.0.0.1"
    assert str(Multiaddr("/http-path/a b+c%2fd%20")) == "/http-path/a%20b%2Bc%2Fd%20"


def test_every_limit_has_an_other_side() -> None:
    assert len(Multiaddr("/ws" * MAX_COMPONENTS).components()) == MAX_COMPONENTS
    longest = b"\xe1\x03" + varint.encode(MAX_LENGTH - 4) + b"x" * (MAX_LENGTH - 4)
    assert len(str(Multiaddr(longest))) > MAX_LENGTH
    name = "a" * 254
    assert Multiaddr(f"/dns4/{name}").value_for("dns4") == name
    for wrong in ("/ws" * (MAX_COMPONENTS + 1), f"/dns4/{name}a", "/unix/" + "a" * MAX_LENGTH, "/ws" * MAX_TEXT_LENGTH):
        with pytest.raises(InvalidMultiaddr):
            Multiaddr(wrong)
    for data in (b"\xdd\x03" * (MAX_COMPONENTS + 1), longest + b"\xdd\x03"):
        with pytest.raises(InvalidMultiaddr):
            Multiaddr(data)


def test_huge_values_are_refused_quickly() -> None:
    for value in ("1" * 16000, "Q" + "m" * 16000, "z" + "2" * 16000, "k" + "2" * 16000):
        for name in ("p2p", "certhash", "tcp", "memory", "ip4", "ip6", "onion3"):
            with pytest.raises(InvalidMultiaddr) as caught:
                Multiaddr(f"/{name}/{value}")
            assert len(caught.value.reason) < 200


@pytest.mark.parametrize("name", NAMES)
def test_lone_surrogates_are_refused(name: str) -> None:
    with pytest.raises(InvalidMultiaddr):
        Multiaddr(f"/{name}/\ud800")


def test_the_table_is_consistent() -> None:
    assert protocol_by_name("ipfs") is protocol_by_name("p2p") is protocol_by_code(421)
    assert protocol_by_name("nope") is None
    assert protocol_by_code(0) is None
    for code, protocol in BY_CODE.items():
        assert protocol_by_name(protocol.name) is protocol
        assert varint.decode(protocol.code_bytes) == (code, len(protocol.code_bytes))
        assert (protocol.codec is None) == (protocol.size == 0)


@given(st.binary(max_size=60))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    parses_or_refuses(data)


@given(st.data())
def test_changed_bytes_parse_or_are_refused(data: st.DataObject) -> None:
    changed = bytearray.fromhex(data.draw(st.sampled_from(VALID))["hex"])
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    parses_or_refuses(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


@given(st.sampled_from(sorted(BY_CODE)), st.binary(max_size=48))
def test_any_value_parses_or_is_refused(code: int, value: bytes) -> None:
    parses_or_refuses(varint.encode(code) + value)
    parses_or_refuses(varint.encode(code) + varint.encode(len(value)) + value)


@given(st.text(max_size=40) | st.lists(st.sampled_from(NAMES) | st.text(max_size=12), max_size=6).map("/".join))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for candidate in (text, "/" + text):
        try:
            address = Multiaddr(candidate)
        except InvalidMultiaddr:
            continue
        assert Multiaddr(str(address)) == address


@pytest.mark.parametrize("vector", VALID[::5], ids=shown)
def test_each_cut_is_a_beginning_or_is_refused(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    whole = Multiaddr(data)
    for end in range(1, len(data)):
        try:
            part = Multiaddr(data[:end])
        except InvalidMultiaddr:
            continue
        assert whole.starts_with(part)
        assert whole.components()[: len(part.components())] == part.components()


def parses_or_refuses(data: bytes) -> None:
    address, refusal = None, None
    try:
        address = Multiaddr(data)
    except InvalidMultiaddr as error:
        refusal = error
    if address is None:
        assert refusal is not None
        assert 0 <= refusal.start <= refusal.end <= len(data)
        return
    assert address.to_bytes() == data
    assert Multiaddr(str(address)).to_bytes() == data
    assert str(address).isprintable()
