"""The swarm's pure parts: ranking, resolving, handlers, the inbox."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ConfigError, Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.dial_ranker import LOCAL_STAGGER_S, PUBLIC_STAGGER_S, rank_addresses
from aiolibp2p.swarm.handlers import StreamHandlers
from aiolibp2p.swarm.interfaces import expand_wildcard
from aiolibp2p.swarm.resolver import resolve
from aiolibp2p.swarm.stream.inbox import Inbox


async def nobody(stream: object) -> None:
    """A handler."""


def test_near_addresses_first_and_families_by_turns() -> None:
    texts = [
        "/ip4/1.1.1.1/tcp/1",
        "/ip4/10.0.0.1/tcp/1",
        "/ip4/1.0.0.1/tcp/1",
        "/ip6/2606::1/tcp/1",
        "/ip4/127.0.0.1/tcp/1",
    ]
    ranked = rank_addresses(map(Multiaddr, [*texts, texts[0]]))
    assert [str(one.address) for one in ranked] == [texts[4], texts[1], texts[3], texts[0], texts[2]]
    assert [one.stagger_s for one in ranked] == [LOCAL_STAGGER_S] * 2 + [PUBLIC_STAGGER_S] * 3


@pytest.mark.spec("ADDR-11", "ADDR-12")
async def test_names_resolve_and_the_rest_stays() -> None:
    assert Multiaddr("/ip4/127.0.0.1/tcp/42") in await resolve(Multiaddr("/dns4/localhost/tcp/42"))
    found = await resolve(Multiaddr("/dns/localhost/tcp/42"))
    assert Multiaddr("/ip4/127.0.0.1/tcp/42") in found
    assert [":" in (one.ip or "") for one in found] == sorted((":" in (one.ip or "") for one in found), reverse=True)
    plain = Multiaddr("/ip4/127.0.0.1/tcp/42")
    assert await resolve(plain) == [plain]


async def test_what_does_not_resolve_says_so() -> None:
    with pytest.raises(Unreachable, match="does not resolve"):
        await resolve(Multiaddr("/dns4/nowhere.invalid/tcp/1"))
    with pytest.raises(UnsupportedAddress):
        await resolve(Multiaddr("/dnsaddr/example.com"))


def test_wildcards_become_interfaces() -> None:
    expanded = expand_wildcard(Multiaddr("/ip4/0.0.0.0/tcp/9"))
    assert expanded[-1] == Multiaddr("/ip4/127.0.0.1/tcp/9")
    assert expand_wildcard(Multiaddr("/ip4/127.0.0.1/tcp/9")) == [Multiaddr("/ip4/127.0.0.1/tcp/9")]


@pytest.mark.spec("CONN-12", "CONN-13", "CONN-23")
def test_handlers_match_exactly_then_by_predicate() -> None:
    handlers = StreamHandlers()
    handlers.add("/a/1", nobody, match=lambda protocol_id: protocol_id.startswith("/a/"))
    handlers.add("no slash", nobody)
    assert handlers.supports("/a/2")
    assert handlers.supports("no slash")
    assert not handlers.supports("/b/1")
    assert handlers.remove("/a/1")
    assert not handlers.supports("/a/2")
    for unusable in ("", "two\nlines", "x" * 1001):
        with pytest.raises(ConfigError):
            handlers.add(unusable, nobody)


@given(chunks=st.lists(st.binary(min_size=1, max_size=50)), sizes=st.lists(st.integers(1, 60)), early=st.booleans())
def test_an_inbox_gives_back_what_was_put(chunks: list[bytes], sizes: list[int], early: bool) -> None:
    inbox = Inbox()
    for chunk in chunks:
        inbox.put(memoryview(chunk))
    told = inbox.settle_early() if early else 0
    taken = b""
    for size in sizes:
        if inbox.available:
            piece = inbox.take(size)
            assert 0 < len(piece) <= size
            told += inbox.settle(len(piece))
            taken += piece
    rest = inbox.take_exactly(inbox.available)
    told += inbox.settle(len(rest))
    assert taken + rest == b"".join(chunks)
    assert told == len(taken + rest)
