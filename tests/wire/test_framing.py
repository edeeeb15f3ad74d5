from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.multiformats import varint
from aiolibp2p.wire.framing import PREFIX_BYTES, parse_prefix


@given(length=st.integers(0, varint.MAX_VALUE), rest=st.binary(max_size=20))
def test_where_a_message_begins_and_ends(length: int, rest: bytes) -> None:
    prefix = varint.encode(length)
    assert len(prefix) <= PREFIX_BYTES
    assert parse_prefix(prefix + rest, varint.MAX_VALUE) == (len(prefix), len(prefix) + length)
    for end in range(len(prefix)):
        assert parse_prefix(prefix[:end], varint.MAX_VALUE) is None


@pytest.mark.spec("XC-2")
@given(max_bytes=st.integers(0, 2**40))
def test_the_limit_is_the_longest_message(max_bytes: int) -> None:
    assert parse_prefix(varint.encode(max_bytes), max_bytes) is not None
    with pytest.raises(ProtocolViolation, match=f"limit of {max_bytes}"):
        parse_prefix(varint.encode(max_bytes + 1), max_bytes)


@pytest.mark.parametrize("start", [b"\x80\x00", b"\xff" * 9, b"\xff" * 10])
def test_what_is_no_prefix_is_a_violation(start: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="not a message"):
        parse_prefix(start, 1000)


@given(start=st.binary(max_size=12), max_bytes=st.integers(0, 2**64))
def test_garbage_is_a_violation_or_a_message_within_the_limit(start: bytes, max_bytes: int) -> None:
    try:
        found = parse_prefix(start, max_bytes)
    except ProtocolViolation:
        return
    if found is None:
        assert len(start) < PREFIX_BYTES
    else:
        assert 0 < found[0] <= found[1] <= found[0] + max_bytes
