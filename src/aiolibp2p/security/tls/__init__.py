"""libp2p TLS: TLS 1.3 between peers whose self-signed certificates prove their identities.

Spec: tls/tls.md, r0 of 2019-03-23 (3A), with connections/inlined-muxer-negotiation.md, r1. Protocol id `/tls/1.0.0`,
ALPN: the muxers in order of preference, then `libp2p`.

`TlsSecurity` is one per host, `start` gives a byte machine per connection that ends in one `Secured`, whose
`TlsCipher` seals and opens records. TLS itself is OpenSSL's, over memory: pyOpenSSL, since the standard library's ssl
cannot ask for client certificates that it does not verify. It is loaded with the first handshake.

Limits: `MAX_HANDSHAKE_BYTES` (64 KiB) from a peer before its handshake ends, `MAX_CERTIFICATE_BYTES` of its
certificate; a record holds at most 16 KiB. `MAX_OWED_BYTES` of answers to requests for new keys wait for our next
record; a peer that asks for more loses the connection.

Where we choose among what the spec allows: one certificate for the life of the host, its key P-256, unrelated to the
host's; the dialer compares the peer id while it verifies, before it sends a certificate of its own; sessions are never
resumed (OpenSSL sends tickets that nothing accepts); a peer that offers no ALPN negotiates its muxer by multistream, as
go has it; randomness is OpenSSL's own.
"""

from aiolibp2p.security.tls.limits import MAX_CERTIFICATE_BYTES, MAX_HANDSHAKE_BYTES, MAX_OWED_BYTES
from aiolibp2p.security.tls.security import TlsSecurity

__all__ = ["MAX_CERTIFICATE_BYTES", "MAX_HANDSHAKE_BYTES", "MAX_OWED_BYTES", "TlsSecurity"]
