"""What the command line says to somebody who typed no multiaddr."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.cli import addresses
from aiolibp2p.cli.failures import UsageError
from aiolibp2p.multiformats import Multiaddr
from aiolibp2p.peer import PeerId

PEER = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"


def complaint(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        addresses.parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1.2.3.4:80", "/ip4/1.2.3.4/tcp/80"),
        ("[::1]:4001", "/ip6/::1/tcp/4001"),
        ("[fe80::1%eth0]:4001", "/ip6zone/eth0/ip6/fe80::1/tcp/4001"),
        ("localhost:4001", "/dns/localhost/tcp/4001"),
    ],
)
def test_a_socket_address_is_understood(text: str, meant: str) -> None:
    assert f"did you mean {meant}?" in complaint(text)


@pytest.mark.parametrize(
    "text", ["1.2.3.4:99999", "two words:80", "\x1b[31m:80", "\udc80:80", ":80", "a:" + "9" * 5000]
)
def test_no_suggestion_is_better_than_one_that_does_not_work(text: str) -> None:
    assert "did you mean" not in complaint(text)


def test_a_peer_id_is_understood_and_shown_in_its_usual_form() -> None:
    assert f"/p2p/{PEER}" in complaint(PEER)
    unprintable = PeerId.parse(PEER).text("identity")
    assert f"/p2p/{PEER}" in complaint(unprintable)
    assert complaint(unprintable).isprintable()


@given(host=st.text(max_size=20), port=st.integers(0, 99_999))
def test_every_suggestion_is_an_address_and_prints_in_one_line(host: str, port: int) -> None:
    said = complaint(f"x{host}:{port}")
    assert said.isprintable()
    if "did you mean " in said:
        Multiaddr(said.partition("did you mean ")[2].removesuffix("?"))
