from __future__ import annotations

from aiolibp2p.io.buffers import RECEIVE_BYTES, SEND_BYTES, UNFINISHED_BYTES, SharedBuffers

NOISE_FRAME_BYTES = 2 + 65_535


def test_a_read_fits_behind_the_longest_unfinished_frame() -> None:
    assert UNFINISHED_BYTES >= NOISE_FRAME_BYTES - 1
    assert len(SharedBuffers().receive) == UNFINISHED_BYTES + RECEIVE_BYTES
    assert not SharedBuffers().receive.readonly


def test_a_whole_cipher_frame_fits_the_send_buffer() -> None:
    assert SEND_BYTES >= NOISE_FRAME_BYTES
    assert len(SharedBuffers().send) == SEND_BYTES


def test_a_buffer_that_was_given_away_is_replaced_and_left_alone() -> None:
    buffers = SharedBuffers()
    given = buffers.send
    given[:5] = b"given"
    buffers.replace_send()
    buffers.send[:5] = b"other"
    assert bytes(given[:5]) == b"given"
    assert len(buffers.send) == SEND_BYTES
