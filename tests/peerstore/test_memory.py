from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.errors import FormatError, SignatureInvalid
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peer.peer_record import seal_peer_record
from aiolibp2p.peerstore import MemoryPeerstore, PeerMetadata, PeerstoreLimits
from protocols.fakes import FakeRuntime

ALICE_KEY, BOB_KEY = (PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in (1, 2))
ECDSA_KEY = PrivateKey.generate("ecdsa", lambda n: bytes([3]) * n)
ALICE, BOB, CAROL = ALICE_KEY.peer_id, BOB_KEY.peer_id, ECDSA_KEY.peer_id
A1, A2, A3 = (Multiaddr(f"/ip4/192.0.2.{i}/tcp/4001") for i in (1, 2, 3))


def record(seq: int, *addresses: Multiaddr, key: PrivateKey = ALICE_KEY, legacy: bool = False) -> bytes:
    return seal_peer_record(key, seq, addresses, legacy=legacy).encode()


def store(limits: PeerstoreLimits | None = None) -> tuple[MemoryPeerstore, FakeRuntime]:
    runtime = FakeRuntime()
    return MemoryPeerstore(runtime, limits), runtime


def test_it_is_a_peerstore() -> None:
    peers: Peerstore = store()[0]
    assert peers.peers() == []


def test_addresses_expire_by_the_runtime_and_lose_their_p2p() -> None:
    peers, runtime = store()
    peers.add_addresses(ALICE, [A1.with_p2p(ALICE.to_bytes()), A2], 10.0)
    peers.add_addresses(ALICE, [A2], math.inf)
    assert peers.addresses(ALICE) == [A1, A2]
    runtime.time += 10
    assert peers.addresses(ALICE) == [A2]
    peers.clear_addresses(ALICE)
    assert peers.addresses(ALICE) == []
    assert peers.peers() == []


@pytest.mark.spec("REC-8", "REC-2")
@pytest.mark.parametrize(
    ("first", "second", "taken"), [(5, 6, True), (5, 5, False), (5, 4, False), (2**64 - 1, 0, False)]
)
def test_only_a_higher_seq_counts(first: int, second: int, taken: bool) -> None:
    peers, _ = store()
    assert peers.consume_peer_record(record(first, A1), ALICE, 60.0)
    assert peers.consume_peer_record(record(second, A2), ALICE, 60.0) is taken
    assert peers.addresses(ALICE) == ([A2] if taken else [A1])


def test_the_very_record_known_gives_its_addresses_more_time() -> None:
    peers, runtime = store()
    assert peers.consume_peer_record(record(5, A1), ALICE, 60.0)
    runtime.time += 50
    assert not peers.consume_peer_record(record(5, A1), ALICE, 60.0)
    runtime.time += 50
    assert peers.addresses(ALICE) == [A1]


@pytest.mark.spec("REC-10", "REC-11")
def test_certified_addresses_replace_others_and_come_first() -> None:
    peers, _ = store()
    peers.add_addresses(ALICE, [A1, A2], 1000.0)
    assert peers.consume_peer_record(record(1, A2, A3), ALICE, 60.0)
    assert peers.addresses(ALICE) == [A2, A3]
    peers.clear_addresses(ALICE)
    peers.add_addresses(ALICE, [A1, A3], 60.0)
    assert peers.addresses(ALICE) == [A3, A1]
    assert peers.certified_addresses(ALICE) == [A3]
    assert peers.consume_peer_record(record(2, A1), ALICE, 60.0)
    assert peers.addresses(ALICE) == [A1]


@pytest.mark.spec("REC-9", "REC-10")
def test_the_record_comes_back_byte_for_byte() -> None:
    peers, runtime = store()
    # Fields in another order than ours: still a valid envelope.
    sealed = seal_peer_record(ALICE_KEY, 7, [A1])
    odd = sealed.encode() + b"\x7a\x03xyz"
    assert peers.consume_peer_record(odd, ALICE, 60.0)
    known = peers.signed_peer_record(ALICE)
    assert known is not None
    assert known.encode() == odd
    runtime.time += 60
    assert peers.signed_peer_record(ALICE) is None
    assert not peers.consume_peer_record(record(7, A2), ALICE, 60.0)


def test_clearing_addresses_does_not_let_an_old_record_in() -> None:
    peers, _ = store()
    assert peers.consume_peer_record(record(7, A1), ALICE, 60.0)
    peers.clear_addresses(ALICE)
    assert not peers.consume_peer_record(record(6, A2), ALICE, 60.0)
    assert peers.addresses(ALICE) == []
    peers.remove(ALICE)
    assert peers.consume_peer_record(record(6, A2), ALICE, 60.0)


@pytest.mark.spec("REC-7")
def test_the_legacy_form_counts_as_well() -> None:
    peers, _ = store()
    assert peers.consume_peer_record(record(1, A1, legacy=True), ALICE, 60.0)
    assert peers.consume_peer_record(record(2, A2), ALICE, 60.0)
    assert peers.addresses(ALICE) == [A2]


@pytest.mark.spec("REC-6")
def test_a_record_for_another_peer_changes_nothing() -> None:
    peers, _ = store()
    peers.add_addresses(ALICE, [A1], 60.0)
    with pytest.raises(SignatureInvalid):
        peers.consume_peer_record(record(1, A2, key=BOB_KEY), ALICE, 60.0)
    assert peers.addresses(ALICE) == [A1]
    assert peers.addresses(BOB) == []
    assert peers.signed_peer_record(ALICE) is None


@pytest.mark.spec("REC-5")
@given(st.integers(0, 200), st.integers(1, 255))
def test_a_record_with_a_changed_byte_is_dropped(index: int, change: int) -> None:
    peers, _ = store()
    good = bytearray(record(1, A1))
    good[index % len(good)] ^= change
    with pytest.raises((SignatureInvalid, FormatError)):
        peers.consume_peer_record(bytes(good), ALICE, 60.0)
    assert peers.peers() == []


@pytest.mark.parametrize("bad", [b"", b"\xff" * 50, bytes(9000), bytes(10_000_000)])
def test_what_is_no_envelope_is_a_clear_error(bad: bytes) -> None:
    with pytest.raises((FormatError, SignatureInvalid)):
        store()[0].consume_peer_record(bad, ALICE, 60.0)


def test_the_table_of_records_is_bounded() -> None:
    peers, _ = store(PeerstoreLimits(records=1))
    assert peers.consume_peer_record(record(1, A1), ALICE, 60.0)
    assert peers.consume_peer_record(record(1, A1, key=BOB_KEY), BOB, 60.0)
    assert peers.signed_peer_record(ALICE) is None
    assert peers.signed_peer_record(BOB) is not None
    assert peers.addresses(ALICE) == [A1]


def test_a_key_must_be_the_peers() -> None:
    peers, _ = store()
    with pytest.raises(SignatureInvalid, match="not that of peer"):
        peers.add_key(CAROL, BOB_KEY.public_key)
    assert peers.key(CAROL) is None
    peers.add_key(CAROL, ECDSA_KEY.public_key)
    assert peers.key(CAROL) == ECDSA_KEY.public_key
    assert peers.key(ALICE) == ALICE_KEY.public_key
    assert peers.peers() == [CAROL]


def test_an_id_that_holds_nonsense_has_no_key() -> None:
    assert store()[0].key(PeerId(b"\x00\x03abc")) is None


def test_the_table_of_keys_is_bounded() -> None:
    peers, _ = store(PeerstoreLimits(peers=2))
    keys = [PrivateKey.generate("ecdsa", lambda n, i=i: bytes([i]) * n) for i in range(3, 6)]
    for key in keys:
        peers.add_key(key.peer_id, key.public_key)
    assert [peers.key(key.peer_id) is not None for key in keys] == [False, True, True]


@pytest.mark.spec("ID-17")
def test_addresses_of_a_connected_peer_are_bounded_and_of_others_more_so() -> None:
    peers, _ = store()
    many = [Multiaddr(f"/ip4/192.0.2.1/tcp/{port}") for port in range(1, 1001)]
    peers.add_addresses(ALICE, many, math.inf)
    peers.add_addresses(BOB, many, 60.0)
    assert (len(peers.addresses(ALICE)), len(peers.addresses(BOB))) == (500, 64)


@pytest.mark.spec("ID-17")
def test_protocols_are_replaced_and_bounded() -> None:
    peers, _ = store()
    assert peers.protocols(ALICE) is None
    peers.set_protocols(ALICE, ["/a", "/b", "/a", "", "/c\n", "/" * 2000])
    assert peers.protocols(ALICE) == {"/a", "/b"}
    peers.set_protocols(ALICE, [f"/{i}" for i in range(10_000)])
    known = peers.protocols(ALICE)
    assert known is not None
    assert len(known) == 1024
    peers.set_protocols(ALICE, [])
    assert peers.protocols(ALICE) == frozenset()


def test_all_protocols_together_are_bounded() -> None:
    peers, _ = store(PeerstoreLimits(protocol_characters=100))
    peers.set_protocols(ALICE, ["/" + "a" * 59])
    peers.set_protocols(BOB, ["/" + "b" * 59])
    assert peers.protocols(ALICE) is None
    assert peers.protocols(BOB) is not None
    peers.set_protocols(BOB, ["/b"])
    peers.set_protocols(ALICE, ["/" + "a" * 59])
    assert peers.protocols(BOB) == {"/b"}


@pytest.mark.spec("ID-17")
def test_versions_are_cut_and_escaped() -> None:
    peers, _ = store()
    assert peers.metadata(ALICE) is None
    peers.set_metadata(ALICE, "x" * 1_000_000, "\x1b[31mred\r\n")
    assert peers.metadata(ALICE) == PeerMetadata("x" * 128, "\\x1b[31mred\\r\\n")


def test_the_tables_of_protocols_and_names_are_bounded() -> None:
    peers, _ = store(PeerstoreLimits(peers=2))
    for peer in (ALICE, BOB, CAROL):
        peers.set_protocols(peer, ["/a"])
        peers.set_metadata(peer, "a", "p")
    assert peers.peers() == [BOB, CAROL]
    peers.remove(BOB)
    assert peers.protocols(BOB) is None
    assert peers.metadata(BOB) is None
    assert peers.peers() == [CAROL]
