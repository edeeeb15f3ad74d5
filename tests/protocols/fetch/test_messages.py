from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.protocols.fetch.messages import (
    ENVELOPE_BYTES,
    Response,
    Status,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)


@pytest.mark.spec("FET-4")
@given(st.binary(max_size=200))
def test_any_key_passes(key: bytes) -> None:
    message = encode_request(key)
    assert decode_request(message) == key
    assert len(message) <= len(key) + ENVELOPE_BYTES


@pytest.mark.spec("FET-5")
@given(st.sampled_from(Status), st.binary(max_size=200))
def test_any_response_passes(status: Status, data: bytes) -> None:
    message = encode_response(Response(status, data))
    assert decode_response(message) == Response(status, data)
    assert len(message) <= len(data) + ENVELOPE_BYTES


@pytest.mark.spec("FET-1", "FET-2", "FET-4")
def test_the_bytes_are_those_of_the_published_schema() -> None:
    assert encode_request(b"/a") == bytes.fromhex("0a022f61")
    assert encode_request("ключ".encode()) == b"\x0a\x08" + "ключ".encode()
    assert encode_response(Response(Status.OK, b"v")) == bytes.fromhex("0800120176")
    assert encode_response(Response(Status.NOT_FOUND)) == bytes.fromhex("0801")
    assert encode_response(Response(Status.ERROR, b"no")) == bytes.fromhex("080212026e6f")


@pytest.mark.spec("FET-5")
def test_what_is_absent_has_its_default() -> None:
    assert decode_request(b"") == b""
    assert decode_response(b"") == Response(Status.OK, b"")
    assert decode_response(bytes.fromhex("120176")) == Response(Status.OK, b"v")
    assert encode_response(Response(Status.OK)) == bytes.fromhex("0800")


def test_unknown_fields_are_skipped() -> None:
    assert decode_request(bytes.fromhex("0a01613a0178")) == b"a"
    assert decode_response(bytes.fromhex("08013801")) == Response(Status.NOT_FOUND)


@pytest.mark.spec("FET-8")
@pytest.mark.parametrize("data", ["0a05", "ff", "0a80", "08"])
def test_what_is_no_message_is_refused(data: str) -> None:
    with pytest.raises(ProtocolViolation, match="the request is no protobuf"):
        decode_request(bytes.fromhex(data))
    with pytest.raises(ProtocolViolation, match="the response is no protobuf"):
        decode_response(bytes.fromhex(data))


@pytest.mark.parametrize("data", ["0803", "08ffffffffffffffffff01"])
def test_a_status_that_nobody_defined_is_refused(data: str) -> None:
    with pytest.raises(ProtocolViolation, match="unknown status (3|-1)"):
        decode_response(bytes.fromhex(data))
