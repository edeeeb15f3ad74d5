from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ConfigError
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.protocols.fetch.lookups import Lookup, Lookups, key_bytes


def lookup() -> Lookup:
    async def nothing(key: bytes, peer: PeerId) -> bytes | None:
        return None

    return nothing


@pytest.mark.spec("FET-6")
def test_the_longest_prefix_decides() -> None:
    lookups = Lookups()
    every, app, deep = lookup(), lookup(), lookup()
    for prefix, one in ((b"/app/", app), (b"", every), (b"/app/deep/", deep)):
        lookups.add(prefix, one)
    assert lookups.find(b"/app/deep/x") is deep
    assert lookups.find(b"/app/deep/") is deep
    assert lookups.find(b"/app/deep") is app
    assert lookups.find(b"/ap") is every
    assert lookups.find(b"") is every


@pytest.mark.spec("FET-6")
def test_a_prefix_is_registered_once_and_can_be_taken_back() -> None:
    lookups = Lookups()
    first, second = lookup(), lookup()
    lookups.add(b"/a", first)
    with pytest.raises(ConfigError, match="b'/a' have a lookup already"):
        lookups.add(b"/a", second)
    assert lookups.find(b"/ab") is first
    lookups.remove(b"/a")
    lookups.remove(b"/a")
    assert lookups.find(b"/ab") is None
    lookups.add(b"/a", second)
    assert lookups.find(b"/ab") is second


@given(st.dictionaries(st.binary(max_size=4), st.none(), max_size=8), st.binary(max_size=6))
def test_it_finds_what_a_search_through_all_would(prefixes: dict[bytes, None], key: bytes) -> None:
    lookups = Lookups()
    registered = {prefix: lookup() for prefix in prefixes}
    for prefix, one in registered.items():
        lookups.add(prefix, one)
    fitting = [prefix for prefix in registered if key.startswith(prefix)]
    assert lookups.find(key) is (registered[max(fitting, key=len)] if fitting else None)


def test_text_is_utf8() -> None:
    assert key_bytes("ключ") == "ключ".encode()
    assert key_bytes(b"\xff\x00") == b"\xff\x00"
