"""Limits on what a peer may cost us before it has proven who it is."""

from __future__ import annotations

MAX_HANDSHAKE_BYTES = 64 * 1024
"""The most bytes of a peer before its handshake is complete: some ten times what an RSA-8192 identity needs."""

MAX_CERTIFICATE_BYTES = 16 * 1024
"""The longest certificate of a peer that is read, in bytes; one with an RSA-8192 identity needs some 2.5 KiB."""

MAX_OWED_BYTES = 1024
"""The most bytes of TLS's own answers that wait for our next record: those to some 38 requests for new keys."""
