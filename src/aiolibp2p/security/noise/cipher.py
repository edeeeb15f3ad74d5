"""Frames of an established Noise connection: u16 length, ciphertext, 16-byte tag (spec section "Wire Format")."""

from __future__ import annotations

import struct
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import LimitExceeded, ProtocolViolation

LENGTH_BYTES = 2
"""The length field before each Noise message, in bytes; big endian."""

TAG_BYTES = 16
"""The authentication tag of ChaCha20-Poly1305 at the end of each sealed message, in bytes."""

MAX_MESSAGE_BYTES = 65535
"""The longest Noise message, in bytes, tag included and length excluded: what the length field can say."""

MAX_PLAINTEXT_BYTES = MAX_MESSAGE_BYTES - TAG_BYTES
"""The most plaintext that one frame can carry, in bytes."""

PREFERRED_PLAINTEXT_BYTES = 255 * 256
"""The plaintext of a full frame that we send, in bytes: OpenSSL seals multiples of 256 a third faster than 65,519."""

LAST_NONCE = 2**64 - 2
"""The last nonce a key may use: 2^64 - 1 is reserved by the Noise framework."""

pack_nonce = struct.Struct("<4xQ").pack
"""Return a message's number as ChaCha20-Poly1305's nonce: four zero bytes, then 64 bits little endian."""

_length = struct.Struct(">H")
_pack_length, _pack_length_into = _length.pack, _length.pack_into
_FRAME_OVERHEAD = LENGTH_BYTES + TAG_BYTES


class NoiseCipher(Cipher):
    """The two keys of one connection, 32 bytes each, and the numbers of the next frames."""

    prefix = LENGTH_BYTES
    overhead = _FRAME_OVERHEAD
    max_plaintext = PREFERRED_PLAINTEXT_BYTES

    __slots__ = ("_open", "_receive_nonce", "_seal", "_seal_into", "_send_nonce")

    def __init__(self, send_key: bytes, receive_key: bytes, send_nonce: int = 0, receive_nonce: int = 0) -> None:
        seal = ChaCha20Poly1305(send_key)
        self._seal, self._seal_into = seal.encrypt, seal.encrypt_into
        self._open = ChaCha20Poly1305(receive_key).decrypt
        self._send_nonce = send_nonce
        self._receive_nonce = receive_nonce

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        """Seal `plaintext` as one frame at the start of `out`; return the frame's length in bytes.

        `plaintext` may be `out[2 : 2 + n]` itself, and must not overlap `out` otherwise. Raises LimitExceeded for more
        than `MAX_PLAINTEXT_BYTES`, and when the key has sealed 2^64 - 1 frames: the connection must end.
        """
        size = len(plaintext) + TAG_BYTES
        nonce = self._next_nonce(size)
        end = LENGTH_BYTES + size
        self._seal_into(pack_nonce(nonce), plaintext, None, out[LENGTH_BYTES:end])
        _pack_length_into(out, 0, size)
        return end

    def encrypt(self, plaintext: ByteString) -> bytes:
        size = len(plaintext) + TAG_BYTES
        nonce = self._send_nonce
        if size > MAX_MESSAGE_BYTES or nonce > LAST_NONCE:
            nonce = self._next_nonce(size)  # raises
        self._send_nonce = nonce + 1
        return _pack_length(size) + self._seal(pack_nonce(nonce), plaintext, None)

    def _next_nonce(self, size: int) -> int:
        nonce = self._send_nonce
        if size > MAX_MESSAGE_BYTES:
            raise LimitExceeded(f"a noise frame carries at most {MAX_PLAINTEXT_BYTES} bytes, not {size - TAG_BYTES}")
        if nonce > LAST_NONCE:
            raise LimitExceeded("the noise key has sealed 2^64 - 1 frames; the connection must end")
        self._send_nonce = nonce + 1
        return nonce

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        """Deliver the plaintext of each whole frame in `data`; return the number of bytes they took.

        An empty frame is legal and delivers nothing. Raises ProtocolViolation for a frame that is shorter than a tag,
        does not authenticate, or comes after the peer's last nonce; frames before it were delivered.
        """
        end = len(data)
        start = 0
        open_ = self._open
        while end - start >= LENGTH_BYTES:
            stop = start + LENGTH_BYTES + (data[start] << 8 | data[start + 1])
            if stop - start < _FRAME_OVERHEAD:
                raise ProtocolViolation(f"noise frame of {stop - start - LENGTH_BYTES} bytes, shorter than its tag")
            if stop > end:
                break
            nonce = self._receive_nonce
            if nonce > LAST_NONCE:
                raise ProtocolViolation("the peer sent more than 2^64 - 1 noise frames")
            try:
                plaintext = open_(pack_nonce(nonce), data[start + LENGTH_BYTES : stop], None)
            except InvalidTag:
                raise ProtocolViolation("a noise frame does not authenticate") from None
            self._receive_nonce = nonce + 1
            start = stop
            if plaintext:
                deliver(plaintext)
        return start

    def farewell(self) -> bytes:
        """Return nothing: Noise has no words for the end."""
        return b""

    def receive_eof(self) -> None:
        """Accept any end: Noise does not tell a close from a cut."""
