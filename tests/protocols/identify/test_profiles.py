"""What a message teaches: the peerstore, and whoever asks next."""

from __future__ import annotations

from typing import Any

import pytest

from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.protocols.identify import IdentifyMessage, IdentifyResult
from aiolibp2p.protocols.identify.profiles import (
    RECENTLY_CONNECTED_ADDRESSES,
    RECENTLY_CONNECTED_TTL_S,
    Profiles,
)
from protocols.fakes import FakeHost, join
from protocols.identify.pair import HERE, KEYS, LAN, LOOPBACK, PUBLIC, THERE, record

PEER = KEYS[1].peer_id
PUBLIC_PEER = "/ip4/203.0.113.20/tcp/4001"
LONG_S = 1e9


class Listener:
    """A host that a peer, seen at `remote`, tells things."""

    def __init__(self, remote: str = "/ip4/192.168.1.20/tcp/4001") -> None:
        self.host = FakeHost(KEYS[0])
        self.store = self.host.peerstore
        self.connection = join(self.host, FakeHost(KEYS[1]), b_address=remote)
        self.profiles = Profiles()

    def hear(self, *, connected: bool = True, **fields: Any) -> IdentifyResult:
        message = IdentifyMessage(**fields)
        return self.profiles.learn(self.store, self.connection, message, connected=connected)  # type: ignore[arg-type]

    @property
    def addresses(self) -> list[Multiaddr]:
        return self.store.addresses(PEER)


def test_each_message_adds_to_those_before_it() -> None:
    us = Listener()
    key = KEYS[1].public_key
    us.hear(agent_version="a/1", protocol_version="p/1", protocols=("/x",), public_key=key.marshal())
    us.hear(listen_addresses=(LAN,), observed_address=HERE)
    result = us.hear(agent_version="a/2")
    assert result == IdentifyResult(PEER, "a/2", "p/1", ("/x",), (LAN,), HERE, None, key)
    metadata = us.store.metadata(PEER)
    assert metadata is not None
    assert (metadata.agent_version, metadata.protocol_version) == ("a/2", "p/1")
    assert us.store.protocols(PEER) == {"/x"}


def test_a_message_that_says_nothing_teaches_nothing() -> None:
    us = Listener()
    assert us.hear() == IdentifyResult(PEER)
    assert us.store.peers() == []


@pytest.mark.spec("ID-6")
@pytest.mark.parametrize("key", [KEYS[2].public_key.marshal(), b"", b"\x08\x01garbage"])
def test_with_a_key_that_is_not_the_peers_nothing_is_learned(key: bytes) -> None:
    us = Listener()
    with pytest.raises(ProtocolViolation, match="key"):
        us.hear(public_key=key, protocols=("/evil",), listen_addresses=(LAN,), signed_peer_record=record(1, LAN))
    assert us.store.peers() == []
    assert len(us.profiles) == 0


def test_a_key_that_its_id_does_not_show_is_learned() -> None:
    rsa = PrivateKey.generate("rsa")
    us = Listener()
    us.connection.remote_peer = rsa.peer_id
    assert us.store.key(rsa.peer_id) is None
    us.hear(public_key=rsa.public_key.marshal())
    assert us.store.key(rsa.peer_id) == rsa.public_key


def test_addresses_of_connected_peers_stay_and_of_others_last_a_while() -> None:
    us = Listener()
    us.hear(listen_addresses=(LAN,))
    us.host.runtime.time += LONG_S
    assert us.addresses == [LAN]
    gone = Listener()
    gone.hear(listen_addresses=(LAN,), signed_peer_record=record(1, LAN), connected=False)
    assert gone.addresses == [LAN]
    assert len(gone.profiles) == 0
    gone.host.runtime.time += RECENTLY_CONNECTED_TTL_S
    assert gone.addresses == []


def test_of_one_who_has_gone_so_many_addresses_last_a_while() -> None:
    us = Listener()
    many = tuple(Multiaddr(f"/ip4/192.168.2.{i}/tcp/1") for i in range(200))
    us.hear(listen_addresses=many, agent_version="a/1")
    us.profiles.departed(us.store, PEER)
    assert us.addresses == list(many[:RECENTLY_CONNECTED_ADDRESSES])
    assert us.hear(protocols=("/x",)).agent_version == ""
    us.host.runtime.time += RECENTLY_CONNECTED_TTL_S
    assert us.addresses == []


def test_addresses_told_anew_take_the_place_of_those_told_before_and_of_no_others() -> None:
    us = Listener()
    us.hear(listen_addresses=(LAN,))
    us.store.add_addresses(PEER, [PUBLIC], 3600.0)
    us.hear(listen_addresses=(THERE,))
    assert us.addresses == [PUBLIC, THERE]


# Signed records


@pytest.mark.spec("ID-16")
def test_a_valid_record_counts_before_the_list() -> None:
    us = Listener()
    us.store.add_addresses(PEER, [PUBLIC], 3600.0)
    result = us.hear(listen_addresses=(HERE,), signed_peer_record=record(1, LAN))
    assert result.listen_addresses == (LAN,)
    assert us.addresses == us.store.certified_addresses(PEER) == [LAN]


@pytest.mark.spec("REC-7", "ID-16")
def test_a_legacy_record_is_as_good() -> None:
    result = Listener().hear(signed_peer_record=record(1, LAN, legacy=True))
    assert result.listen_addresses == (LAN,)
    assert result.signed_peer_record is not None


@pytest.mark.spec("ID-16", "REC-6")
@pytest.mark.parametrize("bad", [record(1, PUBLIC, key=KEYS[2]), b"garbage", bytes(7000), record(1, PUBLIC)[:-1]])
def test_with_a_bad_record_the_list_counts(bad: bytes) -> None:
    us = Listener()
    result = us.hear(listen_addresses=(LAN.with_p2p(PEER.to_bytes()),), signed_peer_record=bad)
    assert result.signed_peer_record is None
    assert result.listen_addresses == (LAN,)
    assert us.addresses == [LAN]
    assert us.store.peers() == [PEER]


@pytest.mark.spec("REC-8")
def test_an_equal_seq_with_other_addresses_is_not_taken() -> None:
    us = Listener()
    us.hear(signed_peer_record=record(5, LAN))
    assert us.hear(signed_peer_record=record(5, PUBLIC)).listen_addresses == (LAN,)
    assert us.addresses == [LAN]
    result = us.hear(signed_peer_record=record(5, PUBLIC), listen_addresses=(THERE,))
    assert result.signed_peer_record is None
    assert us.addresses == [THERE]
    assert us.hear(signed_peer_record=record(5, LAN)).signed_peer_record is not None


def test_addresses_that_do_not_lead_there_from_here_are_not_believed() -> None:
    us = Listener(PUBLIC_PEER)
    assert us.hear(listen_addresses=(LOOPBACK, LAN, PUBLIC)).listen_addresses == (PUBLIC,)
    assert us.hear(signed_peer_record=record(1, LOOPBACK, LAN, PUBLIC)).listen_addresses == (PUBLIC,)
    assert us.addresses == [PUBLIC]


def test_over_loopback_loopback_addresses_count_beside_the_record() -> None:
    us = Listener("/ip4/127.0.0.1/tcp/2")
    result = us.hear(listen_addresses=(LOOPBACK, PUBLIC), signed_peer_record=record(1, LAN))
    assert result.listen_addresses == (LAN, LOOPBACK)
    assert us.store.certified_addresses(PEER) == [LAN]
