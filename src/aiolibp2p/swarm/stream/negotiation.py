"""A stream's negotiation of its protocol, on the stream itself."""

from __future__ import annotations

import asyncio

from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.multistream import Agreed


class Negotiation:
    """A multistream machine, and whoever waits for its end. Its stream drops it once the protocol is settled."""

    __slots__ = ("_done", "_machine", "inbound")

    def __init__(self, machine: ByteMachine[Agreed], inbound: bool) -> None:
        self.inbound = inbound
        self._machine = machine
        self._done: asyncio.Future[None] | None = None

    def propose(self) -> bytes:
        """Return the initiator's first words."""
        return self._machine.start().to_send

    def receive_data(self, data: ByteString) -> Output[Agreed]:
        """Feed the peer's bytes. Raises ProtocolNotSupported, ProtocolViolation, NegotiationFailed."""
        return self._machine.receive_data(data)

    def receive_eof(self) -> None:
        """Hear that the peer ended its side. Raises NegotiationFailed."""
        self._machine.receive_eof()

    async def wait(self) -> None:
        """Wait until the protocol is settled or the stream is dead."""
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._done)

    def end(self) -> None:
        """Wake whoever waits: the protocol is settled, or the stream is dead."""
        if self._done is not None and not self._done.done():
            self._done.set_result(None)
