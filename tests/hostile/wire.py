"""Bytes as they go over the wire, made by hand: nothing in here knows aiolibp2p."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HELLO = "/multistream/1.0.0"
NOISE = "/noise"
YAMUX = "/yamux/1.0.0"

DATA, WINDOW_UPDATE, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
WINDOW = 256 * 1024

ED25519 = 1
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def varint(number: int) -> bytes:
    """Return the number as a varint: seven bits a byte, the low ones first."""
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def read_varint(data: bytes, at: int = 0) -> tuple[int, int]:
    """Read a varint; return the number, and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def text(message: str) -> bytes:
    """A multistream message."""
    body = message.encode() + b"\n"
    return varint(len(body)) + body


def ask(*protocol_ids: str) -> bytes:
    """The multistream header and proposals, in one piece."""
    return b"".join(text(message) for message in (HELLO, *protocol_ids))


def bytes_field(number: int, value: bytes) -> bytes:
    """A protobuf field of bytes, a string or a message."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def number_field(number: int, value: int) -> bytes:
    """A protobuf field of an integer."""
    return varint(number << 3) + varint(value)


def frame(kind: int, flags: int = 0, stream_id: int = 0, length: int = 0, version: int = 0) -> bytes:
    """Return a yamux header with these fields, whatever they say."""
    return struct.pack(">BBHII", version, kind, flags, stream_id, length)


def data(stream_id: int, body: bytes, flags: int = 0) -> bytes:
    """A yamux DATA frame."""
    return frame(DATA, flags, stream_id, len(body)) + body


def reset(stream_id: int) -> bytes:
    """A yamux RST."""
    return frame(WINDOW_UPDATE, RST, stream_id)


def credit(stream_id: int, n: int) -> bytes:
    """A yamux window update."""
    return frame(WINDOW_UPDATE, 0, stream_id, n)


def base58(data: bytes) -> str:
    """Return the bytes in base58, as Bitcoin writes it."""
    number = int.from_bytes(data, "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def public_key(kind: int, value: bytes) -> bytes:
    """The protobuf of a public key."""
    return number_field(1, kind) + bytes_field(2, value)


class Identity:
    """An Ed25519 identity."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public = public_key(ED25519, self.key.public_key().public_bytes_raw())
        self.peer_id = b"\x00" + varint(len(self.public)) + self.public

    def __str__(self) -> str:
        return base58(self.peer_id)

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature."""
        return self.key.sign(message)

    def proves(self, static: bytes, muxers: Sequence[str] = (YAMUX,)) -> bytes:
        """The noise payload: this identity owns `static`, a noise key."""
        extensions = b"".join(bytes_field(2, muxer.encode()) for muxer in muxers)
        return noise_payload(self.public, self.sign(b"noise-libp2p-static-key:" + static), extensions)

    def record(self, addresses: Sequence[bytes], peer_id: bytes | None = None, seq: int = 1) -> bytes:
        """A signed peer record: this key signs that `peer_id` listens on these addresses (binary multiaddrs)."""
        told = b"".join(bytes_field(3, bytes_field(1, address)) for address in addresses)
        payload = bytes_field(1, peer_id or self.peer_id) + number_field(2, seq) + told
        domain, kind = b"libp2p-peer-record", b"\x03\x01"
        signed = b"".join(varint(len(part)) + part for part in (domain, kind, payload))
        return b"".join(
            bytes_field(number, value)
            for number, value in ((1, self.public), (2, kind), (3, payload), (5, self.sign(signed)))
        )


def noise_payload(key: bytes | None, signature: bytes | None, extensions: bytes = b"") -> bytes:
    """A noise handshake payload."""
    fields = [bytes_field(1, key)] if key is not None else []
    fields += [bytes_field(2, signature)] if signature is not None else []
    fields += [bytes_field(4, extensions)] if extensions else []
    return b"".join(fields)


def rsa_public_key(bits: int) -> bytes:
    """Return the protobuf of an RSA key with a modulus of `bits` bits; nobody has the other half."""
    modulus = (1 << bits - 1 | 1).to_bytes(bits // 8 + 1, "big")
    numbers = der(0x30, der(0x02, modulus) + der(0x02, b"\x01\x00\x01"))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d010101") + b"\x05\x00")
    return public_key(0, der(0x30, algorithm + der(0x03, b"\0" + numbers)))


def der(tag: int, value: bytes) -> bytes:
    """One DER element."""
    size = len(value)
    if size < 128:
        return bytes([tag, size]) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(length)]) + length + value


def tcp_address(ip: str, port: int) -> bytes:
    """Return /ip4/<ip>/tcp/<port> in binary."""
    return b"\x04" + bytes(map(int, ip.split("."))) + b"\x06" + port.to_bytes(2, "big")


def qm(peer_public_key: bytes) -> str:
    """The id of a peer with a long key."""
    return base58(b"\x12\x20" + hashlib.sha256(peer_public_key).digest())
