"""Which parts of a cipher frame are copied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.muxing.pieces import COPY_BELOW_BYTES, COPY_BELOW_SHARE, piece_of

WHOLE = bytes(range(256)) * 256


@pytest.mark.parametrize("size", [1, COPY_BELOW_BYTES, len(WHOLE)])
def test_all_of_it_is_itself(size: int) -> None:
    data = WHOLE[:size]
    assert piece_of(data, 0, size) is data


@pytest.mark.parametrize(
    ("whole", "n", "kind"),
    [
        (COPY_BELOW_BYTES + 1, COPY_BELOW_BYTES - 1, bytes),
        (COPY_BELOW_BYTES + 1, COPY_BELOW_BYTES, memoryview),
        (COPY_BELOW_SHARE * 5000, 4999, bytes),
        (COPY_BELOW_SHARE * 5000, 5000, memoryview),
    ],
)
def test_what_is_small_or_a_small_part_is_copied(whole: int, n: int, kind: type) -> None:
    piece = piece_of(WHOLE[:whole], 1, n)
    assert type(piece) is kind
    assert piece == WHOLE[1 : 1 + n]


@given(size=st.integers(1, len(WHOLE)), choice=st.data())
def test_a_piece_keeps_alive_a_few_times_its_size(size: int, choice: st.DataObject) -> None:
    data = WHOLE[:size]
    at = choice.draw(st.integers(0, size - 1))
    n = choice.draw(st.integers(1, size - at))
    piece = piece_of(data, at, n)
    assert piece == data[at : at + n]
    kept = piece.obj if isinstance(piece, memoryview) else piece
    assert len(kept) <= COPY_BELOW_SHARE * n
