"""Which handler serves which protocol."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiolibp2p.abc.stream import StreamHandler
from aiolibp2p.errors import ConfigError, NegotiationFailed

MAX_PROTOCOL_BYTES = 1000
"""A protocol id must fit a multistream message."""

Match = Callable[[str], bool]

logger = logging.getLogger("aiolibp2p")


class StreamHandlers:
    """A table of protocol ids, and of predicates for those that are many."""

    def __init__(self) -> None:
        self._handlers: dict[str, StreamHandler] = {}
        self._matches: dict[str, Match] = {}

    @property
    def protocols(self) -> list[str]:
        """The ids registered, sorted."""
        return sorted(self._handlers)

    def add(self, protocol_id: str, handler: StreamHandler, match: Match | None = None) -> None:
        """Serve `protocol_id`, and every id `match` says yes to. Raises ConfigError for an unusable id."""
        if not protocol_id or "\n" in protocol_id or len(protocol_id.encode()) > MAX_PROTOCOL_BYTES:
            raise ConfigError(f"not a protocol id: {protocol_id!r} (1 to {MAX_PROTOCOL_BYTES} bytes, one line)")
        self._handlers[protocol_id] = handler
        if match is None:
            self._matches.pop(protocol_id, None)
        else:
            self._matches[protocol_id] = match

    def remove(self, protocol_id: str) -> bool:
        """Serve it no longer; whether it was."""
        self._matches.pop(protocol_id, None)
        return self._handlers.pop(protocol_id, None) is not None

    def find(self, protocol_id: str) -> StreamHandler | None:
        """An exact match first, then the predicates in the order they were added.

        A predicate that fails is logged and raises NegotiationFailed: it costs the stream, not the connection.
        """
        handler = self._handlers.get(protocol_id)
        if handler is not None:
            return handler
        matching = (registered for registered in self._matches if self._matching(registered, protocol_id))
        registered = next(matching, None)
        return None if registered is None else self._handlers[registered]

    def _matching(self, registered: str, protocol_id: str) -> bool:
        try:
            return self._matches[registered](protocol_id)
        except Exception as error:
            logger.exception("the match function of %s failed", registered)
            raise NegotiationFailed(f"the match function of {registered} failed: {error}") from error

    def supports(self, protocol_id: str) -> bool:
        """Whether anybody serves it."""
        return protocol_id in self._handlers or (bool(self._matches) and self.find(protocol_id) is not None)
