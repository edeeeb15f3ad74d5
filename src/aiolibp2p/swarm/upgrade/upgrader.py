"""Runs upgrades over raw connections: one deadline each, and a limit on those that are half open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.muxer import Muxer, MuxerSession
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Protector, Security
from aiolibp2p.abc.layers.streams import StreamAcceptor
from aiolibp2p.errors import HandshakeFailed, LimitExceeded, ProtocolNotSupported, RemoteError, TimeoutExpired
from aiolibp2p.io.buffers import SharedBuffers
from aiolibp2p.io.driver import Driver
from aiolibp2p.multistream import OptimisticRefused
from aiolibp2p.peer.keys import KeyType
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection, ConnectionContext
from aiolibp2p.swarm.dialling.dialer import forget_outcome
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, Upgraded, UpgradePlan


@dataclass(frozen=True)
class UpgraderConfig:
    """Limits of upgrades."""

    timeout_s: float = 10.0
    """From the first byte on the wire to the muxer, both handshakes included."""
    max_half_open: int = 128
    """Inbound connections in upgrade; past it the oldest silent one goes."""
    key_types: Collection[KeyType] = tuple(KeyType)
    """The kinds of keys that peers and the host itself may have. Without Ed25519 few peers are left."""
    simultaneous_open: bool = False
    """Every dial allows for a peer that dials us at the same moment over the same ports, and knows this deprecated
    extension (connections/simopen.md): what old peers need behind NATs. It costs each dial a round trip."""


@dataclass(frozen=True)
class Layers:
    """What connections are made of, in order of preference."""

    securities: Sequence[Security]
    muxers: Sequence[Muxer]
    protector: Protector | None = None
    """Of a private network: below all others, on every raw connection."""


@dataclass(frozen=True)
class Intent:
    """How to upgrade one raw connection."""

    role: Role
    expected_peer: PeerId | None = None
    optimistic: bool = True
    simultaneous_open: bool = False
    """Of an initiator: allow for a peer that is one, too."""


class UpgradedConnection(Carrier):
    """A raw connection after its upgrade: one driver, one cipher, one muxer session."""

    def __init__(self, raw: RawConnection, driver: Driver, upgraded: Upgraded, muxer: Muxer) -> None:
        self.local_address = raw.local_address
        self.remote_address = raw.remote_address
        self.remote_peer = upgraded.secured.remote_peer
        self.remote_key = upgraded.secured.remote_key
        self.security = upgraded.security
        self.muxer = upgraded.muxer
        self.early_muxer = upgraded.early_muxer
        self.flow = self._driver = driver
        self._cipher = upgraded.secured.cipher
        self._early_plaintext = upgraded.early_plaintext
        self._role = upgraded.role
        self._start_muxer = muxer.start
        self._session: MuxerSession
        self._on_lost: Callable[[BaseException], None] = _ignore

    def start(self, acceptor: StreamAcceptor, on_lost: Callable[[BaseException], None]) -> MuxerSession:
        """The muxer's session, over the driver."""
        self._on_lost = on_lost
        self._session = self._start_muxer(self._role, acceptor, self._driver)
        return self._session

    def open(self) -> None:
        """Take over from the upgrade, beginning with what came behind it."""
        early, self._early_plaintext = self._early_plaintext, b""
        self._driver.run_session(self._cipher, self._session, early)

    def close(self, reason: str) -> None:
        """End after what is pending has left."""
        self._driver.close(reason)

    def abort(self, error: BaseException) -> None:
        """End at once."""
        self._driver.abort(error)

    def lost(self, error: BaseException) -> None:
        """The raw connection is gone."""
        # It refers back to whoever started us: dropped, both are freed at once.
        on_lost, self._on_lost = self._on_lost, _ignore
        on_lost(error)


class PendingUpgrade:
    """One raw connection on its way to a `Connection`; `settle` is called once, with it or with what ended it."""

    def __init__(
        self,
        upgrader: Upgrader,
        raw: RawConnection,
        intent: Intent,
        settle: Callable[[Connection | BaseException], None],
    ) -> None:
        self._upgrader = upgrader
        self._raw = raw
        self._settle = settle
        self._carrier: UpgradedConnection | None = None
        random_u64 = upgrader.random_u64 if intent.simultaneous_open else None
        self._upgrade = Upgrade(intent.role, upgrader.plan(intent.optimistic), intent.expected_peer, random_u64)
        self._driver = Driver(raw, upgrader.buffers, self._lost)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_silent(self) -> bool:
        """The peer has not sent a byte."""
        return not self._driver.heard

    def start(self) -> None:
        """Begin; callbacks may be called before this returns."""
        limit = self._upgrader.config.timeout_s
        self._timer = asyncio.get_running_loop().call_later(limit, self._too_slow)
        self._driver.run_machine(self._upgrade, self._upgraded)

    def abort(self, error: BaseException) -> None:
        """Give up."""
        self._driver.abort(error)

    def _too_slow(self) -> None:
        limit = self._upgrader.config.timeout_s
        self._driver.abort(TimeoutExpired(f"the connection was not set up within {limit:g} s"))

    def _upgraded(self, upgraded: Upgraded) -> None:
        upgrader = self._upgrader
        carrier = UpgradedConnection(self._raw, self._driver, upgraded, upgrader.muxers[upgraded.muxer])
        connection = upgrader.begin(carrier, upgraded.role is Role.INITIATOR)
        self._carrier = carrier
        self._over()
        upgrader.established(connection)
        self._settle(connection)

    def _lost(self, error: BaseException) -> None:
        if self._carrier is not None:
            self._carrier.lost(error)
            return
        self._over()
        self._settle(self._explained(error))

    def _explained(self, error: BaseException) -> BaseException:
        understood = self._upgrade.has_security or isinstance(error, ProtocolNotSupported | OptimisticRefused)
        if understood or not self._upgrader.is_private or not isinstance(error, RemoteError | TimeoutExpired):
            return error
        return HandshakeFailed(f"the peer is not in this private network, or has another key ({error})")

    def _over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._upgrader.over(self)


class Upgrader:
    """Upgrades raw connections in both directions."""

    def __init__(
        self,
        context: ConnectionContext,
        layers: Layers,
        config: UpgraderConfig,
        established: Callable[[Connection], None],
    ) -> None:
        self.context = context
        self.muxers = {muxer.protocol_id: muxer for muxer in layers.muxers}
        self.config = config
        self.established = established
        """Told of each connection the moment it stands."""
        self._plans = {
            optimistic: UpgradePlan(layers.securities, tuple(self.muxers), optimistic, config.key_types)
            for optimistic in (True, False)
        }
        self.buffers = SharedBuffers()
        self._half_open: dict[PendingUpgrade, None] = {}
        self._protector = layers.protector

    @property
    def is_private(self) -> bool:
        """Connections are protected by a key that peers must have, too."""
        return self._protector is not None

    def _protected(self, raw: RawConnection) -> RawConnection:
        return raw if self._protector is None else self._protector.protect(raw)

    def plan(self, optimistic: bool) -> UpgradePlan:
        """What is offered."""
        return self._plans[optimistic]

    def random_u64(self) -> int:
        """The number that a simultaneous open is decided by."""
        return int.from_bytes(self.context.runtime.entropy(8))

    def begin(self, carrier: Carrier, is_outbound: bool) -> Connection:
        """Put streams on it. Raises HandshakeFailed when its other end is this very host."""
        if carrier.remote_peer == self.context.local_peer:
            raise HandshakeFailed("the host dialled itself")
        connection = Connection(self.context, carrier, is_outbound)
        connection.start()
        return connection

    def adopt(self, carrier: Carrier, is_outbound: bool) -> Connection:
        """Take a connection that needs no upgrade. Raises HandshakeFailed, and ends it, when it is not wanted."""
        kind = carrier.remote_key.kind
        try:
            if kind not in self.config.key_types:
                raise HandshakeFailed(f"the peer has a key of type {kind.name.lower()}, which key_types does not allow")
            connection = self.begin(carrier, is_outbound)
        except HandshakeFailed as error:
            carrier.abort(error)
            raise
        self.established(connection)
        return connection

    def accept(self, raw: RawConnection) -> None:
        """Upgrade an inbound connection; a failure is nobody's business but the peer's."""
        pending = PendingUpgrade(self, self._protected(raw), Intent(Role.RESPONDER), _ignore)
        if len(self._half_open) >= self.config.max_half_open:
            self._make_room()
        self._half_open[pending] = None
        pending.start()

    def _make_room(self) -> None:
        oldest = next(iter(self._half_open))
        victim = next((pending for pending in self._half_open if pending.is_silent), oldest)
        del self._half_open[victim]
        victim.abort(LimitExceeded(f"more than {self.config.max_half_open} connections are being set up"))

    async def upgrade(self, raw: RawConnection, intent: Intent) -> Connection:
        """Upgrade an outbound connection. Raises what ended it; cancelling closes it."""
        done: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

        def settle(outcome: Connection | BaseException) -> None:
            if done.done():
                return
            if isinstance(outcome, BaseException):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)

        pending = PendingUpgrade(self, self._protected(raw), intent, settle)
        pending.start()
        try:
            return await done
        except asyncio.CancelledError as error:
            pending.abort(error)
            raise
        finally:
            forget_outcome(done)

    @property
    def half_open(self) -> int:
        """Inbound connections in upgrade."""
        return len(self._half_open)

    def over(self, pending: PendingUpgrade) -> None:
        """An upgrade ended, one way or the other."""
        self._half_open.pop(pending, None)

    def close(self) -> None:
        """Give up all that is half open."""
        for pending in list(self._half_open):
            pending.abort(LimitExceeded("the host is closing"))


def _ignore(outcome: object) -> None:
    """Nobody waits for it."""
