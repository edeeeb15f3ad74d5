"""Runs upgrades over raw connections: one deadline each, and a limit on those that are half open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from aiolibp2p.abc.connection import RawConnection
from aiolibp2p.abc.muxer import Muxer
from aiolibp2p.abc.security import Role, Security
from aiolibp2p.errors import HandshakeFailed, LimitExceeded, TimeoutExpired
from aiolibp2p.io.buffers import SharedBuffers
from aiolibp2p.io.driver import Driver
from aiolibp2p.peer.keys import KeyType
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connection import Connection, ConnectionContext
from aiolibp2p.swarm.dialer import forget_outcome
from aiolibp2p.swarm.upgrade import Upgrade, Upgraded, UpgradePlan


@dataclass(frozen=True)
class UpgraderConfig:
    """Limits of upgrades."""

    timeout_s: float = 10.0
    """From the first byte on the wire to the muxer, both handshakes included."""
    max_half_open: int = 128
    """Inbound connections in upgrade; past it the oldest silent one goes."""
    key_types: Collection[KeyType] = tuple(KeyType)
    """The kinds of keys that peers and the host itself may have. Without Ed25519 few peers are left."""


@dataclass(frozen=True)
class Intent:
    """How to upgrade one raw connection."""

    role: Role
    is_outbound: bool
    expected_peer: PeerId | None = None
    optimistic: bool = True


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
        self._intent = intent
        self._settle = settle
        self._connection: Connection | None = None
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
        plan = self._upgrader.plan(self._intent.optimistic)
        upgrade = Upgrade(self._intent.role, plan, self._intent.expected_peer)
        self._driver.run_machine(upgrade, self._upgraded)

    def abort(self, error: BaseException) -> None:
        """Give up."""
        self._driver.abort(error)

    def _too_slow(self) -> None:
        limit = self._upgrader.config.timeout_s
        self._driver.abort(TimeoutExpired(f"the connection was not set up within {limit:g} s"))

    def _upgraded(self, upgraded: Upgraded) -> None:
        context = self._upgrader.context
        if upgraded.secured.remote_peer == context.local_peer:
            raise HandshakeFailed("the host dialled itself")
        connection = Connection(context, self._raw, self._driver, upgraded, self._intent.is_outbound)
        connection.start(self._intent.role, self._upgrader.muxers[upgraded.muxer])
        self._connection = connection
        self._over()
        self._upgrader.established(connection)
        self._settle(connection)

    def _lost(self, error: BaseException) -> None:
        if self._connection is not None:
            self._connection.lost(error)
            return
        self._over()
        self._settle(error)

    def _over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._upgrader.over(self)


class Upgrader:
    """Upgrades raw connections in both directions."""

    def __init__(
        self,
        context: ConnectionContext,
        securities: list[Security],
        muxers: dict[str, Muxer],
        config: UpgraderConfig,
        established: Callable[[Connection], None],
    ) -> None:
        self.context = context
        self.muxers = muxers
        self.config = config
        self.established = established
        """Told of each connection the moment it stands."""
        self._plans = {
            optimistic: UpgradePlan(securities, tuple(muxers), optimistic, config.key_types)
            for optimistic in (True, False)
        }
        self._half_open: dict[PendingUpgrade, None] = {}

    @cached_property
    def buffers(self) -> SharedBuffers:
        """Made with the first raw connection."""
        return SharedBuffers()

    def plan(self, optimistic: bool) -> UpgradePlan:
        """What is offered."""
        return self._plans[optimistic]

    def accept(self, raw: RawConnection) -> None:
        """Upgrade an inbound connection; a failure is nobody's business but the peer's."""
        pending = PendingUpgrade(self, raw, Intent(Role.RESPONDER, is_outbound=False), _ignore)
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

        pending = PendingUpgrade(self, raw, intent, settle)
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


def _ignore(outcome: Connection | BaseException) -> None:
    pass
