"""Messages of multistream-select, encoded and cut out of a byte stream."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ConfigError, LimitExceeded, ProtocolViolation
from aiolibp2p.multistream import HEADER, MAX_MESSAGE_BYTES, NA, MessageReader, encode_message
from aiolibp2p.multistream.messages import PROTOCOL_ID, encode_list

texts = st.text(st.characters(codec="utf-8"), max_size=200)


def read_all(*chunks: bytes) -> list[str]:
    reader = MessageReader()
    messages = []
    for chunk in chunks:
        reader.feed(chunk)
        while (message := reader.next_message()) is not None:
            messages.append(message)
    return messages


@pytest.mark.spec("CONN-1")
def test_na_is_the_vector_of_the_spec() -> None:
    assert encode_message("na") == NA == bytes.fromhex("036e610a")


def test_the_header_is_the_encoded_protocol_id() -> None:
    assert encode_message(PROTOCOL_ID) == HEADER


@pytest.mark.spec("CONN-23")
@given(texts)
def test_any_text_survives(text: str) -> None:
    assert read_all(encode_message(text)) == [text]


@given(st.lists(texts, max_size=5), st.data())
def test_cuts_do_not_matter(messages: list[str], data: st.DataObject) -> None:
    encoded = b"".join(map(encode_message, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(encoded)), max_size=6)))
    chunks = [encoded[a:b] for a, b in zip([0, *cuts], [*cuts, len(encoded)], strict=True)]
    assert read_all(*chunks) == messages
    assert read_all(*[bytes([byte]) for byte in encoded]) == messages


def test_what_lies_behind_stays() -> None:
    reader = MessageReader()
    reader.feed(NA + b"payload")
    assert reader.next_message() == "na"
    assert reader.take_rest() == b"payload"
    assert reader.take_rest() == b""


@pytest.mark.spec("CONN-24", "XC-1")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"\x00", "length 0", id="zero"),
        pytest.param(b"\x03abc", "without a newline", id="no newline"),
        pytest.param(b"\x81\x08", "1025 bytes", id="too long"),
        pytest.param(b"\xff\xff", "more than 1024 bytes", id="a length of three bytes"),
        pytest.param(b"\x83\x00na\n", "bad length", id="not minimal"),
        pytest.param(b"\x03\xff\xfe\n", "not UTF-8", id="not UTF-8"),
    ],
)
def test_forbidden_messages(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolViolation, match=reason):
        read_all(data)
    with pytest.raises(ProtocolViolation, match=reason):
        read_all(*[bytes([byte]) for byte in data])


def test_the_longest_message() -> None:
    text = "x" * (MAX_MESSAGE_BYTES - 1)
    assert read_all(encode_message(text)) == [text]
    with pytest.raises(LimitExceeded, match="1025 bytes"):
        encode_message(text + "x")


def test_text_that_cannot_be_encoded() -> None:
    with pytest.raises(ConfigError, match="surrogates"):
        encode_message("/a\ud800")


@pytest.mark.spec("CONN-25")
def test_a_list_is_nested_and_bounded() -> None:
    assert encode_list(["/a", "/b/1"]) == b"\x0b" + b"\x03/a\n" + b"\x05/b/1\n" + b"\n"
    many = encode_list([f"/protocol/{number}" for number in range(1000)])
    reader = MessageReader()
    reader.feed(many)
    assert reader.next_message() is not None
    assert reader.take_rest() == b""


@given(st.binary(max_size=3000))
def test_garbage_is_refused_or_incomplete(data: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        read_all(data)
