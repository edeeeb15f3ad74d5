"""The two roles of a connection's ends."""

from __future__ import annotations

import enum


class Role(enum.Enum):
    """Who speaks first. Whoever dials is the initiator, unless the dialer says otherwise."""

    INITIATOR = "initiator"
    RESPONDER = "responder"
