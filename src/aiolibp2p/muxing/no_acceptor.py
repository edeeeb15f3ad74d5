"""Takes the place of a dead session's connection, which refers to the session: parted, both are freed at once."""

from __future__ import annotations

from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink


class NoAcceptor:
    """Implements `abc.layers.streams.StreamAcceptor`, and takes nothing."""

    def accept(self, stream_id: int) -> StreamSink | None:
        """No."""
        return None

    def room_for_streams(self) -> None:
        """Nobody waits."""

    def goodbye_received(self, code: int) -> None:
        """Nobody hears it."""

    def idle(self) -> None:
        """It is more than that."""


NO_ACCEPTOR: StreamAcceptor = NoAcceptor()
