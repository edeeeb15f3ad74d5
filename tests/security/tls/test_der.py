"""The reader and the writer of DER."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import FormatError
from aiolibp2p.security.tls import der
from aiolibp2p.security.tls.der import DerReader, encode


@given(
    st.integers(0, 255), st.integers(0, 3) | st.integers(120, 140) | st.integers(250, 260) | st.integers(65530, 65540)
)
def test_what_is_written_is_read(tag: int, size: int) -> None:
    content = bytes(size)
    value = encode(tag, content)
    reader = DerReader(value + value, "it")
    assert reader.next_tag == tag
    assert reader.read(tag, "value") == content
    assert reader.read_whole(tag, "value") == value
    assert reader.next_tag is None
    reader.finish()


@pytest.mark.parametrize(
    ("size", "head"),
    [(0, "0400"), (127, "047f"), (128, "048180"), (255, "0481ff"), (256, "04820100"), (65536, "0483010000")],
)
def test_lengths_are_shortest(size: int, head: str) -> None:
    assert encode(der.OCTET_STRING, bytes(size)) == bytes.fromhex(head) + bytes(size)


@given(st.binary(max_size=40), st.integers(0, 255))
def test_any_bytes(data: bytes, tag: int) -> None:
    """What is read is written the same way again."""
    reader = DerReader(data, "it")
    try:
        content = reader.read(tag, "value")
    except FormatError:
        return
    assert data.startswith(encode(tag, content))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "it ends before value"),
        ("05", "value has tag 0x05 instead of 0x04"),
        ("04", "value is cut short: it has no length"),
        ("0401", "value is cut short: 0 of 1 bytes"),
        ("040300", "value is cut short: 1 of 3 bytes"),
        ("0480", "indefinite, too large or cut short"),
        ("04800000", "indefinite, too large or cut short"),
        ("0481", "indefinite, too large or cut short"),
        ("048201", "indefinite, too large or cut short"),
        ("048400000001aa", "indefinite, too large or cut short"),
        ("04ff", "indefinite, too large or cut short"),
        ("048101aa", "not in its shortest form"),
        ("04817f", "not in its shortest form"),
        ("048100", "not in its shortest form"),
        ("04820001aa", "not in its shortest form"),
        ("04820080", "not in its shortest form"),
        ("0483008000", "not in its shortest form"),
        ("0483ffffff", "cut short: 0 of 16777215 bytes"),
    ],
)
def test_what_is_no_der(data: str, reason: str) -> None:
    for read in (DerReader.read, DerReader.read_whole, DerReader.enter):
        with pytest.raises(FormatError, match=reason):
            read(DerReader(bytes.fromhex(data), "it"), der.OCTET_STRING, "value")


def test_what_failed_is_still_to_be_read() -> None:
    reader = DerReader(bytes.fromhex("0401aa"), "it")
    with pytest.raises(FormatError):
        reader.read(der.SEQUENCE, "another")
    assert reader.read(der.OCTET_STRING, "value") == b"\xaa"


def test_nothing_may_be_left() -> None:
    reader = DerReader(bytes.fromhex("30030500" + "00" + "0500"), "it")
    inner = reader.enter(der.SEQUENCE, "the list")
    assert inner.read(5, "null") == b""
    with pytest.raises(FormatError, match="1 bytes too many in the list"):
        inner.finish()
    with pytest.raises(FormatError, match="2 bytes too many in it"):
        reader.finish()
