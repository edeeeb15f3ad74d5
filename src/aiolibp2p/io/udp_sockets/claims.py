"""The handlers of one socket, and the datagrams that each gets by their first byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiolibp2p.abc.layers.datagrams import Datagram, DatagramClaim, DatagramHandler, DatagramSocket, FirstBytes
from aiolibp2p.errors import ConfigError
from aiolibp2p.io.tasks import call_guarded

BYTE_VALUES = 256
"""The number of values that the first byte of a datagram can have."""


class _Share:
    """One handler's part of a socket, held once or more."""

    __slots__ = ("batch", "handler", "holds", "values")

    def __init__(self, handler: DatagramHandler, values: tuple[int, ...]) -> None:
        self.handler: DatagramHandler | None = handler
        self.values = values
        self.holds = 0
        self.batch: list[Datagram] = []

    def hand_on(self, socket: DatagramSocket) -> None:
        batch, self.batch = self.batch, []
        if self.handler is not None:
            # What it raises is logged: whoever shares the socket gets its part all the same.
            call_guarded(self.handler.datagrams_received, socket, batch, who=self.handler, what="told of datagrams")


class _Hold(DatagramClaim):
    def __init__(self, claims: Claims, share: _Share, socket: DatagramSocket, is_listening: bool) -> None:
        self._claims: Claims | None = claims
        self._share = share
        self._socket = socket
        self._is_listening = is_listening

    @property
    def socket(self) -> DatagramSocket:
        return self._socket

    def close(self) -> None:
        claims, self._claims = self._claims, None
        if claims is not None:
            claims.give_up(self._share, self._is_listening)


class Claims:
    """The handlers of one socket. `on_unused` is called when the last of them gave up its hold."""

    def __init__(self, on_unused: Callable[[], None]) -> None:
        self.unclaimed = 0
        self.listeners = 0
        """The number of holds by handlers that want to be reached at the socket."""
        self._on_unused: Callable[[], None] | None = on_unused
        self._shares: list[_Share] = []
        self._by_first_byte: list[_Share | None] = [None] * BYTE_VALUES

    def claim(
        self, socket: DatagramSocket, handler: DatagramHandler, takes: FirstBytes, is_listening: bool
    ) -> DatagramClaim:
        """Return a hold on these bytes of `socket`. Raises ConfigError when somebody else has one of them."""
        values = first_byte_values(takes)
        share = self._share_for(socket, handler, values)
        share.holds += 1
        self.listeners += is_listening
        return _Hold(self, share, socket, is_listening)

    def _share_for(self, socket: DatagramSocket, handler: DatagramHandler, values: tuple[int, ...]) -> _Share:
        for share in self._shares:
            if share.handler is handler and share.values == values:
                return share
        for value in values:
            taken = self._by_first_byte[value]
            if taken is not None:
                raise ConfigError(
                    f"datagrams at {socket.local_address} that begin with the byte {value} already go to "
                    f"{type(taken.handler).__name__}, and cannot go to {type(handler).__name__}, too"
                )
        share = _Share(handler, values)
        self._shares.append(share)
        for value in values:
            self._by_first_byte[value] = share
        return share

    def claimed_by(self, first_byte: int) -> DatagramHandler | None:
        """Return the handler that gets datagrams which begin with this byte; None if nobody claimed it."""
        share = self._by_first_byte[first_byte]
        return None if share is None else share.handler

    def are_claimed(self, takes: FirstBytes) -> bool:
        """Return whether one handler gets all datagrams that begin with one of these bytes."""
        values = first_byte_values(takes)
        share = self._by_first_byte[values[0]]
        return share is not None and all(self._by_first_byte[value] is share for value in values)

    def give_up(self, share: _Share, is_listening: bool) -> None:
        """Take one hold off a handler's share."""
        share.holds -= 1
        self.listeners -= is_listening
        if share.holds == 0 and share.handler is not None:
            self._drop(share)
            if not self._shares and self._on_unused is not None:
                self._on_unused()

    def _drop(self, share: _Share) -> None:
        self._shares.remove(share)
        for value in share.values:
            self._by_first_byte[value] = None
        share.handler = None
        share.batch = []

    def close(self) -> None:
        """Deliver to nobody any more."""
        self._on_unused = None
        self.listeners = 0
        for share in list(self._shares):
            self._drop(share)

    def deliver(self, socket: DatagramSocket, datagrams: Sequence[Datagram]) -> None:
        """Give each handler its part of what was read."""
        by_first_byte = self._by_first_byte
        fed: list[_Share] = []
        for datagram in datagrams:
            data = datagram[0]
            share = by_first_byte[data[0]] if data else None
            if share is None:
                self.unclaimed += 1
                continue
            if not share.batch:
                fed.append(share)
            share.batch.append(datagram)
        for share in fed:
            share.hand_on(socket)


def first_byte_values(takes: FirstBytes) -> tuple[int, ...]:
    """Return the values in order. Raises ConfigError for none, one twice, or one that is no byte."""
    ranges = [takes] if isinstance(takes, range) else list(takes)
    values = sorted(value for one in ranges for value in one)
    if not values or values[0] < 0 or values[-1] >= BYTE_VALUES or len(set(values)) != len(values):
        raise ConfigError(f"{takes} are no first bytes: one range or several, apart from each other, within 0 to 255")
    return tuple(values)
