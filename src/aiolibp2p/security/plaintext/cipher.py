"""Bytes as they are: what plaintext has for a cipher."""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.machine import ByteString

PREFERRED_PLAINTEXT_BYTES = 64 * 1024
"""What is handed on in one piece. There are no frames, so nothing depends on it."""


class PlaintextCipher:
    """Implements `abc.layers.security.Cipher` without encrypting, framing or checking anything; it has no state."""

    prefix = 0
    overhead = 0
    max_plaintext = PREFERRED_PLAINTEXT_BYTES

    __slots__ = ()

    def encrypt(self, plaintext: ByteString) -> bytes:
        """The same bytes, in a buffer of their own."""
        return bytes(plaintext)

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        """Copy `plaintext` to the start of `out`, where it may lie already; its length."""
        size = len(plaintext)
        out[:size] = plaintext
        return size

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        """Deliver a copy of all of `data`; never anything for no bytes."""
        if data:
            deliver(bytes(data))
        return len(data)

    def farewell(self) -> bytes:
        """Nothing: the end of the raw connection is all there is."""
        return b""

    def receive_eof(self) -> None:
        """The bytes may end anywhere; nobody could tell a cut connection from a closed one."""
