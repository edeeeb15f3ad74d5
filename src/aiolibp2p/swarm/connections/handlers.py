"""The table of handlers: the protocol that each serves, and the connections on which it is offered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiolibp2p.abc.host import OfferedOn
from aiolibp2p.abc.services.context import StreamLimits
from aiolibp2p.abc.stream import MuxedConnection, StreamHandler
from aiolibp2p.errors import ConfigError, NegotiationFailed
from aiolibp2p.limits.peer_quota import PeerQuota

MAX_PROTOCOL_BYTES = 1000
"""Bytes of the longest protocol id: it must fit a multistream message of 1024 bytes."""

Match = Callable[[str], bool]

logger = logging.getLogger("aiolibp2p")


@dataclass(frozen=True)
class Served:
    """The handler of a protocol, with its limits."""

    handler: StreamHandler
    quota: PeerQuota | None = None
    """The streams that may be served at once, each from agreement to the end of its handler; None for any number."""
    service: str = ""
    """The service that serves it, whose limits its streams count against; "" for none."""


class StreamHandlers:
    """A table of protocol ids, with predicates for ids that are many, and for connections that an id is offered on.

    On a connection that `offered_on` says no to, a protocol is as good as not registered.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, Served] = {}
        self._matches: dict[str, Match] = {}
        self._offered_on: dict[str, OfferedOn] = {}

    @property
    def protocols(self) -> list[str]:
        """The ids that are registered, sorted, on whichever connections they are offered."""
        return sorted(self._handlers)

    def protocols_on(self, connection: MuxedConnection) -> list[str]:
        """Return the ids offered on this connection, sorted. One whose `offered_on` raises is left out, and logged."""
        if not self._offered_on:
            return self.protocols
        return [protocol_id for protocol_id in self.protocols if self._lists(protocol_id, connection)]

    def add(
        self,
        protocol_id: str,
        handler: StreamHandler,
        match: Match | None = None,
        offered_on: OfferedOn | None = None,
        limits: StreamLimits | None = None,
        service: str = "",
    ) -> bool:
        """Serve `protocol_id`, and every id `match` says yes to, on the connections that `offered_on` says yes to.

        `limits` count from now on: handlers that run already keep to those they began under. The answer is whether
        `offered_on` is another than before. Raises ConfigError for an unusable id.
        """
        if not protocol_id or "\n" in protocol_id or len(protocol_id.encode()) > MAX_PROTOCOL_BYTES:
            raise ConfigError(f"not a protocol id: {protocol_id!r} (1 to {MAX_PROTOCOL_BYTES} bytes, one line)")
        self._handlers[protocol_id] = Served(handler, _quota(limits), service)
        if match is None:
            self._matches.pop(protocol_id, None)
        else:
            self._matches[protocol_id] = match
        if offered_on is self._offered_on.get(protocol_id):
            return False
        if offered_on is None:
            del self._offered_on[protocol_id]
        else:
            self._offered_on[protocol_id] = offered_on
        return True

    def is_limited(self, protocol_id: str) -> bool:
        """Return whether a protocol is offered on some connections only."""
        return protocol_id in self._offered_on

    def remove(self, protocol_id: str) -> bool:
        """Stop serving a protocol, and return whether it was served."""
        self._matches.pop(protocol_id, None)
        self._offered_on.pop(protocol_id, None)
        return self._handlers.pop(protocol_id, None) is not None

    def find(self, protocol_id: str, connection: MuxedConnection) -> Served | None:
        """Find how a protocol is served: by an exact match first, then by the predicates in the order they were added.

        A predicate or an offered_on that fails is logged and raises NegotiationFailed: it costs the stream, not the
        connection.
        """
        served = self._handlers.get(protocol_id)
        if served is not None and self._offers(protocol_id, connection):
            return served
        # An offered_on is asked last: one that fails must not cost the streams of other protocols.
        matching = (
            registered
            for registered in self._matches
            if self._matching(registered, protocol_id) and self._offers(registered, connection)
        )
        registered = next(matching, None)
        return None if registered is None else self._handlers[registered]

    def supports(self, protocol_id: str, connection: MuxedConnection) -> bool:
        """Return whether anybody serves a protocol on this connection. Raises as `find` does."""
        if not self._offered_on and protocol_id in self._handlers:
            return True
        return bool(self._offered_on or self._matches) and self.find(protocol_id, connection) is not None

    def _matching(self, registered: str, protocol_id: str) -> bool:
        try:
            return self._matches[registered](protocol_id)
        except Exception as error:
            logger.exception("the match function of %s failed", registered)
            raise NegotiationFailed(f"the match function of {registered} failed: {error}") from error

    def _offers(self, registered: str, connection: MuxedConnection) -> bool:
        offered_on = self._offered_on.get(registered)
        if offered_on is None:
            return True
        try:
            return offered_on(connection)
        except Exception as error:
            logger.exception("what %s is offered on could not be told", registered)
            raise NegotiationFailed(f"what {registered} is offered on could not be told: {error}") from error

    def _lists(self, registered: str, connection: MuxedConnection) -> bool:
        try:
            return self._offers(registered, connection)
        except NegotiationFailed:
            return False


def _quota(limits: StreamLimits | None) -> PeerQuota | None:
    if limits is None or (limits.total is None and limits.per_peer is None):
        return None
    return PeerQuota(limits.per_peer, limits.total)
