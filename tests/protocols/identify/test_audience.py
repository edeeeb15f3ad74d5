from __future__ import annotations

from aiolibp2p.protocols.identify import PUSH_ID
from aiolibp2p.protocols.identify.audience import Audience, PushRounds
from protocols.fakes import FakeConnection, FakeHost, join
from protocols.identify.pair import KEYS

PEER = KEYS[1].peer_id


class Room:
    """A host with one connection to each of three peers, all of which take pushes."""

    def __init__(self) -> None:
        self.us = FakeHost(KEYS[0])
        self.peers = [FakeHost(key) for key in KEYS[1:]]
        self.connections = [join(self.us, peer) for peer in self.peers]
        for peer in self.peers:
            self.us.peerstore.set_protocols(peer.peer_id, [PUSH_ID])
        self.audience = Audience()

    def to_be_told(self, revision: int) -> list[FakeConnection]:
        return self.audience.to_be_told(self.us.connections(), revision, self.us.peerstore)  # type: ignore[arg-type, return-value]


def test_whoever_has_not_heard_the_revision_is_to_be_told() -> None:
    room = Room()
    room.audience.join(room.peers[0].peer_id)
    room.audience.heard(room.peers[0].peer_id, 1)
    assert room.to_be_told(1) == room.connections[1:]
    for peer in room.peers:
        room.audience.heard(peer.peer_id, 2)
    assert room.to_be_told(2) == []
    assert room.to_be_told(3) == room.connections


def test_a_peer_is_told_on_its_first_open_connection_only() -> None:
    room = Room()
    second = join(room.us, room.peers[0])
    assert room.to_be_told(1) == room.connections
    room.connections[0].is_closed = True
    assert room.to_be_told(1) == [*room.connections[1:], second]


def test_whoever_takes_no_pushes_or_is_not_known_yet_is_not_told() -> None:
    room = Room()
    room.us.peerstore.set_protocols(room.peers[0].peer_id, ["/other"])
    room.us.peerstore.remove(room.peers[1].peer_id)
    assert room.to_be_told(1) == room.connections[2:]


def test_an_older_revision_does_not_take_the_place_of_a_newer() -> None:
    audience = Audience()
    audience.join(PEER)
    audience.heard(PEER, 3)
    audience.heard(PEER, 2)
    audience.join(PEER)
    assert not audience.missed_a_change(PEER, 3)
    assert audience.missed_a_change(PEER, 4)


def test_whoever_heard_nothing_missed_nothing() -> None:
    audience = Audience()
    assert not audience.missed_a_change(PEER, 5)
    audience.join(PEER)
    assert not audience.missed_a_change(PEER, 5)


def test_what_is_told_to_one_who_has_left_is_not_remembered() -> None:
    audience = Audience()
    audience.join(PEER)
    assert audience.leave(PEER)
    assert not audience.leave(PEER)
    audience.heard(PEER, 1)
    assert audience.peers == []
    audience.join(PEER)
    assert not audience.missed_a_change(PEER, 2)


def test_one_round_follows_what_fell_due_during_another() -> None:
    rounds = PushRounds()
    assert rounds.due()
    rounds.begin()
    assert rounds.next()
    assert [rounds.due(), rounds.due()] == [False, False]
    assert [rounds.next(), rounds.next()] == [True, False]
    rounds.end()
    assert rounds.due()


def test_what_falls_due_before_the_first_round_goes_with_it() -> None:
    rounds = PushRounds()
    rounds.due()
    rounds.begin()
    assert not rounds.due()
    assert [rounds.next(), rounds.next()] == [True, False]


def test_rounds_given_up_do_not_keep_others_from_beginning() -> None:
    rounds = PushRounds()
    rounds.due()
    rounds.begin()
    rounds.next()
    rounds.due()
    rounds.end()
    assert rounds.due()
