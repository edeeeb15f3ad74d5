"""The two roles of a connection's ends."""

from __future__ import annotations

import enum


class Role(enum.Enum):
    """A side of a connection: the initiator speaks first. Whoever dials is that, unless the dialer says otherwise."""

    INITIATOR = "initiator"
    RESPONDER = "responder"
