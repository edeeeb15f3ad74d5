"""Frames of an established connection: u32 length, ciphertext, HMAC of it (spec section "Secure Message Framing").

The key stream goes on from frame to frame, so a frame that is lost, repeated or moved decrypts to nonsense, though its
HMAC still holds: nothing in it says which frame it is. Only an attacker does that, and what he gets delivered is noise.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import CipherContext, algorithms, modes

from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import LimitExceeded, ProtocolViolation
from aiolibp2p.security.secio.messages import LENGTH_BYTES
from aiolibp2p.security.secio.stretch import HASH_NAMES, Keys

MAX_FRAME_BYTES = 2 * 1024 * 1024
"""The longest frame sent or taken, in bytes, its length excluded.

The spec's bound is 8 MiB; muxers write 1 MiB at most.
"""

PREFERRED_PLAINTEXT_BYTES = 255 * 256
"""The plaintext of a full frame that we send, in bytes: that of Noise, so that both cost the same memory everywhere."""

MAX_HANDED_BACK_BYTES = 64 * 1024
"""The longest unfinished frame, in bytes, that is left to the reader's buffer; a longer one is kept here."""

_length = struct.Struct(">I")


class SecioCipher(Cipher):
    """The keys of one connection, and the positions of both key streams; `hash_name` is "SHA256" or "SHA512"."""

    prefix = LENGTH_BYTES
    max_plaintext = PREFERRED_PLAINTEXT_BYTES

    __slots__ = ("_decrypt", "_encrypt", "_hash", "_kept", "_mac_bytes", "_receive_key", "_send_key", "overhead")

    def __init__(self, send: Keys, receive: Keys, hash_name: str) -> None:
        self._encrypt, self._send_key = _key_stream(send), send.mac_key
        self._decrypt, self._receive_key = _key_stream(receive), receive.mac_key
        self._hash = HASH_NAMES[hash_name]
        self._mac_bytes = len(hmac.digest(b"", b"", self._hash))
        self.overhead = LENGTH_BYTES + self._mac_bytes
        self._kept = bytearray()

    def encrypt(self, plaintext: ByteString) -> bytes:
        """Seal `plaintext` as one frame. Raises LimitExceeded when the frame would pass `MAX_FRAME_BYTES`."""
        size = len(plaintext) + self._mac_bytes
        if size > MAX_FRAME_BYTES:
            raise LimitExceeded(f"a secio frame carries at most {MAX_FRAME_BYTES - self._mac_bytes} bytes")
        sealed = self._encrypt.update(plaintext)
        return _length.pack(size) + sealed + hmac.digest(self._send_key, sealed, self._hash)

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        """Seal `plaintext` as one frame at the start of `out`, where it may lie; return the frame's length in bytes.

        Raises LimitExceeded when the frame would pass `MAX_FRAME_BYTES`.
        """
        frame = self.encrypt(plaintext)
        out[: len(frame)] = frame
        return len(frame)

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        """Deliver the plaintext of each whole frame in `data`; return the number of bytes they took.

        The start of a frame that a reader's buffer may not hold is taken, too, and kept: never more than
        `MAX_FRAME_BYTES`, and only what came. An empty frame is legal and delivers nothing. Raises ProtocolViolation
        for a frame over that limit, shorter than its HMAC, or not authentic; frames before it were delivered.
        """
        start, end = self._finish_kept(data, deliver), len(data)
        while end - start >= LENGTH_BYTES:
            stop = start + self._frame_bytes(data[start : start + LENGTH_BYTES])
            if stop > end:
                return start if stop - start <= MAX_HANDED_BACK_BYTES else self._keep(data[start:], end)
            self._open(data[start + LENGTH_BYTES : stop], deliver)
            start = stop
        return start

    def farewell(self) -> bytes:
        """Return nothing: SECIO has no words for the end."""
        return b""

    def receive_eof(self) -> None:
        """Accept any end: SECIO cannot tell a cut connection from a closed one."""

    def _keep(self, rest: memoryview, end: int) -> int:
        self._kept += rest
        return end

    def _finish_kept(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        """Complete the frame whose start is kept, if there is one; return the number of bytes that took."""
        kept = self._kept
        if not kept:
            return 0
        missing = self._frame_bytes(kept[:LENGTH_BYTES]) - len(kept)
        kept += data[:missing]
        if len(data) < missing:
            return len(data)
        self._kept = bytearray()
        with memoryview(kept) as frame:
            self._open(frame[LENGTH_BYTES:], deliver)
        return missing

    def _frame_bytes(self, prefix: ByteString) -> int:
        """Return how many bytes the frame behind this prefix has, the prefix included."""
        (size,) = _length.unpack(prefix)
        if size > MAX_FRAME_BYTES:
            raise ProtocolViolation(f"secio frame of {size} bytes, at most {MAX_FRAME_BYTES} are allowed")
        if size < self._mac_bytes:
            raise ProtocolViolation(f"secio frame of {size} bytes, shorter than its HMAC")
        return LENGTH_BYTES + int(size)

    def _open(self, body: memoryview, deliver: Callable[[bytes], None]) -> None:
        sealed, mac = body[: -self._mac_bytes], body[-self._mac_bytes :]
        if not hmac.compare_digest(hmac.digest(self._receive_key, sealed, self._hash), mac):
            raise ProtocolViolation("a secio frame does not authenticate")
        if sealed:
            deliver(self._decrypt.update(sealed))


def _key_stream(keys: Keys) -> CipherContext:
    # In counter mode both directions add the same key stream.
    return BlockCipher(algorithms.AES(keys.cipher_key), modes.CTR(keys.iv)).encryptor()
