"""The way between OpenSSL's memory and the wire: records, and errors in words."""

from __future__ import annotations

import contextlib

from OpenSSL import SSL

HEADER_BYTES = 5
"""The length of a record's header, in bytes: type, version, and the length as u16 big endian."""

MAX_RECORD_BYTES = HEADER_BYTES + 16 * 1024 + 256
"""The longest record of TLS 1.3, in bytes (RFC 8446, section 5.2)."""

_KINDS = range(20, 25)
_TAKE_BYTES = 72 * 1024  # four full records, the most that one call to OpenSSL makes


def whole_records(data: memoryview, most_bytes: int) -> tuple[int, int]:
    """Return how many whole records begin `data`, and the bytes they take; those past `most_bytes` are left out.

    Raises ValueError for a header that is no record's.
    """
    end = len(data)
    start = count = 0
    while end - start >= HEADER_BYTES:
        stop = start + HEADER_BYTES + (data[start + 3] << 8 | data[start + 4])
        if data[start] not in _KINDS or data[start + 1] != 3 or stop - start > MAX_RECORD_BYTES:
            raise ValueError("not a TLS record")
        if stop > end or (count and stop > most_bytes):
            break
        start = stop
        count += 1
    return count, start


def take_sent(connection: SSL.Connection) -> bytes:
    """Return all bytes that OpenSSL wants to send."""
    taken = b""
    with contextlib.suppress(SSL.WantReadError):
        while True:
            part = connection.bio_read(_TAKE_BYTES)
            taken += part
            if len(part) < _TAKE_BYTES:
                break
    return taken


def reason_of(error: SSL.Error) -> str:
    """Return OpenSSL's own words for what went wrong, without its libraries and functions."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(entry[-1]) for entry in queue if entry and entry[-1]]
    return reasons[-1] if reasons else "TLS broke off"


def alert_in(reason: str) -> str | None:
    """Return the alert that the peer sent, if that is what the reason says."""
    before, found, alert = reason.partition(" alert ")
    return alert if found and before.startswith(("tls", "ssl")) else None
