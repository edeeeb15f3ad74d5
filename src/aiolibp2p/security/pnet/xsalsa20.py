"""XSalsa20 as a stream; a connection has one for each direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ConfigError
from aiolibp2p.security.pnet.salsa20 import hsalsa20

if TYPE_CHECKING:
    from Cryptodome.Cipher.Salsa20 import Salsa20Cipher

NONCE_BYTES = 24
"""The length of a nonce, in bytes; each direction of each connection draws fresh random ones."""

_INNER_NONCE_AT = 16


class XSalsa20:
    """The stream of one key and nonce, from its start on. Raises ConfigError when the extra is not installed."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._cipher = _salsa20(hsalsa20(key, nonce[:_INNER_NONCE_AT]), nonce[_INNER_NONCE_AT:])

    def apply(self, data: ByteString) -> bytes:
        """Encrypt or decrypt `data` with the next bytes of the stream; return the result."""
        return bytes(self._cipher.encrypt(data))

    def apply_in_place(self, data: memoryview) -> None:
        """Encrypt or decrypt `data` with the next bytes of the stream, where it lies."""
        self._cipher.encrypt(data, output=data)


def require_extra() -> None:
    """Raise ConfigError, naming the way out, where Salsa20 is not installed."""
    try:
        import Cryptodome.Cipher.Salsa20  # noqa: F401
    except ImportError:
        raise ConfigError("a private network needs an extra: pip install 'aiolibp2p[pnet]'") from None


def _salsa20(key: bytes, nonce: bytes) -> Salsa20Cipher:
    require_extra()
    from Cryptodome.Cipher import Salsa20  # loaded by those who need it

    return Salsa20.new(key, nonce)
