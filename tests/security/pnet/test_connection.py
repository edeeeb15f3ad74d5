"""A protected connection: nonces, streams over any cuts, whose buffers are whose, what passes through."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.security.pnet import NONCE_BYTES, PreSharedKey, PskProtector
from aiolibp2p.security.pnet.xsalsa20 import XSalsa20
from security.pnet.ends import KEY, End, Raw

OTHER_KEY = PreSharedKey(bytes(32))


@pytest.mark.spec("PNT-2", "PNT-10")
def test_our_nonce_comes_first_and_waits_for_nothing() -> None:
    end = End(b"a")
    assert end.raw.sent == end.nonce
    end.connection.write(b"hello")
    assert end.raw.sent == end.nonce + XSalsa20(KEY.reveal(), end.nonce).apply(b"hello")
    assert len(end.raw.sent) == NONCE_BYTES + 5


@pytest.mark.spec("PNT-2")
def test_each_connection_has_a_nonce_of_its_own() -> None:
    counter = itertools.count(1)
    protector = PskProtector(KEY, lambda n: next(counter).to_bytes(n, "big"))
    raws = [Raw(), Raw()]
    for raw in raws:
        protector.protect(raw).start(End(b"r").receiver)
    assert [raw.sent for raw in raws] == [bytes(23) + b"\1", bytes(23) + b"\2"]


@pytest.mark.spec("PNT-2", "PNT-3")
@given(
    st.lists(st.binary(min_size=1, max_size=400), max_size=5),
    st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=8),
    st.integers(0, 200),
)
def test_any_writes_arrive_over_any_cuts(writes: list[bytes], cuts: list[tuple[int, bool]], offset: int) -> None:
    ours, theirs = End(b"a"), End(b"b")
    for piece in writes:
        ours.connection.write(piece)
    wire = ours.raw.sent
    theirs.receiver.offset = offset
    at = 0
    for cut, into_buffer in [*sorted(cuts), (len(wire), True)]:
        theirs.feed(wire[at : max(cut, at)], into_buffer)
        at = max(cut, at)
    assert theirs.receiver.received == b"".join(writes)
    assert theirs.raw.sent == theirs.nonce, "the other direction is a stream of its own"


@pytest.mark.spec("PNT-10")
def test_the_peers_nonce_may_trickle_in_late() -> None:
    ours, theirs = End(b"a"), End(b"b")
    theirs.connection.write(b"at last")
    for at in range(NONCE_BYTES):
        ours.feed(theirs.nonce[at : at + 1], into_buffer=bool(at % 2))
        ours.connection.write(b"x")
        assert ours.receiver.received == b""
    theirs.feed(ours.raw.sent)
    assert theirs.receiver.received == b"x" * NONCE_BYTES
    ours.feed(theirs.raw.sent[NONCE_BYTES:])
    assert ours.receiver.received == b"at last"


@pytest.mark.spec("PNT-4")
def test_another_key_makes_noise_of_it() -> None:
    ours, theirs = End(b"a"), End(b"b", OTHER_KEY)
    ours.connection.write(b"/multistream/1.0.0\n" * 10)
    assert b"multistream" not in ours.raw.sent
    theirs.feed(ours.raw.sent)
    assert len(theirs.receiver.received) == 190
    assert b"multi" not in theirs.receiver.received


@pytest.mark.spec("PNT-4")
def test_a_mirror_is_no_member() -> None:
    end = End(b"a")
    end.connection.write(b"a proposal that the peer would echo")
    for at, byte in enumerate(end.raw.sent):
        end.feed(bytes([byte]), into_buffer=at % 2 == 0)
    assert end.receiver.received == b""
    assert "abort" in end.raw.asked


@pytest.mark.parametrize("make", [bytes, memoryview, lambda data: memoryview(data)[:], bytearray])
def test_what_is_not_ours_to_change_stays(make: type[ByteString]) -> None:
    end = End(b"a")
    text = bytes(range(100))
    data = make(text)
    end.connection.write(data)
    assert text == bytes(range(100)) == bytes(data)
    assert bytes(end.raw.written[-1]) == XSalsa20(KEY.reveal(), end.nonce).apply(text)


def test_a_buffer_that_was_given_away_is_used_as_it_is() -> None:
    """The driver's send buffer: encrypted in place, passed on, and nothing outside the view is touched."""
    end = End(b"a")
    shared = memoryview(bytearray(b"<hello>"))
    view = shared[1:6]
    end.connection.write(view)
    assert end.raw.written[-1] is view
    sealed = XSalsa20(KEY.reveal(), end.nonce).apply(b"hello")
    assert bytes(shared) == b"<" + sealed + b">"


def test_bytes_are_decrypted_where_they_arrive() -> None:
    end, peer = End(b"a"), End(b"b")
    peer.connection.write(b"hello")
    end.feed(peer.nonce)
    receiver = end.raw.receiver
    assert receiver is not None
    end.receiver.offset = 7
    end.receiver.buffer[:7] = b"a frame"
    buffer = receiver.get_buffer(-1)
    buffer[:6] = peer.raw.sent[NONCE_BYTES:] + b"!"
    receiver.buffer_updated(5)
    assert bytes(end.receiver.buffer[:13]) == b"a framehello!"


@pytest.mark.parametrize("is_read", [False, True])
def test_it_keeps_nothing_that_comes_or_goes(is_read: bool) -> None:
    end, peer = End(b"a"), End(b"b")
    end.feed(peer.nonce)
    shared = bytearray(100)
    before = sys.getrefcount(shared)
    if is_read:
        end.receiver.buffer = memoryview(shared)
        end.feed(b"x" * 50)
        end.receiver.buffer = memoryview(b"")
    else:
        end.connection.write(memoryview(shared))
        end.raw.written.clear()
    assert sys.getrefcount(shared) == before


def test_everything_else_passes_through() -> None:
    end = End(b"a")
    assert (end.connection.local_address, end.connection.remote_address) == (
        end.raw.local_address,
        end.raw.remote_address,
    )
    end.raw.backlog = 7
    assert end.connection.unsent() == 7
    assert end.connection.rtt() == 0.25
    end.connection.pause_reading()
    end.connection.resume_reading()
    end.connection.close()
    end.connection.abort()
    assert end.raw.asked == ["pause", "resume", "close", "abort"]
    receiver = end.raw.receiver
    assert receiver is not None
    error = OSError("gone")
    receiver.pause_writing()
    receiver.resume_writing()
    receiver.eof_received()
    receiver.connection_lost(error)
    assert end.receiver.told == ["pause", "resume", "eof", error]


def test_after_the_end_nobody_is_told_anything() -> None:
    end = End(b"a")
    receiver = end.raw.receiver
    assert receiver is not None
    receiver.connection_lost(None)
    end.feed(b"x" * 100)
    end.feed(b"x" * 100, into_buffer=False)
    receiver.pause_writing()
    receiver.resume_writing()
    receiver.eof_received()
    receiver.connection_lost(None)
    assert end.receiver.told == [None]
    assert end.receiver.received == b""


def test_the_room_reveals_the_key_to_its_cipher_alone() -> None:
    room = Path(sys.modules[PskProtector.__module__].__file__ or "").parent
    users = [path.name for path in room.glob("*.py") for line in path.read_text().splitlines() if ".reveal()" in line]
    assert users == ["connection.py"] * 2
    assert KEY.reveal().hex() not in repr(PskProtector(KEY, bytes)) + repr(End(b"a").connection)
