from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.wire.printable import printable


@given(st.text(max_size=300), st.integers(0, 200))
def test_it_prints_fits_and_stays(text: str, limit: int) -> None:
    once = printable(text, limit)
    assert once.isprintable()
    assert len(once) <= limit
    assert printable(once, limit) == once


@pytest.mark.spec("ID-17")
def test_controls_become_escapes() -> None:
    assert printable("go\x1b[2J\nöß\u202e/\U000e0001", 128) == "go\\x1b[2J\\nöß\\u202e/\\U000e0001"
