"""One raw connection on its way: the machine, the driver that feeds it, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import HandshakeFailed, ProtocolNotSupported, RemoteError, TimeoutExpired
from aiolibp2p.io.buffers import SharedBuffers
from aiolibp2p.io.driver import Driver
from aiolibp2p.multistream import OptimisticRefused
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, Upgraded
from aiolibp2p.swarm.upgrade.upgraded_connection import UpgradedConnection

Settle: TypeAlias = Callable[[Connection | BaseException], None]
"""Called once, with the connection that an upgrade became, or with what ended it."""


@dataclass(frozen=True)
class UpgradeEnds:
    """The muxers and the connection that an upgrade leads to."""

    muxers: Mapping[str, Muxer]
    """The muxers that were offered, by protocol id."""
    make: Callable[[Carrier, bool, ConnectionScope], Connection]
    """Makes a connection of a carrier, whether we are its initiator, and keeps the scope, even when it raises."""
    now: Callable[[], float]
    """The clock of muxer sessions, `Runtime.now`, in seconds."""
    is_private: bool
    """Whether connections are protected by a key that peers must have, too."""


class PendingUpgrade:
    """One raw connection from its first byte until it is a `Connection`; it keeps the scope until then.

    The driver calls back into this object synchronously, from within the feeding of the peer's bytes. Whatever is
    raised there ends the connection by way of `Driver.fail`, which sends what is pending, and then `_lost`.
    """

    def __init__(
        self,
        raw: RawConnection,
        upgrade: Upgrade,
        buffers: SharedBuffers,
        ends: UpgradeEnds,
        scope: ConnectionScope,
        settle: Settle,
    ) -> None:
        self._raw = raw
        self._upgrade: Upgrade | None = upgrade
        """The upgrade itself; None once it is over: a connection that stands keeps nothing of its handshake."""
        self._ends = ends
        self._scope = scope
        self._settle = settle
        self._carrier: UpgradedConnection | None = None
        self._driver = Driver(raw, buffers, self._lost)

    @property
    def is_silent(self) -> bool:
        """Whether the peer has not sent a byte."""
        return not self._driver.heard

    def start(self) -> None:
        """Begin the upgrade, which may be over before this returns."""
        if self._upgrade is not None:
            self._driver.run_machine(self._upgrade, self._upgraded)

    def abort(self, error: BaseException) -> None:
        """End the upgrade at once."""
        self._driver.abort(error)

    def _upgraded(self, upgraded: Upgraded) -> None:
        self._upgrade = None
        muxer = self._ends.muxers[upgraded.muxer]
        # Known from here on: streams may come behind the upgrade, in the same bytes, and break the connection again
        # before `make` returns. Then `_lost` must find the carrier, or its connection would never hear of its end.
        carrier = self._carrier = UpgradedConnection(
            self._raw, self._driver, upgraded, muxer, self._scope, self._ends.now
        )
        connection = self._ends.make(carrier, upgraded.role is Role.INITIATOR, self._scope)
        self._end(connection)

    def _lost(self, error: BaseException) -> None:
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            carrier.lost(error)
        else:
            self._scope.done()
        self._end(self._explained(error))

    def _end(self, outcome: Connection | BaseException) -> None:
        # Dropped: whoever waits for us is referred to no longer than it waits.
        settle, self._settle = self._settle, _nobody_waits
        settle(outcome)

    def _explained(self, error: BaseException) -> BaseException:
        if self._upgrade is None:
            return error
        understood = self._upgrade.has_security or isinstance(error, ProtocolNotSupported | OptimisticRefused)
        if understood or not self._ends.is_private or not isinstance(error, RemoteError | TimeoutExpired):
            return error
        return HandshakeFailed(f"the peer is not in this private network, or has another key ({error})")


def _nobody_waits(outcome: Connection | BaseException) -> None:
    """Do nothing: the outcome was told already."""
