"""Which addresses are dialled: first what cannot or must not be is left out, then the rest is ranked."""

from __future__ import annotations

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.errors import Gated, LocalError, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.dialling.candidates import Selection
from aiolibp2p.swarm.dialling.history import NO_HISTORY, DialHistory
from aiolibp2p.swarm.dialling.ranker import RankedAddress, rank_addresses
from aiolibp2p.swarm.gates import Gates
from swarm.fakes import THEM

GOOD, BACKED_OFF, GATED = (Multiaddr(f"/ip4/1.1.1.{n}/tcp/1") for n in (1, 2, 3))
QUIC = Multiaddr("/ip4/1.1.1.1/udp/1/quic-v1")
PEER = THEM.peer_id


class Picky(Gater):
    """Allows all but one address."""

    def allow_address(self, peer: PeerId | None, address: Multiaddr) -> bool:
        return address != GATED


class Burnt:
    """A history that leaves one address alone until 7 s."""

    def refusal(self, peer: PeerId | None, address: Multiaddr, now: float) -> BaseException | None:
        return LocalError("not before 7 s") if address == BACKED_OFF and now < 7 else None

    def note(self, peer: PeerId | None, address: Multiaddr, outcome: BaseException | None, now: float) -> None: ...


def selection(gater: Gater | None = None, history: DialHistory = NO_HISTORY) -> Selection:
    return Selection(lambda address: "tcp" in address.protocols(), Gates(gater or Gater()), history, rank_addresses)


def test_what_no_transport_dials_is_left_out_with_its_reason() -> None:
    candidates = selection().select(PEER, [QUIC, GOOD, QUIC, GOOD], 0.0)
    assert [one.address for one in candidates.ranked] == [GOOD]
    ((address, error),) = candidates.refused
    assert address == QUIC
    assert isinstance(error, UnsupportedAddress)


def test_what_the_gater_or_the_history_refuses_is_left_out_with_its_reason() -> None:
    select = selection(Picky(), Burnt()).select
    candidates = select(PEER, [GATED, BACKED_OFF, GOOD], 6.0)
    assert [one.address for one in candidates.ranked] == [GOOD]
    assert [(address, type(error)) for address, error in candidates.refused] == [
        (GATED, Gated),
        (BACKED_OFF, LocalError),
    ]
    assert len(select(PEER, [GATED, BACKED_OFF, GOOD], 7.0).ranked) == 2


def test_an_address_that_ends_in_p2p_is_judged_without_it() -> None:
    named = GOOD.with_p2p(PEER.to_bytes())
    assert [one.address for one in selection().select(None, [named], 0.0).ranked] == [named]


def test_the_ranker_can_be_replaced() -> None:
    backwards = Selection(
        lambda address: True,
        Gates(Gater()),
        NO_HISTORY,
        lambda addresses: [RankedAddress(address, 0.0) for address in reversed(addresses)],
    )
    assert [one.address for one in backwards.select(None, [GOOD, QUIC], 0.0).ranked] == [QUIC, GOOD]


def test_no_history_refuses_nothing() -> None:
    NO_HISTORY.note(PEER, GOOD, OSError(), 0.0)
    assert NO_HISTORY.refusal(PEER, GOOD, 0.0) is None
