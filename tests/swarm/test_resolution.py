"""What is asked for an address, and what comes of the answers: no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import Libp2pError, TimeoutExpired, Unreachable
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.resolver.resolution import (
    MAX_DEPTH,
    MAX_LOOKUPS,
    MAX_RESULTS,
    Question,
    Resolution,
    starts_with_name,
)

PEER = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
OTHER = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"

Answer = Sequence[str] | Sequence[bytes] | Libp2pError


def link(*addresses: str) -> list[bytes]:
    return [b"dnsaddr=" + address.encode() for address in addresses]


def resolve(address: str, answers: Callable[[Question], Answer]) -> tuple[list[str], list[list[Question]]]:
    """The results, and the questions that led to them, round by round."""
    resolution = Resolution(Multiaddr(address))
    rounds = []
    while questions := resolution.questions():
        rounds.append(questions)
        resolution.answer([answers(question) for question in questions])
    return list(map(str, resolution.results())), rounds


def resolve_link(address: str, *records: bytes) -> list[str]:
    """The results when its link has these records, and every name is 192.0.2.1."""
    return resolve(address, lambda question: records if question.kind == "dnsaddr" else ["192.0.2.1"])[0]


@pytest.mark.spec("ADDR-12")
@pytest.mark.parametrize("rest", ["", "/tcp/42", f"/tcp/42/p2p/{PEER}", f"/tcp/1/p2p/{PEER}/p2p-circuit/p2p/{OTHER}"])
@pytest.mark.parametrize("kind", ["dns", "dns4", "dns6"])
def test_only_the_name_changes(kind: str, rest: str) -> None:
    found, rounds = resolve(f"/{kind}/example.com{rest}", lambda _: ["192.0.2.0"])
    assert found == [f"/ip4/192.0.2.0{rest}"]
    assert rounds == [[Question(kind, "example.com")]]  # type: ignore[arg-type]


@pytest.mark.spec("ADDR-11")
def test_ip6_comes_first_each_once() -> None:
    found, _ = resolve(
        "/dns/example.com/tcp/1", lambda _: ["192.0.2.1", "2001:db8::1", "192.0.2.1", "fe80::1%eth0", "?"]
    )
    assert found == ["/ip6/2001:db8::1/tcp/1", "/ip6zone/eth0/ip6/fe80::1/tcp/1", "/ip4/192.0.2.1/tcp/1"]


def test_a_name_elsewhere_is_left_alone() -> None:
    for text in ("/ip4/192.0.2.1/tcp/1", "/tcp/1/dns4/example.com", f"/p2p/{PEER}"):
        assert not starts_with_name(Multiaddr(text))
        assert resolve(text, lambda _: []) == ([text], [])


@pytest.mark.spec("ADDR-13")
def test_of_a_link_only_its_addresses_count() -> None:
    records = [
        b"v=spf1 -all",
        b"dnslink=/ip4/192.0.2.9/tcp/9",
        b" dnsaddr=/ip4/192.0.2.9/tcp/9",
        b"DNSADDR=/ip4/192.0.2.9/tcp/9",
        b"dnsaddr=nonsense",
        b"dnsaddr=",
        b"dnsaddr=/ip4/192.0.2.9/tcp/\xff",
        *link("/ip4/192.0.2.1/tcp/1", f"/ip6/2001:db8::1/udp/2/quic-v1/p2p/{PEER}"),
    ]
    assert resolve_link("/dnsaddr/example.com", *records) == [
        "/ip4/192.0.2.1/tcp/1",
        f"/ip6/2001:db8::1/udp/2/quic-v1/p2p/{PEER}",
    ]


@pytest.mark.spec("ADDR-14")
def test_links_lead_to_names_to_links_and_to_what_is_no_ip() -> None:
    zone: dict[Question, Answer] = {
        Question("dnsaddr", "example.com"): link("/dnsaddr/a.example.com", f"/onion/aaimaq4ygg2iegci:80/p2p/{PEER}"),
        Question("dnsaddr", "a.example.com"): link("/dns4/h.example.com/tcp/1", "/dns/h.example.com/udp/2/quic-v1"),
        Question("dns4", "h.example.com"): ["192.0.2.1"],
        Question("dns", "h.example.com"): ["2001:db8::1", "192.0.2.1"],
    }
    found, rounds = resolve("/dnsaddr/example.com", zone.__getitem__)
    assert found == [
        f"/onion/aaimaq4ygg2iegci:80/p2p/{PEER}",
        "/ip4/192.0.2.1/tcp/1",
        "/ip6/2001:db8::1/udp/2/quic-v1",
        "/ip4/192.0.2.1/udp/2/quic-v1",
    ]
    assert [len(questions) for questions in rounds] == [1, 1, 2]


@pytest.mark.spec("ADDR-14")
def test_who_is_asked_for_decides_which_entries_count() -> None:
    records = link(
        f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}",
        f"/ip4/192.0.2.2/tcp/1/p2p/{OTHER}",
        "/ip4/192.0.2.3/tcp/1",
        f"/ip4/192.0.2.4/tcp/1/p2p/{OTHER}/p2p-circuit",
        f"/ip4/192.0.2.5/tcp/1/p2p/{PEER}/p2p-circuit/p2p/{OTHER}",
    )
    assert resolve_link(f"/dnsaddr/example.com/p2p/{PEER}", *records) == [
        f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}",
        f"/ip4/192.0.2.3/tcp/1/p2p/{PEER}",
        f"/ip4/192.0.2.4/tcp/1/p2p/{OTHER}/p2p-circuit/p2p/{PEER}",
    ]
    with pytest.raises(Unreachable, match=f"no address that agrees with /dnsaddr/example.com/p2p/{PEER}"):
        resolve_link(f"/dnsaddr/example.com/p2p/{PEER}", records[1], records[4])


@pytest.mark.spec("ADDR-14")
def test_the_peer_of_a_link_holds_for_what_it_leads_to() -> None:
    zone = {
        "example.com": link(f"/dnsaddr/a.example.com/p2p/{PEER}"),
        "a.example.com": link(f"/ip4/192.0.2.1/tcp/1/p2p/{OTHER}", "/ip4/192.0.2.2/tcp/1"),
    }
    found, _ = resolve("/dnsaddr/example.com", lambda question: zone[question.name])
    assert found == [f"/ip4/192.0.2.2/tcp/1/p2p/{PEER}"]


def test_what_follows_the_name_selects_entries() -> None:
    records = link(f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}", f"/ip4/192.0.2.1/udp/1/quic-v1/p2p/{PEER}", "/tcp/1")
    assert resolve_link("/dnsaddr/example.com/quic-v1", *records) == [f"/ip4/192.0.2.1/udp/1/quic-v1/p2p/{PEER}"]
    assert resolve_link("/dnsaddr/example.com/tcp/1", *records) == [f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}", "/tcp/1"]


@pytest.mark.parametrize(
    "behind", ["/p2p-circuit", f"/p2p-circuit/p2p/{OTHER}", f"/p2p-circuit/ip4/192.0.2.9/tcp/9/p2p/{OTHER}"]
)
def test_the_name_of_a_relay_is_resolved_and_the_circuit_kept(behind: str) -> None:
    records = link(f"/ip4/192.0.2.1/tcp/1/p2p/{OTHER}", f"/dns4/h.example.com/tcp/2/p2p/{PEER}")
    assert resolve_link(f"/dnsaddr/example.com/p2p/{PEER}{behind}", *records) == [
        f"/ip4/192.0.2.1/tcp/2/p2p/{PEER}{behind}"
    ]


def test_a_part_that_does_not_resolve_costs_only_itself() -> None:
    zone: dict[Question, Answer] = {
        Question("dnsaddr", "example.com"): link("/dns4/a.example.com/tcp/1", "/dns4/b.example.com/tcp/1"),
        Question("dns4", "a.example.com"): TimeoutExpired("too slow"),
        Question("dns4", "b.example.com"): ["192.0.2.1"],
    }
    assert resolve("/dnsaddr/example.com", zone.__getitem__)[0] == ["/ip4/192.0.2.1/tcp/1"]
    zone[Question("dns4", "b.example.com")] = Unreachable("no such name")
    with pytest.raises(TimeoutExpired, match="too slow"):
        resolve("/dnsaddr/example.com", zone.__getitem__)


def test_nothing_at_all_says_so() -> None:
    with pytest.raises(Unreachable, match="_dnsaddr.example.com lists no address"):
        resolve_link("/dnsaddr/example.com", b"dnsaddr=nonsense")
    with pytest.raises(Unreachable, match="/dns4/example.com/tcp/1 resolves to nothing"):
        resolve("/dns4/example.com/tcp/1", lambda _: [])
    long = "/tcp/1" * 60
    with pytest.raises(Unreachable, match="resolves to nothing"):
        resolve_link(f"/dnsaddr/example.com/p2p/{PEER}/p2p-circuit{long}", *link("/ip4/192.0.2.1/tcp/1" + "/ws" * 20))


@pytest.mark.spec("ADDR-14")
def test_links_are_followed_so_deep_and_no_deeper() -> None:
    def answer(question: Question) -> Answer:
        level = int(question.name.partition(".")[0])
        return link("/ip4/192.0.2.1/tcp/1" if level == depth else f"/dnsaddr/{level + 1}.example.com")

    depth = MAX_DEPTH
    found, rounds = resolve("/dnsaddr/1.example.com", answer)
    assert (found, len(rounds)) == (["/ip4/192.0.2.1/tcp/1"], MAX_DEPTH)
    depth += 1
    with pytest.raises(Unreachable, match=f"more than {MAX_DEPTH} /dnsaddr links"):
        resolve("/dnsaddr/1.example.com", answer)


@pytest.mark.spec("ADDR-14")
def test_a_link_to_itself_is_asked_once() -> None:
    asked = []

    def answer(question: Question) -> Answer:
        asked.append(question)
        return link("/dnsaddr/example.com")

    with pytest.raises(Unreachable, match="/dnsaddr/example.com leads back to itself"):
        resolve("/dnsaddr/example.com", answer)
    assert len(asked) == 1


@pytest.mark.spec("ADDR-14")
def test_results_are_bounded() -> None:
    many = [f"/ip4/192.0.2.{n % 250}/tcp/{n + 1}" for n in range(1000)]
    assert resolve_link("/dnsaddr/example.com", *link(*many)) == many[:MAX_RESULTS]
    found, _ = resolve("/dns/example.com/tcp/1", lambda _: [f"2001:db8::{n:x}" for n in range(1000)])
    assert len(found) == MAX_RESULTS
    names = link("/dns/a.example.com/tcp/1", "/dns/a.example.com/tcp/2")
    found, _ = resolve(
        "/dnsaddr/example.com",
        lambda question: names if question.kind == "dnsaddr" else [f"192.0.2.{n}" for n in range(80)],
    )
    assert len(found) == MAX_RESULTS


@pytest.mark.spec("ADDR-14")
def test_names_that_wait_are_bounded() -> None:
    zone = {
        "example.com": link(*(f"/dnsaddr/{n}.example.com" for n in range(3))),
        **{f"{n}.example.com": link(*(f"/dns4/h.example.com/tcp/{100 * n + i}" for i in range(100))) for n in range(3)},
    }
    resolution = Resolution(Multiaddr("/dnsaddr/example.com"))
    for _ in range(2):
        resolution.answer([zone[question.name] for question in resolution.questions()])
    assert resolution.questions() == [Question("dns4", "h.example.com")]
    resolution.answer([[]])
    with pytest.raises(Unreachable, match=f"more than {MAX_RESULTS} names"):
        resolution.results()


@pytest.mark.spec("ADDR-14")
def test_questions_are_bounded_however_links_branch() -> None:
    asked: dict[Question, None] = {}

    def answer(question: Question) -> Answer:
        asked[question] = None
        return link(*(f"/dnsaddr/{n}.{question.name}" for n in range(100)))

    with pytest.raises(Unreachable, match=f"more than {MAX_LOOKUPS} look-ups"):
        resolve("/dnsaddr/example.com", answer)
    assert len(asked) == MAX_LOOKUPS


@given(st.lists(st.binary(max_size=60) | st.sampled_from(link("/dnsaddr/a.b", "/ip4/1.2.3.4", f"/p2p/{PEER}"))))
def test_records_at_random(records: list[bytes]) -> None:
    try:
        found = resolve_link(f"/dnsaddr/example.com/p2p/{PEER}", *records)
    except Unreachable:
        return
    assert all(Multiaddr(one).p2p == PEER and not starts_with_name(Multiaddr(one)) for one in found)
