"""What the cipher leaves of that: blocking sockets and Noise's frames, without handshake, muxer or event loop.

A frame is a 16-bit length and what ChaCha20-Poly1305 makes of at most 65,280 bytes. The keys are sent in the clear.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

FRAME_BYTES = 65_280
TAG_BYTES = 16
LENGTH_BYTES = 2
KEY_BYTES = 32
BUFFER_BYTES = 512 * 1024
PIECE_BYTES = 256 * 1024

_nonce = struct.Struct("<4xQ")


class Sealed:
    """A socket whose bytes travel in sealed frames; has what `raw` uses of a socket."""

    def __init__(self, sock: socket.socket, keys: bytes) -> None:
        """`keys` is the sender's key, then the receiver's."""
        self._sock = sock
        self._seal = ChaCha20Poly1305(keys[:KEY_BYTES]).encrypt_into
        self._open = ChaCha20Poly1305(keys[KEY_BYTES:]).decrypt_into
        self._sent = self._received = 0
        self._out = memoryview(bytearray(LENGTH_BYTES + FRAME_BYTES + TAG_BYTES))
        self._in = memoryview(bytearray(BUFFER_BYTES))

    @classmethod
    def dialled(cls, sock: socket.socket) -> Sealed:
        """Return the sealed socket of the side that dials, which chooses the keys."""
        keys = os.urandom(2 * KEY_BYTES)
        sock.sendall(keys)
        return cls(sock, keys)

    @classmethod
    def accepted(cls, sock: socket.socket) -> Sealed:
        """Return the sealed socket of the side that was dialled."""
        keys = sock.recv(2 * KEY_BYTES, socket.MSG_WAITALL)
        return cls(sock, keys[KEY_BYTES:] + keys[:KEY_BYTES])

    def sendall(self, data: bytes | memoryview) -> None:
        """Seal and send, a frame at a time."""
        rest = memoryview(data)
        while rest:
            part, rest = rest[:FRAME_BYTES], rest[FRAME_BYTES:]
            size = len(part) + TAG_BYTES
            out = self._out[: LENGTH_BYTES + size]
            struct.pack_into(">H", out, 0, size)
            self._seal(_nonce.pack(self._sent), part, None, out[LENGTH_BYTES:])
            self._sent += 1
            self._sock.sendall(out)

    def send_zeros(self, size: int) -> None:
        """Send that many zeros, in whole frames as far as they go."""
        zeros = bytes(FRAME_BYTES)
        for _ in range(size // FRAME_BYTES):
            self.sendall(zeros)
        self.sendall(zeros[: size % FRAME_BYTES])

    def frames(self) -> Iterator[memoryview]:
        """Yield what comes, opened in place; each piece is gone when the next is asked for."""
        buffer, filled = self._in, 0
        while n := self._sock.recv_into(buffer[filled:], min(PIECE_BYTES, BUFFER_BYTES - filled)):
            filled += n
            start = 0
            while (end := _end_of_frame(buffer[start:filled], start)) <= filled:
                plain = buffer[start + LENGTH_BYTES : end - TAG_BYTES]
                self._open(_nonce.pack(self._received), buffer[start + LENGTH_BYTES : end], None, plain)
                self._received += 1
                yield plain
                start = end
            if start:
                buffer[: filled - start] = buffer[start:filled]
                filled -= start


def _end_of_frame(data: memoryview, start: int) -> int:
    """Where the frame that starts at `start` ends; past everything while its length has not come."""
    if len(data) < LENGTH_BYTES:
        return BUFFER_BYTES + 1
    return start + LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES])
