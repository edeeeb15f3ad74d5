"""SECIO: what secured libp2p before TLS and Noise. Deprecated; only for peers that speak nothing newer.

WARNING: it is off unless a host asks for it by name. It was written for libp2p alone and never had the review that
TLS and Noise had; frames are numbered by nothing but the key stream's position.

Spec: secio/README.md, r1 of 2021-03-26 (3D). Protocol id `/secio/1.0.0`. We offer ECDH on P-256, P-384 and P-521,
AES-256 and AES-128 in counter mode, HMAC over SHA-256 and SHA-512; never Blowfish or SHA-1, which old peers may list.

`SecioSecurity` is one per host, `start` gives a byte machine per connection that ends in one `Secured`, whose
`SecioCipher` seals and opens the frames. Both sides say the same things at the same time, so roles play no part.

Limits: a handshake message has at most `MAX_HANDSHAKE_MESSAGE_BYTES` (16 KiB; the largest RSA identity needs some
1.2 KiB). A frame has at most `MAX_FRAME_BYTES` (2 MiB), sent or received.

Where we differ, and where the spec leaves room:
- The spec allows frames just short of 8 MiB. Its peers put each write of their muxer into one frame, and the longest
  of those is an mplex message of 1 MiB. A frame is delivered only when it is whole and authentic, so the limit is what
  a peer can make us keep: twice the longest is enough.
- The shared secret is the X coordinate without leading zero bytes, as go makes it; see `ephemeral.py`.
- A nonce that is not 16 bytes long, a compressed point, and a prologue (ConfigError) are refused.
"""

from aiolibp2p.security.secio.cipher import MAX_FRAME_BYTES, PREFERRED_PLAINTEXT_BYTES, SecioCipher
from aiolibp2p.security.secio.handshake import SecioHandshake, SecioSecurity
from aiolibp2p.security.secio.messages import MAX_HANDSHAKE_MESSAGE_BYTES, NONCE_BYTES
from aiolibp2p.security.secio.offer import CIPHERS, EXCHANGES, HASHES, Offer

__all__ = [
    "CIPHERS",
    "EXCHANGES",
    "HASHES",
    "MAX_FRAME_BYTES",
    "MAX_HANDSHAKE_MESSAGE_BYTES",
    "NONCE_BYTES",
    "PREFERRED_PLAINTEXT_BYTES",
    "Offer",
    "SecioCipher",
    "SecioHandshake",
    "SecioSecurity",
]
