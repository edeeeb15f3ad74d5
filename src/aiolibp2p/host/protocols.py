"""The protocols that a host serves, set by its user and by its services."""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.host import OfferedOn
from aiolibp2p.abc.services.context import StreamLimits
from aiolibp2p.abc.stream import StreamHandler
from aiolibp2p.assembly import Parts


class Protocols:
    """Sets and removes handlers; `changed(offered_elsewhere)` is called after each change.

    `offered_elsewhere` is True when a protocol is now offered on other connections than before.
    """

    def __init__(self, parts: Parts, changed: Callable[[bool], None]) -> None:
        self._handlers = parts.handlers
        self._changed = changed
        self._served: dict[str, object] = {}

    def serve(
        self,
        protocol_id: str,
        handler: StreamHandler,
        match: Callable[[str], bool] | None = None,
        offered_on: OfferedOn | None = None,
        limits: StreamLimits | None = None,
        service: str = "",
    ) -> object:
        """Serve a protocol, in place of whoever served it; what to `drop` it by. Raises ConfigError for a bad id."""
        offered_elsewhere = self._handlers.add(protocol_id, handler, match, offered_on, limits, service)
        registration = self._served[protocol_id] = object()
        self._changed(offered_elsewhere)
        return registration

    def drop(self, protocol_id: str, registration: object) -> None:
        """Serve it no longer, unless it is served for somebody else by now."""
        if self._served.get(protocol_id) is registration:
            self.remove(protocol_id)

    def remove(self, protocol_id: str) -> None:
        """Serve it no longer, whoever set it. Streams that run go on."""
        self._served.pop(protocol_id, None)
        # One offered on some connections may be back, on others, before anybody is told that it was gone.
        offered_elsewhere = self._handlers.is_limited(protocol_id)
        if self._handlers.remove(protocol_id):
            self._changed(offered_elsewhere)
