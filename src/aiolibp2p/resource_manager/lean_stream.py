"""The scope of a stream where nothing but connections has limits, as by default: a quarter of the work. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from aiolibp2p.abc.services.resources import ALWAYS, StreamScope
from aiolibp2p.errors import LimitExceeded
from aiolibp2p.resource_manager.account import HANDLERS, SERVED, STREAM, Account

if TYPE_CHECKING:
    from aiolibp2p.resource_manager.scopes import CountedConnection

_INBOUND, _OUTBOUND = STREAM[True], STREAM[False]


class LeanStream(StreamScope):
    """The scope of one stream that is charged to its connection's account alone; it behaves as `CountedStream` does."""

    __slots__ = ("_account", "_connection", "held", "inbound", "is_done", "protocol_id", "service")

    def __init__(self, connection: CountedConnection, account: Account, inbound: bool) -> None:
        """Raises LimitExceeded when there are too many streams already."""
        own, total = _INBOUND if inbound else _OUTBOUND
        used, most = account.used, account.most
        if used[own] >= most[own] or used[total] >= most[total]:
            account.check((own, total))
        used[own] += 1
        used[total] += 1
        self.inbound = inbound
        self.protocol_id: str | None = None
        self.service: str | None = None
        self.held = 0
        """Bytes reserved here and not released."""
        self.is_done = False
        self._account = account
        self._connection = connection

    def __str__(self) -> str:
        what = f" of {self.protocol_id}" if self.protocol_id is not None else ""
        return f"stream{what} on {self._connection}"

    def reserve(self, n: int, priority: int = ALWAYS) -> None:
        if self.is_done or n < 0:
            self._misused(f"{n} bytes cannot be reserved")
        account = self._account
        if account.counts_memory:
            if account.memory + n > account.most_memory * (priority + 1) >> 8:
                raise account.no_memory(n, priority)
            account.memory += n
        self.held += n

    def release(self, n: int) -> None:
        if not 0 <= n <= self.held:
            if self.is_done:
                return
            raise ValueError(f"{n} bytes released of {self.held} that {self} holds")
        if self._account.counts_memory:
            self._account.memory -= n
        self.held -= n

    def set_protocol(self, protocol_id: str) -> None:
        if self.is_done or self.protocol_id is not None:
            self._misused(f"the protocol of {self} is known already")
        if self.inbound:
            account = self._account
            if account.used[HANDLERS] >= account.most[HANDLERS]:
                account.check(SERVED)
            account.used[HANDLERS] += 1
        self.protocol_id = protocol_id

    def set_service(self, name: str) -> None:
        if self.is_done or self.protocol_id is None or self.service is not None:
            self._misused(f"the service of {self} is set once, after its protocol")
        self.service = name

    def done(self) -> None:
        if self.is_done:
            return
        self.is_done = True
        account = self._account
        used = account.used
        own, total = _INBOUND if self.inbound else _OUTBOUND
        used[own] -= 1
        used[total] -= 1
        if self.inbound and self.protocol_id is not None:
            used[HANDLERS] -= 1
        if self.held and account.counts_memory:
            account.memory -= self.held
        self.held = 0
        self._connection.forget(self)

    def _misused(self, what: str) -> NoReturn:
        if self.is_done:
            raise LimitExceeded(f"{self} has ended and may hold nothing more")
        raise ValueError(what)
