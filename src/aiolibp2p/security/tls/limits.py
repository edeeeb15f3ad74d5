"""What a peer may cost us before it has proven who it is."""

from __future__ import annotations

MAX_HANDSHAKE_BYTES = 64 * 1024
"""What a peer may send before its handshake is complete: some ten times what one with an RSA-8192 identity needs."""

MAX_CERTIFICATE_BYTES = 16 * 1024
"""Of a peer's certificate; one with an RSA-8192 identity needs some 2.5 KiB."""

MAX_OWED_BYTES = 1024
"""Answers of TLS itself that wait for our next record: to some 38 requests for new keys."""
