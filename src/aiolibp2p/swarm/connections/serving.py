"""Runs the handlers of inbound streams, within their limits."""

from __future__ import annotations

from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import LimitExceeded, NegotiationFailed, StreamCode
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.swarm.connections.handlers import Served, StreamHandlers
from aiolibp2p.swarm.stream import Stream


class Serving:
    """The handlers that run on one connection. A stream past a limit is reset with StreamCode.LIMIT_EXCEEDED."""

    def __init__(self, handlers: StreamHandlers, tasks: Tasks) -> None:
        self._running: dict[Stream, None] = {}
        self._handlers = handlers
        self._tasks = tasks

    def serve(self, stream: Stream, connection: MuxedConnection) -> None:
        """Begin to serve a stream whose protocol has just been settled."""
        try:
            served = self._handlers.find(stream.protocol_id, connection)
        except NegotiationFailed as error:
            stream.fail(error)
            return
        if served is None:
            stream.reset()
            return
        try:
            self._begin(stream, served)
        except LimitExceeded as error:
            stream.fail(error, StreamCode.LIMIT_EXCEEDED)

    def _begin(self, stream: Stream, served: Served) -> None:
        if served.service:
            stream.scope.set_service(served.service)
        if served.quota is not None and not served.quota.take(stream.remote_peer):
            raise LimitExceeded(f"as many streams of {stream.protocol_id} are served as its limits allow")
        try:
            self._tasks.spawn(self._run(stream, served), f"handler of {stream.protocol_id}", stream.abandon)
        except LimitExceeded:
            if served.quota is not None:
                served.quota.give_back(stream.remote_peer)
            raise
        self._running[stream] = None

    def serves(self, stream: Stream) -> bool:
        """Whether a handler runs for the stream, which may have finished before it does."""
        return stream in self._running

    async def _run(self, stream: Stream, served: Served) -> None:
        try:
            await served.handler(stream)
            await stream.close()
        finally:
            self._running.pop(stream, None)
            # Until now the stream counted as served: a peer that resets its streams piles up no handlers.
            stream.scope.done()
            if served.quota is not None:
                served.quota.give_back(stream.remote_peer)
