from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.multiformats import varint
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.protocols.identify.identify_pb2 import Identify
from aiolibp2p.protocols.identify.messages import (
    MAX_ADDRESSES,
    MAX_OWN_PART_BYTES,
    MAX_PARTS,
    MAX_PROTOCOLS,
    SINGLE_PART_BYTES,
    IdentifyMessage,
    MessageReader,
    delimit,
    encode_parts,
    with_observed,
)

ADDRESS = Multiaddr("/ip4/192.0.2.1/tcp/4001")
FULL = IdentifyMessage(
    public_key=b"key",
    listen_addresses=(ADDRESS, Multiaddr("/dns4/example.org/tcp/443/wss")),
    protocols=("/ipfs/id/1.0.0", "rpc_ping"),
    observed_address=Multiaddr("/ip4/198.51.100.7/udp/4001/quic-v1"),
    protocol_version="ipfs/0.1.0",
    agent_version="aiolibp2p/0.1.0",
    signed_peer_record=b"record",
)


def read(wire: bytes, cuts: list[int] | None = None) -> IdentifyMessage:
    reader = MessageReader()
    last = 0
    for cut in [*sorted(cuts or []), len(wire)]:
        reader.receive_data(wire[last:cut])
        last = cut
    return reader.finish()


def part(**fields: Any) -> bytes:
    return Identify(**fields).SerializeToString()


@pytest.mark.spec("ADDR-4")
def test_addresses_travel_in_binary_and_text_is_none() -> None:
    wire = delimit(encode_parts(FULL))
    message = Identify.FromString(b"".join(encode_parts(FULL)))
    assert list(message.listen_addresses) == [address.to_bytes() for address in FULL.listen_addresses]
    assert message.listen_addresses[0] == bytes.fromhex("04c0000201060fa1")
    assert FULL.observed_address is not None
    assert message.observed_address == FULL.observed_address.to_bytes()
    assert b"/ip4" not in wire
    said = read(delimit([part(listen_addresses=[str(ADDRESS).encode()], observed_address=str(ADDRESS).encode())]))
    assert (said.listen_addresses, said.observed_address) == ((), None)


def test_whole_byte_by_byte_and_at_random_cuts() -> None:
    wire = delimit(encode_parts(FULL))
    assert read(wire) == FULL
    assert read(wire, list(range(len(wire)))) == FULL
    rng = random.Random(7)
    for _ in range(100):
        assert read(wire, [rng.randrange(len(wire)) for _ in range(3)]) == FULL


@pytest.mark.spec("XC-8")
def test_field_numbers_are_those_of_the_spec() -> None:
    numbers = {field.number: field.name for field in Identify.DESCRIPTOR.fields}
    assert numbers == {
        1: "public_key",
        2: "listen_addresses",
        3: "protocols",
        4: "observed_address",
        5: "protocol_version",
        6: "agent_version",
        8: "signed_peer_record",
    }


@pytest.mark.spec("ID-14", "XC-5")
def test_several_parts_are_merged() -> None:
    parts = [
        part(protocols=[b"/a"], agent_version=b"old"),
        part(protocols=[b"/b"], agent_version=b"new", listen_addresses=[ADDRESS.to_bytes()]),
        part(signed_peer_record=b"record"),
    ]
    merged = read(delimit(parts), [3, 5, 20])
    assert merged.protocols == ("/a", "/b")
    assert merged.agent_version == "new"
    assert merged.listen_addresses == (ADDRESS,)
    assert merged.signed_peer_record == b"record"


@pytest.mark.spec("ID-19", "XC-3")
def test_what_is_not_said_is_none() -> None:
    assert read(delimit([b""])) == IdentifyMessage()
    assert read(delimit([part(agent_version=b"")])).agent_version == ""


@pytest.mark.spec("XC-4")
def test_fields_nobody_knows_are_skipped() -> None:
    unknown = b"\x7a\x03new" + b"\xa0\x06\x07"
    assert read(delimit([unknown + part(agent_version=b"a") + unknown])) == IdentifyMessage(agent_version="a")


@pytest.mark.spec("ID-7")
def test_addresses_that_do_not_parse_are_skipped() -> None:
    message = read(
        delimit([part(listen_addresses=[b"", b"\xff\xff", ADDRESS.to_bytes(), b"\x04\x01"], observed_address=b"\x01")])
    )
    assert message.listen_addresses == (ADDRESS,)
    assert message.observed_address is None


@pytest.mark.spec("ID-17")
def test_protocols_and_addresses_are_bounded() -> None:
    parts = [part(protocols=[b"/%d" % (i * 1000 + j) for j in range(1000)]) for i in range(10)]
    message = read(delimit(parts))
    assert len(message.protocols) == MAX_PROTOCOLS
    many = [Multiaddr(f"/ip4/10.0.{i // 256}.{i % 256}/tcp/1").to_bytes() for i in range(700)]
    assert (
        len(read(delimit([part(listen_addresses=many[:350]), part(listen_addresses=many[350:])])).listen_addresses)
        == MAX_ADDRESSES
    )


@pytest.mark.spec("XC-6")
def test_protocols_that_could_not_be_negotiated_are_skipped() -> None:
    assert read(
        delimit([part(protocols=[b"", b"/a\n", b"\xff", b"/" * 1025, "/ö".encode(), b"/a", b"/a"])])
    ).protocols == ("/ö", "/a")


@pytest.mark.spec("ID-17", "XC-6")
def test_versions_are_cut_escaped_and_need_not_be_utf8() -> None:
    message = read(delimit([part(agent_version=b"\x1b[2J\xff" + b"x" * 5000, protocol_version="ö".encode() * 200)]))
    assert message.agent_version is not None
    assert message.agent_version.startswith("\\x1b[2J\N{REPLACEMENT CHARACTER}xxx")
    assert len(message.agent_version) == 128
    assert message.protocol_version == "ö" * 128


@pytest.mark.spec("ID-14")
def test_ten_parts_of_8_kib_are_read() -> None:
    full = [part(protocols=[b"/%d" % number]) + part(agent_version=b"x" * 8185) for number in range(10)]
    assert [len(one) for one in full] == [8192] * 10
    assert read(delimit(full)).protocols == tuple(f"/{number}" for number in range(10))


@pytest.mark.spec("XC-2", "ID-14")
@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (varint.encode(8193), "8193 bytes"),
        (varint.encode(10_000_000) + bytes(10_000_000), "10000000 bytes"),
        (b"\x81\x00", "shortest"),
        (b"\xff" * 10, "longer than 9"),
        (delimit([b""] * 11), "more than 10"),
        (delimit([b"\xff\xff"]), "no protobuf"),
        (delimit([b"\x0a\x05ab"]), "no protobuf"),
        (delimit([part(protocols=[b"/a"])])[:-1], "ended inside"),
        (b"\x80", "ended inside"),
        (b"", "without"),
    ],
)
def test_bad_input_is_a_protocol_violation(wire: bytes, reason: str) -> None:
    with pytest.raises(ProtocolViolation, match=reason):
        read(wire)
    with pytest.raises(ProtocolViolation):
        read(wire[:100_000], list(range(min(len(wire), 200))))


def test_a_refusal_reads_the_same_however_the_bytes_came() -> None:
    wire = delimit([b""] * 7) + b"\x80\x00"
    reasons = []
    for cuts in ([], list(range(len(wire)))):
        with pytest.raises(ProtocolViolation) as caught:
            read(wire, cuts)
        reasons.append(str(caught.value))
    assert reasons[0] == reasons[1]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_garbage_is_read_or_refused_the_same_way_however_it_is_cut(wire: bytes, cuts: list[int]) -> None:
    def outcome(cut: list[int]) -> object:
        try:
            return read(wire, cut)
        except ProtocolViolation as error:
            return str(error)

    assert outcome([]) == outcome([cut for cut in cuts if cut < len(wire)])


@pytest.mark.spec("ID-14", "ID-15")
def test_past_2_kib_the_record_follows_in_its_own_part() -> None:
    small = IdentifyMessage(protocols=("/a",), signed_peer_record=bytes(SINGLE_PART_BYTES - 10))
    assert len(encode_parts(small)) == 1
    large = IdentifyMessage(protocols=("/a",), signed_peer_record=bytes(SINGLE_PART_BYTES))
    assert [len(one) for one in encode_parts(large)] == [4, SINGLE_PART_BYTES + 3]
    assert read(delimit(encode_parts(large))) == large


@pytest.mark.spec("ID-15")
@given(st.integers(0, 3000), st.integers(1, 60), st.integers(0, 4000))
def test_our_parts_stay_below_4_kib_and_ten(protocols: int, length: int, record: int) -> None:
    message = IdentifyMessage(
        public_key=bytes(300),
        listen_addresses=(ADDRESS,),
        protocols=tuple(f"/{i}".ljust(length, "x") for i in range(protocols)),
        agent_version="aiolibp2p",
        signed_peer_record=bytes(record) or None,
    )
    parts = encode_parts(message)
    assert len(parts) <= MAX_PARTS
    assert max(map(len, parts)) <= MAX_OWN_PART_BYTES
    back = read(delimit(parts))
    assert back.protocols == message.protocols[: len(back.protocols)]
    assert (back.listen_addresses, back.signed_peer_record) == ((ADDRESS,), message.signed_peer_record)
    if len(parts) < MAX_PARTS:
        assert back.protocols == message.protocols[:MAX_PROTOCOLS]


OBSERVED = Multiaddr("/ip4/192.0.2.7/tcp/4001")


@pytest.mark.spec("ID-8")
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([b""], id="nothing else"),
        pytest.param(encode_parts(replace(FULL, observed_address=None)), id="one part"),
        pytest.param([b"\x2a\x04ip/1" * (SINGLE_PART_BYTES // 6)], id="one part that is full"),
        pytest.param([b"\x2a\x04ip/1" * (MAX_OWN_PART_BYTES // 6)] * 2 + [b""], id="the first two are full"),
        pytest.param([b"\x2a\x04ip/1" * (MAX_OWN_PART_BYTES // 6)] * 2, id="all are full"),
    ],
)
def test_the_observed_address_is_added_to_encoded_parts(parts: list[bytes]) -> None:
    whole = with_observed(parts, OBSERVED)
    assert read(delimit(whole)) == replace(read(delimit(parts)), observed_address=OBSERVED)
    assert all(len(part) <= MAX_OWN_PART_BYTES for part in whole)
    assert len(whole) > 1 or len(whole[0]) <= SINGLE_PART_BYTES
    assert with_observed(parts, None) == parts


def test_an_observed_address_without_room_is_left_out() -> None:
    full = [b"\x2a\x04ip/1" * (MAX_OWN_PART_BYTES // 6)] * MAX_PARTS
    assert with_observed(full, OBSERVED) == full
