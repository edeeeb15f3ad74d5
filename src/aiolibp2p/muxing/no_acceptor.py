"""What takes the place of a dead session's connection: parted from each other, both are freed at once."""

from __future__ import annotations

from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink


class NoAcceptor(StreamAcceptor):
    """Refuses every stream, and does nothing about anything it is told."""

    def accept(self, stream_id: int) -> StreamSink | None:
        return None

    def room_for_streams(self) -> None:
        return

    def goodbye_received(self, code: int) -> None:
        return

    def idle(self) -> None:
        return


NO_ACCEPTOR: StreamAcceptor = NoAcceptor()
