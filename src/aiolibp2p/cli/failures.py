"""Errors in one line, with the way out."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiolibp2p.errors import DialFailed

MAX_MESSAGE_LENGTH = 8192
"""The most characters of a message; one that names many addresses is long."""

_LISTEN_ADVICE = {
    errno.EADDRINUSE: "take another port, or 0 for a free one",
    errno.EACCES: "ports below 1024 are often reserved: take a higher one, or 0 for a free one",
    errno.EADDRNOTAVAIL: "this machine does not have that address; /ip4/127.0.0.1 is itself, /ip4/0.0.0.0 all it has",
}

_NOT_A_MEMBER = "not in this private network"
"""The words with which the swarm says that a peer answers in noise."""

_TCP_WORKS = "TCP works, as in /ip4/127.0.0.1/tcp/{0} or /ip6/::1/tcp/{0}"


class UsageError(Exception):
    """The command was called the wrong way; the message says what to change."""


def explain(error: BaseException) -> str:
    """Return the message of an error and, where there is one, the way out; one line, without control characters."""
    from aiolibp2p.wire.printable import printable

    text = _text(error)
    advice = _advice(error)
    return printable(" ".join(f"{text}; {advice}".split() if advice else text.split()), MAX_MESSAGE_LENGTH)


def _text(error: BaseException) -> str:
    from aiolibp2p.errors import Libp2pError

    if isinstance(error, OSError) and not isinstance(error, Libp2pError) and error.strerror:
        # Without its number; ours have said already what it was about.
        return error.strerror.lower() + (f": {error.filename!r}" if error.filename is not None else "")
    return str(error) or type(error).__name__


def _advice(error: BaseException) -> str:
    from aiolibp2p.errors import DialFailed, ListenFailed, ProtocolNotSupported, UnsupportedAddress

    if isinstance(error, DialFailed):
        return _dial_advice(error)
    if isinstance(error, ListenFailed):
        return _LISTEN_ADVICE.get(_errno(error), "")
    if isinstance(error, UnsupportedAddress):
        return _TCP_WORKS.format(0)
    if isinstance(error, ProtocolNotSupported):
        return "p2p identify ADDRESS lists what the peer speaks"
    return ""


def _dial_advice(error: DialFailed) -> str:
    from aiolibp2p.errors import (
        ConnectionLost,
        NegotiationFailed,
        PeerIdMismatch,
        ProtocolNotSupported,
        ProtocolViolation,
        TimeoutExpired,
        UnsupportedAddress,
    )

    reasons = [reason for _, reason in error.attempts]
    if not reasons:
        return "put where it listens before its id: /ip4/.../tcp/.../p2p/..."
    for reason in reasons:
        if isinstance(reason, PeerIdMismatch):
            return f"if it is {reason.actual} you want, end the address in /p2p/{reason.actual}"
    if all(_errno(reason) == errno.ECONNREFUSED for reason in reasons):
        return "nothing listens on that port: is the node running, and is it the port it printed?"
    if all(isinstance(reason, TimeoutExpired) for reason in reasons):
        return "a firewall may be in the way, the machine is off, or what listens there does not speak libp2p"
    if all(isinstance(reason, UnsupportedAddress) for reason in reasons):
        return _TCP_WORKS.format(4001)
    if all(_NOT_A_MEMBER in str(reason) for reason in reasons):
        return "p2p psk FILE shows the fingerprint of a key: it must be the same at both ends"
    if all(isinstance(reason, ProtocolNotSupported) for reason in reasons):
        return "what it speaks can be chosen: --security and --muxer take names, --help lists them"
    if all(isinstance(reason, NegotiationFailed | ProtocolViolation | ConnectionLost) for reason in reasons):
        return "what answers there may speak no libp2p, or be in a private network (--psk FILE gives its key)"
    return ""


def _errno(error: BaseException) -> int:
    """Return the operating system's number for the cause of this error, 0 if it was not the operating system."""
    cause = error.__cause__
    return cause.errno or 0 if isinstance(cause, OSError) else 0
