"""What every connection passes before it carries streams, and what is left of one that does not."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.layers.streams import StreamAcceptor
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import Gated, HandshakeFailed, LimitExceeded, ProtocolViolation
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import KeyType, PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.connections.maker import ConnectionMaker
from swarm.fakes import ECHO, THEM, THERE, US, Bench, FakeCarrier, Ledger, accept, turns


class Workshop:
    """A maker and its surroundings."""

    def __init__(self, bench: Bench | None = None, key_types: Collection[KeyType] = tuple(KeyType)) -> None:
        self.bench = bench or Bench()
        self.standing: list[Connection] = []
        self.maker = ConnectionMaker(self.bench.context(), self.bench.gates, key_types, self.standing.append)

    def take(self, carrier: FakeCarrier, is_dialled: bool = True) -> Connection:
        scope = self.bench.ledger.open_connection(not is_dialled, THERE)
        return self.maker.take(carrier, scope, is_dialled)


async def test_it_is_known_before_it_is_opened() -> None:
    shop, carrier = Workshop(), FakeCarrier()
    known: list[bool] = []
    carrier.early = lambda acceptor: known.append(bool(shop.standing))
    connection = shop.take(carrier)
    assert (shop.standing, known, carrier.is_open, connection.is_outbound) == ([connection], [True], True, True)
    assert shop.bench.ledger.calls == [f"connection to {THERE}", f"peer {THEM.peer_id}"]
    await connection.close()
    assert shop.bench.ledger.is_balanced


async def test_one_whose_first_bytes_break_it_ends_as_any_other_does() -> None:
    """Streams may come in the same bytes as the violation: their handlers must not outlive the connection."""
    shop, carrier = Workshop(), FakeCarrier()
    ends: list[str] = []

    async def handler(stream: object) -> None:
        ends.append("ran")

    shop.bench.handlers.add(ECHO, handler)

    def early(acceptor: StreamAcceptor) -> None:
        assert isinstance(acceptor, Connection)
        accept(acceptor)
        raise ProtocolViolation("nonsense")

    carrier.early = early
    with pytest.raises(ProtocolViolation):
        shop.take(carrier)
    assert [connection for connection, _ in shop.bench.ended] == shop.standing
    assert isinstance(carrier.ended_by, ProtocolViolation)
    await turns()
    assert (len(shop.bench.tasks), shop.bench.ledger.is_balanced) == (0, True)


@pytest.mark.parametrize("is_dialled", [True, False])
async def test_the_host_itself_is_turned_away(is_dialled: bool) -> None:
    shop, carrier = Workshop(), FakeCarrier(US)
    with pytest.raises(HandshakeFailed, match="dialled itself"):
        shop.take(carrier, is_dialled)
    assert isinstance(carrier.ended_by, HandshakeFailed)
    assert (shop.standing, shop.bench.ended, shop.bench.ledger.is_balanced) == ([], [], True)


async def test_a_key_of_a_type_that_is_not_allowed_is_turned_away() -> None:
    shop, carrier = Workshop(key_types=(KeyType.ED25519,)), FakeCarrier(PrivateKey.generate("secp256k1"))
    with pytest.raises(HandshakeFailed, match="secp256k1, which key_types does not allow"):
        shop.take(carrier)
    assert shop.bench.ledger.is_balanced


async def test_a_peer_with_too_many_connections_is_turned_away() -> None:
    shop, carrier = Workshop(Bench(ledger=Ledger(refuses=("peer",)))), FakeCarrier()
    with pytest.raises(LimitExceeded):
        shop.take(carrier)
    assert isinstance(carrier.ended_by, LimitExceeded)
    assert shop.bench.ledger.is_balanced


class Choosy(Gater):
    """Says no at one gate."""

    def __init__(self, gate: str) -> None:
        self._gate = gate
        self.asked: list[str] = []

    def allow_secured(self, peer: PeerId, remote: Multiaddr, is_outbound: bool) -> bool:
        self.asked.append("secured")
        return self._gate != "secured"

    def allow_upgraded(self, connection: MuxedConnection) -> bool:
        assert (connection.remote_peer, connection.stream_count) == (THEM.peer_id, 0)
        self.asked.append("upgraded")
        return self._gate != "upgraded"


@pytest.mark.parametrize("gate", ["secured", "upgraded"])
async def test_the_gater_is_asked_twice_and_nobody_hears_of_whom_it_refuses(gate: str) -> None:
    gater = Choosy(gate)
    shop, carrier = Workshop(Bench(gater=gater)), FakeCarrier()
    with pytest.raises(Gated):
        shop.take(carrier)
    assert gater.asked == ["secured", "upgraded"][: 1 if gate == "secured" else 2]
    assert isinstance(carrier.ended_by, Gated)
    assert (carrier.is_open, shop.standing, shop.bench.ended) == (False, [], [])
    assert shop.bench.ledger.is_balanced
