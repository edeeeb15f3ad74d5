"""Noise: the handshake pattern XX with libp2p identities, and the encrypted frames behind it.

Spec: noise/README.md, r5 of 2022-12-07 (3A), with connections/inlined-muxer-negotiation.md, r1.
Protocol id `/noise`; Noise protocol `Noise_XX_25519_ChaChaPoly_SHA256`.

`NoiseSecurity` is one per host, `start` gives a byte machine per connection that ends in one `Secured`,
whose `NoiseCipher` seals and opens the frames.

Limits: a handshake message has at most `MAX_HANDSHAKE_MESSAGE_BYTES` (16 KiB, far above what the largest
RSA identity needs); a frame seals at most `MAX_PLAINTEXT_BYTES` (65519) bytes, and we fill them only to
`PREFERRED_PLAINTEXT_BYTES` (65280), where ChaCha20-Poly1305 is a third faster; a key ends after 2^64 - 1
frames.

Where we choose among what the spec allows: the X25519 static key is made once per `NoiseSecurity` and its
signature reused (it never leaves memory); the initiator checks the responder's identity, the expected peer
id and the muxers before it sends anything of its own; a first message with a payload is refused; muxer
lists without a common entry fail the handshake, as the spec says and go does not.
"""

from aiolibp2p.security.noise.cipher import MAX_PLAINTEXT_BYTES, PREFERRED_PLAINTEXT_BYTES, NoiseCipher
from aiolibp2p.security.noise.handshake import MAX_HANDSHAKE_MESSAGE_BYTES, NoiseHandshake, NoiseSecurity

__all__ = [
    "MAX_HANDSHAKE_MESSAGE_BYTES",
    "MAX_PLAINTEXT_BYTES",
    "PREFERRED_PLAINTEXT_BYTES",
    "NoiseCipher",
    "NoiseHandshake",
    "NoiseSecurity",
]
