"""A raw connection of a private network: bytes are encrypted as they leave, and decrypted where they arrive."""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.layers.raw import RawConnection, RawReceiver
from aiolibp2p.abc.layers.security import Protector
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.io.raw_wrapper import RawWrapper
from aiolibp2p.security.pnet.key import PreSharedKey
from aiolibp2p.security.pnet.xsalsa20 import NONCE_BYTES, XSalsa20, require_extra


class PskProtector(Protector):
    """The pre-shared key of one host, put around each of its raw connections.

    `entropy(n)` gives n random bytes, 24 for each connection. Raises ConfigError when the extra `aiolibp2p[pnet]` is
    not installed.
    """

    def __init__(self, key: PreSharedKey, entropy: Callable[[int], bytes]) -> None:
        require_extra()
        self._key = key
        self._entropy = entropy

    def protect(self, raw: RawConnection) -> RawConnection:
        return ProtectedConnection(raw, self._key, self._entropy(NONCE_BYTES))


class ProtectedConnection(RawWrapper):
    """A raw connection whose bytes are encrypted on their way out and decrypted where they arrive.

    Our nonce leaves at once, since some peers say nothing before they have it; theirs may come late and cut anywhere.
    """

    def __init__(self, raw: RawConnection, key: PreSharedKey, nonce: bytes) -> None:
        super().__init__(raw)
        self._key = key
        self._nonce = nonce
        self._sending = XSalsa20(key.reveal(), nonce)
        self._remote_nonce = b""
        self._receiving: XSalsa20 | None = None

    def start(self, receiver: RawReceiver) -> None:
        """Deliver from now on, and send our nonce."""
        super().start(receiver)
        self._raw.write(self._nonce)

    def write(self, data: ByteString) -> None:
        """Encrypt and send; in place where the buffer is one that can be written to."""
        if isinstance(data, memoryview) and not data.readonly:
            self._sending.apply_in_place(data)
            self._raw.write(data)
        else:
            self._raw.write(self._sending.apply(data))

    def buffer_updated(self, nbytes: int) -> None:
        """Decrypt what was read where it is, in the receiver's own buffer, and pass it on."""
        receiver, buffer = self._receiver, self._buffer
        self._buffer = memoryview(b"")
        if receiver is None:
            return
        if self._receiving is not None:
            self._receiving.apply_in_place(buffer[:nbytes])
            receiver.buffer_updated(nbytes)
        elif plaintext := self._begin(bytes(buffer[:nbytes])):
            buffer[: len(plaintext)] = plaintext
            receiver.buffer_updated(len(plaintext))

    def data_received(self, data: ByteString) -> None:
        """Decrypt what came in a buffer of its own, and pass it on."""
        plaintext = self._begin(bytes(data)) if self._receiving is None else self._receiving.apply(data)
        if plaintext and self._receiver is not None:
            self._receiver.data_received(plaintext)

    def _begin(self, data: bytes) -> bytes:
        """Take the peer's nonce, which comes first; return the bytes behind it, decrypted."""
        missing = NONCE_BYTES - len(self._remote_nonce)
        self._remote_nonce += data[:missing]
        if len(self._remote_nonce) < NONCE_BYTES:
            return b""
        if self._remote_nonce == self._nonce:
            # A mirror: without the key it could answer with what we said ourselves.
            self._raw.abort()
            return b""
        self._receiving = XSalsa20(self._key.reveal(), self._remote_nonce)
        return self._receiving.apply(data[missing:])
