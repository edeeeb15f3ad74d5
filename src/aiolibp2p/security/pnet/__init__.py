"""Private networks: everything on a connection, from the first byte on, is encrypted by a key that all members share.

Spec: pnet/Private-Networks-PSK-V1.md, r0 of 2017-02-17 (3A). It has no protocol id: a peer with another key, or none,
sees and sends noise. Needs the extra `aiolibp2p[pnet]`, for Salsa20.

`PreSharedKey` is the key and its file, `PskProtector` wraps raw connections: each direction is 24 bytes of nonce, then
XSalsa20. The identities are proven above it, by noise or TLS, as everywhere. Connections that come secured (QUIC and
its like) cannot be wrapped, and are refused.

Limits: a key file has at most `MAX_FILE_BYTES`; of a connection nothing is kept but the nonces. Where we choose among
what the spec leaves open: our nonce leaves at once and waits for nothing, since js and rust say nothing before they
have it, and go sends its own only with its first bytes; a peer that sends our own nonce back is a mirror, and the
connection ends; what lies behind the key in a file is refused, which go ignores.
"""

from aiolibp2p.security.pnet.connection import PskProtector
from aiolibp2p.security.pnet.key import KEY_BYTES, MAX_FILE_BYTES, PreSharedKey
from aiolibp2p.security.pnet.xsalsa20 import NONCE_BYTES

__all__ = ["KEY_BYTES", "MAX_FILE_BYTES", "NONCE_BYTES", "PreSharedKey", "PskProtector"]
