"""Every error this package raises on purpose, by whose fault it is.

Libp2pError
├── FormatError (ValueError)          text or bytes that do not parse; the room that read them knows whose they are
│   ├── IncompleteVarint              more bytes are needed (multiformats.varint)
│   └── InvalidMultiaddr              says which part of the address is wrong
│       └── UnknownProtocol           an address to skip, not to fail on (multiformats.multiaddr)
├── SignatureInvalid                  a signature, or the key that should have made it, does not hold
├── LocalError                        ours: how the package was called, or a limit of this host
│   ├── ConfigError (ValueError)
│   ├── UnsupportedAddress            no transport dials or listens on it
│   ├── ListenFailed (OSError)
│   ├── HostNotRunning (RuntimeError)
│   ├── StreamBusy (RuntimeError)     a second reader or writer at the same time
│   ├── StreamClosed                  used after we closed or reset it
│   ├── LimitedConnection             a relayed connection, and the caller did not say that it will do
│   ├── Gated                         this host's gater said no
│   └── LimitExceeded
├── RemoteError                       theirs: what a peer did, or failed to do
│   ├── ProtocolViolation             bytes or behaviour that the spec forbids
│   ├── NegotiationFailed
│   │   ├── OptimisticRefused         propose again on another connection (multistream)
│   │   └── ProtocolNotSupported
│   ├── HandshakeFailed
│   │   └── PeerIdMismatch
│   ├── Unreachable (OSError)         nobody there: refused, no route, no answer
│   ├── StreamReset
│   ├── ConnectionLost (ConnectionError)
│   ├── FetchFailed                   a peer could not look up a key (protocols.fetch)
│   └── IncompleteRead (EOFError)
├── TimeoutExpired (TimeoutError)
└── DialFailed                        every address tried, each with its own reason
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TypeVar

ErrorT = TypeVar("ErrorT", bound=Exception)


class ConnectionCode(enum.IntEnum):
    """Why a connection is closed. The numbers are go-libp2p's (core/network); no specification fixes them yet."""

    NO_ERROR = 0
    PROTOCOL_NEGOTIATION_FAILED = 0x1000
    LIMIT_EXCEEDED = 0x1001
    RATE_LIMITED = 0x1002
    PROTOCOL_VIOLATION = 0x1003
    SUPPLANTED = 0x1004
    GARBAGE_COLLECTED = 0x1005
    SHUTDOWN = 0x1006
    GATED = 0x1007
    CODE_OUT_OF_RANGE = 0x1008


class StreamCode(enum.IntEnum):
    """Why a stream is reset: what `Stream.reset` takes and `StreamReset.code` may hold. The numbers are go-libp2p's."""

    NO_ERROR = 0
    PROTOCOL_NEGOTIATION_FAILED = 0x1001
    LIMIT_EXCEEDED = 0x1002
    RATE_LIMITED = 0x1003
    PROTOCOL_VIOLATION = 0x1004
    SUPPLANTED = 0x1005
    GARBAGE_COLLECTED = 0x1006
    SHUTDOWN = 0x1007
    GATED = 0x1008
    CODE_OUT_OF_RANGE = 0x1009


def fresh(error: ErrorT) -> ErrorT:
    """Return a copy of an error that is kept, so that the copy is raised.

    An error that was raised holds the frames it passed through, and they hold its keeper: a cycle for the collector.
    """
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__
    return copy


class Libp2pError(Exception):
    """The root of the tree: catch this to catch all that the package raises on purpose."""


class FormatError(Libp2pError, ValueError):
    """Text or bytes that cannot be parsed."""


class InvalidMultiaddr(FormatError):
    """A multiaddr that does not parse.

    `text` is the address as given, `start` and `end` (character offsets) its wrong part;
    for binary input `text` is None and the offsets count bytes.
    """

    def __init__(self, reason: str, text: str | None = None, start: int = 0, end: int = 0) -> None:
        self.reason = reason
        self.text = text
        self.start = start
        self.end = end
        super().__init__(reason if text is None else f"{reason} in {text!r}")


class SignatureInvalid(Libp2pError):
    """A signature that does not verify, or a key that cannot have made it."""


class LocalError(Libp2pError):
    """Our side's fault: a wrong call, a wrong setting, or a limit of this host."""


class ConfigError(LocalError, ValueError):
    """A setting that makes no sense; the message names it and the values it takes."""


class UnsupportedAddress(LocalError):
    """No transport of this host dials or listens on that address."""


class ListenFailed(LocalError, OSError):
    """The operating system refused a listen address; the message names address and reason."""


class HostNotRunning(LocalError, RuntimeError):
    """The host was not started, or is closed."""


class StreamBusy(LocalError, RuntimeError):
    """Another task is reading (or writing) this stream at the moment."""


class StreamClosed(LocalError):
    """The stream was closed or reset on our side."""


class LimitedConnection(LocalError):
    """The connection is limited in bytes or time, as relayed ones are, and whoever asked did not allow for that."""


class Gated(LocalError):
    """The gater of this host refused a peer, an address or a connection; the message says what."""


class LimitExceeded(LocalError):
    """A limit of this host was reached; the message names the limit and its value.

    `scope` is the kind of scope that refused ("connection", "transient"), "" for a limit that belongs to none.
    """

    def __init__(self, reason: str, scope: str = "") -> None:
        self.scope = scope
        super().__init__(reason)


class RemoteError(Libp2pError):
    """The peer's fault: what it sent, or that it went away."""


class ProtocolViolation(RemoteError):
    """Bytes or behaviour that the spec forbids.

    `answer` is the code the protocol has for telling the peer (yamux GoAway, for example), or None.
    """

    def __init__(self, reason: str, answer: int | None = None) -> None:
        self.answer = answer
        super().__init__(reason)


class NegotiationFailed(RemoteError):
    """Protocol negotiation ended without agreement."""


class ProtocolNotSupported(NegotiationFailed):
    """The peer speaks none of the proposed protocols."""

    def __init__(self, protocols: Sequence[str], peer: object | None = None) -> None:
        self.protocols = tuple(protocols)
        who = "the peer" if peer is None else f"peer {peer}"
        super().__init__(f"{who} does not support {' or '.join(self.protocols) or 'any proposed protocol'}")


class HandshakeFailed(RemoteError):
    """The security handshake failed: bad keys, bad signature, bad message."""

    last_words: bytes = b""
    """The protocol's own message to the peer about the failure (an alert of TLS, for example), ready to be sent."""


class PeerIdMismatch(HandshakeFailed):
    """Somebody answered, but not the peer that was expected; both ids are named."""

    def __init__(self, expected: object, actual: object) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"expected peer {expected}, but {actual} answered")


class Unreachable(RemoteError, OSError):
    """Nobody answers at an address: refused, no route to it, or silence."""


class StreamReset(RemoteError):
    """The peer reset the stream, or its connection ended; `code` is the peer's error code, 0 for none."""

    def __init__(self, reason: str = "the peer reset the stream", code: int = 0) -> None:
        self.code = code
        super().__init__(f"{reason} (code {code})" if code else reason)


class ConnectionLost(RemoteError, ConnectionError):
    """The connection to the peer ended."""


class IncompleteRead(RemoteError, EOFError):
    """The peer closed its side before all expected bytes came; `partial` holds those that did."""

    def __init__(self, partial: bytes, expected: int) -> None:
        self.partial = partial
        self.expected = expected
        super().__init__(f"the stream ended after {len(partial)} of {expected} bytes")


class TimeoutExpired(Libp2pError, TimeoutError):
    """Something took longer than its limit; the message names both."""


class DialFailed(Libp2pError):
    """No address of the peer could be dialled.

    `attempts` holds a pair for each address tried: its text and the error that ended it.
    """

    def __init__(self, target: object, attempts: Sequence[tuple[str, BaseException]], hint: str = "") -> None:
        self.target = target
        self.attempts = tuple(attempts)
        tried = "; ".join(f"{address}: {_reason(error)}" for address, error in self.attempts)
        detail = f": {tried}" if tried else ""
        super().__init__(f"cannot reach {target}{detail}{f' ({hint})' if hint else ''}")


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
