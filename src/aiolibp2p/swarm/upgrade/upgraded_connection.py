"""The carrier that a raw connection is after its upgrade."""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.muxer import Muxer, MuxerSession
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSession
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.io.deadline_timer import DeadlineTimer
from aiolibp2p.io.driver import Driver
from aiolibp2p.swarm.upgrade.upgrade import Upgraded


class UpgradedConnection(Carrier):
    """A raw connection after its upgrade: one driver, one cipher, one muxer session."""

    def __init__(
        self,
        raw: RawConnection,
        driver: Driver,
        upgraded: Upgraded,
        muxer: Muxer,
        scope: ConnectionScope,
        now: Callable[[], float],
    ) -> None:
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
        self.scope = scope
        self._start_muxer = muxer.start
        self._now = now
        self._session: MuxerSession
        self._timer: DeadlineTimer | None = None
        self._on_lost: Callable[[BaseException], None] = _nobody_asks

    @property
    def rtt(self) -> float | None:
        return self._session.rtt

    def start(self, acceptor: StreamAcceptor, on_lost: Callable[[BaseException], None]) -> StreamSession:
        self._on_lost = on_lost
        self._session = self._start_muxer(self._role, acceptor, self._driver, self.scope)
        self._timer = self._driver.timer = DeadlineTimer(self._session, self._now, self._driver.abort)
        return self._session

    def open(self) -> None:
        """Take over from the upgrade, beginning with what came behind it. Raises what that breaks."""
        early, self._early_plaintext = self._early_plaintext, b""
        timer = self._timer
        self._driver.run_session(self._cipher, self._session, early)
        if timer is not None:
            timer.start()

    def close(self, reason: str) -> None:
        self._driver.close(reason)

    def abort(self, error: BaseException) -> None:
        self._driver.abort(error)

    def lost(self, error: BaseException) -> None:
        """Tell whoever put streams on the connection, if anybody did, that the raw one is gone."""
        # It refers back to whoever started us: dropped, both are freed at once.
        on_lost, self._on_lost = self._on_lost, _nobody_asks
        timer, self._timer, self._driver.timer = self._timer, None, None
        if timer is not None:
            timer.stop()
        on_lost(error)


def _nobody_asks(error: BaseException) -> None:
    """Do nothing: there are no streams on the connection yet, or no more."""
