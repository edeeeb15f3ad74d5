"""The cipher of plaintext, which hands bytes on as they are."""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.abc.machine import ByteString

PREFERRED_PLAINTEXT_BYTES = 64 * 1024
"""The most bytes that are handed on in one piece. There are no frames, so nothing depends on it."""


class PlaintextCipher(Cipher):
    """A cipher in shape only: nothing is encrypted, framed or checked, and there is no state."""

    prefix = 0
    overhead = 0
    max_plaintext = PREFERRED_PLAINTEXT_BYTES

    __slots__ = ()

    def encrypt(self, plaintext: ByteString) -> bytes:
        return bytes(plaintext)

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        """Copy `plaintext` to the start of `out`, where it may lie already; return its length in bytes."""
        size = len(plaintext)
        out[:size] = plaintext
        return size

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        """Deliver a copy of all of `data`; call nothing for no bytes."""
        if data:
            deliver(bytes(data))
        return len(data)

    def farewell(self) -> bytes:
        """Return nothing: the end of the raw connection is all there is."""
        return b""

    def receive_eof(self) -> None:
        """Accept any end: nobody could tell a cut connection from a closed one."""
