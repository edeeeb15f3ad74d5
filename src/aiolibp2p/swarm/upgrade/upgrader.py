"""Prepares upgrades of raw connections in both directions: what is offered, and to whom it leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Protector, Security
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import TimeoutExpired
from aiolibp2p.io.buffers import SharedBuffers
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import KeyType
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.upgrade.pending_upgrade import PendingUpgrade, Settle, UpgradeEnds
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, UpgradePlan


@dataclass(frozen=True)
class UpgraderConfig:
    """Limits of upgrades, and what they allow."""

    timeout_s: float = 10.0
    """Seconds from the first byte on the wire to the muxer, both handshakes included: rust gives 10 s, go 15 s."""
    key_types: Collection[KeyType] = tuple(KeyType)
    """The kinds of keys that peers and the host itself may have. Without Ed25519 few peers are left."""
    simultaneous_open: bool = False
    """Whether every dial allows for a peer that dials us at the same moment over the same ports, and knows this
    deprecated extension (connections/simopen.md): what old peers need behind NATs. It costs each dial a round trip."""


@dataclass(frozen=True)
class Layers:
    """The layers that connections are made of, in order of preference."""

    securities: Sequence[Security]
    muxers: Sequence[Muxer]
    protector: Protector | None = None
    """The key of a private network: it lies below all others, on every raw connection."""


@dataclass(frozen=True)
class UpgradeIntent:
    """The wishes of whoever has one raw connection upgraded."""

    role: Role
    peer: PeerId | None = None
    """The peer that must answer; None takes whoever does."""
    optimistic: bool = True
    """Whether to send the preferred security's first message along with its proposal."""
    simultaneous: bool = False
    """Whether an initiator allows for a peer that takes itself for the initiator, too."""
    is_dialled: bool = True
    """Whether we made the raw connection, whatever our role on it is."""


ACCEPTED = UpgradeIntent(Role.RESPONDER, is_dialled=False)
"""The wishes for connections from outside."""


@dataclass(frozen=True)
class UpgraderParts:
    """The check that upgrades pass, and the connection they lead to."""

    runtime: Runtime
    check: Callable[[PeerId, Multiaddr, bool, ConnectionScope], None]
    """Called once the peer is proven, with whether we dialled it; raises when the connection must not go on."""
    make: Callable[[Carrier, bool, ConnectionScope], Connection]
    """Makes a connection of a carrier, whether we are its initiator, and keeps the scope, even when it raises."""


class Upgrader:
    """The upgrader of raw connections in both directions."""

    def __init__(self, parts: UpgraderParts, layers: Layers, config: UpgraderConfig) -> None:
        muxers = {muxer.protocol_id: muxer for muxer in layers.muxers}
        self._parts = parts
        self._config = config
        self._ends = UpgradeEnds(muxers, parts.make, parts.runtime.now, layers.protector is not None)
        self._plans = {
            optimistic: UpgradePlan(layers.securities, tuple(muxers), optimistic, config.key_types)
            for optimistic in (True, False)
        }
        self._buffers = SharedBuffers()
        self._protector = layers.protector

    def prepare(
        self, raw: RawConnection, intent: UpgradeIntent, scope: ConnectionScope, settle: Settle
    ) -> PendingUpgrade:
        """Return an upgrade that is ready to start; from here on the scope is its own, whatever comes of it.

        Whoever prepares it keeps the time, and ends it by `abort`.
        """
        if self._protector is not None:
            raw = self._protector.protect(raw)
        check, remote = self._parts.check, raw.remote_address
        simultaneous = intent.simultaneous or self._config.simultaneous_open
        upgrade = Upgrade(
            intent.role,
            self._plans[intent.optimistic],
            intent.peer,
            self._random_u64 if simultaneous else None,
            lambda peer: check(peer, remote, intent.is_dialled, scope),
        )
        return PendingUpgrade(raw, upgrade, self._buffers, self._ends, scope, settle)

    def _random_u64(self) -> int:
        return int.from_bytes(self._parts.runtime.entropy(8))

    async def upgrade(self, raw: RawConnection, intent: UpgradeIntent, scope: ConnectionScope) -> Connection:
        """Upgrade a connection that was dialled. Raises what ended it; cancelling closes it.

        A connection that stands by the time of the cancellation stays.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Connection | BaseException] = loop.create_future()
        pending = self.prepare(raw, intent, scope, partial(_set_unless_done, done))
        limit = self._config.timeout_s
        too_slow = TimeoutExpired(f"the connection was not set up within {limit:g} s")
        timer = loop.call_later(limit, pending.abort, too_slow)
        try:
            pending.start()
            outcome = await done
        except asyncio.CancelledError as error:
            if not done.done() or done.cancelled():
                pending.abort(error)
            raise
        finally:
            timer.cancel()
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                # Or the error would hold this frame, and the frame the error: a circle that keeps the connection.
                del outcome, done, pending
        return outcome


def _set_unless_done(done: asyncio.Future[Connection | BaseException], outcome: Connection | BaseException) -> None:
    if not done.done():
        done.set_result(outcome)
