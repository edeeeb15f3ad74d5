"""The listeners of a host: bound one by one, closed together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from aiolibp2p.abc.layers.admission import Admission
from aiolibp2p.abc.layers.transport import Listener, Transport
from aiolibp2p.errors import UnsupportedAddress
from aiolibp2p.events import Event, ListenEnded, ListenStarted
from aiolibp2p.multiformats.multiaddr import Multiaddr

logger = logging.getLogger("aiolibp2p")


class Listening:
    """Binds addresses by whichever transport can, and announces what was bound and what is no more."""

    def __init__(self, transports: Sequence[Transport], admission: Admission, emit: Callable[[Event], None]) -> None:
        self._transports = transports
        self._admission = admission
        self._emit = emit
        self._listeners: list[Listener] = []

    @property
    def addresses(self) -> list[Multiaddr]:
        """The addresses as they are bound: ports filled in, wildcards unexpanded."""
        return [address for listener in self._listeners for address in listener.addresses]

    async def listen(self, addresses: Iterable[Multiaddr]) -> None:
        """Listen on all addresses. Raises ListenFailed or UnsupportedAddress; those bound before it stay."""
        for address in addresses:
            transport = next((one for one in self._transports if one.can_listen(address)), None)
            if transport is None:
                raise UnsupportedAddress(f"no transport of this host listens on {address}")
            listener = await transport.listen(address, self._admission)
            self._listeners.append(listener)
            for bound in listener.addresses:
                self._emit(ListenStarted(bound))

    async def close(self) -> None:
        """Accept no more; connections that were accepted stay. Idempotent."""
        listeners, self._listeners = self._listeners, []
        for bound in [address for listener in listeners for address in listener.addresses]:
            self._emit(ListenEnded(bound))
        # One that fails or hangs keeps no other from closing.
        ends = await asyncio.gather(*(listener.close() for listener in listeners), return_exceptions=True)
        for listener, end in zip(listeners, ends, strict=True):
            if isinstance(end, BaseException):
                logger.warning("a listener on %s did not close: %s", ", ".join(map(str, listener.addresses)), end)
