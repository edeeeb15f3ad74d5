"""A second SECIO, from the spec's text alone and sharing nothing with the first: a blocking script over a socket.

No peer of today speaks SECIO, so this one stands for them: curves by school arithmetic, counter mode by hand, protobuf
by hand. Slow, not constant in time, and for tests alone. What the spec leaves open is a setting.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
from dataclasses import dataclass, field
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Point = tuple[int, int]


@dataclass(frozen=True)
class Curve:
    """y² = x³ - 3x + b modulo p; `g` generates a group of `n` points (FIPS 186)."""

    p: int
    b: int
    n: int
    g: Point

    @property
    def size(self) -> int:
        return (self.p.bit_length() + 7) // 8

    def holds(self, point: Point) -> bool:
        x, y = point
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - x * x * x + 3 * x - self.b) % self.p == 0

    def add(self, one: Point | None, other: Point | None) -> Point | None:
        if one is None or other is None:
            return one or other
        if one[0] == other[0]:
            if (one[1] + other[1]) % self.p == 0:
                return None
            slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, self.p)
        else:
            slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, self.p)
        x = (slope * slope - one[0] - other[0]) % self.p
        return x, (slope * (one[0] - x) - one[1]) % self.p

    def times(self, scalar: int, point: Point) -> Point:
        total: Point | None = None
        for bit in f"{scalar:b}":
            total = self.add(total, total)
            if bit == "1":
                total = self.add(total, point)
        assert total is not None
        return total


CURVES = {
    "P-256": Curve(
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        (
            0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        ),
    ),
    "P-384": Curve(
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        (
            0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
            0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
        ),
    ),
    "P-521": Curve(
        2**521 - 1,
        int(
            "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e1"
            "56193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
            16,
        ),
        int(
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
            "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
            16,
        ),
        (
            int(
                "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dba"
                "a14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
                16,
            ),
            int(
                "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c"
                "97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
                16,
            ),
        ),
    ),
}
HASHES = {"SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
CIPHER_KEYS = {"AES-128": 16, "AES-256": 32}


class Refused(Exception):
    """The other side broke the spec."""


class KeyStream:
    """Counter mode over bare AES blocks."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        self._counter = int.from_bytes(iv, "big")
        self._left = b""

    def over(self, data: bytes) -> bytes:
        while len(self._left) < len(data):
            self._left += self._block.update(self._counter.to_bytes(16, "big"))
            self._counter = (self._counter + 1) % 2**128
        pad, self._left = self._left[: len(data)], self._left[len(data) :]
        return bytes(one ^ other for one, other in zip(data, pad, strict=True))


@dataclass
class Half:
    """The keys of one direction."""

    stream: KeyStream
    mac_key: bytes
    hash: str

    def mac(self, sealed: bytes) -> bytes:
        return hmac.new(self.mac_key, sealed, HASHES[self.hash]).digest()


@dataclass
class Second:
    """One peer on one socket. Lists as they go on the wire; `keep_zeros` as js, rust and py make the secret, not go.

    `first_packet` is sent in place of the other's nonce.
    """

    sock: socket.socket
    random: Random
    exchanges: str = "P-256,P-384,P-521"
    ciphers: str = "AES-256,AES-128"
    hashes: str = "SHA256,SHA512"
    keep_zeros: bool = False
    first_packet: bytes | None = None
    secret: bytes = b""
    chosen: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> bool:
        """Whether this side may be refused, so that it need not hear the end."""
        return self.keep_zeros or self.first_packet is not None

    def run(self) -> bytes:
        """The whole handshake; the other's key, as it was proposed."""
        identity = Ed25519PrivateKey.from_private_bytes(self.random.randbytes(32))
        ours, nonce = bytes.fromhex("08011220") + identity.public_key().public_bytes_raw(), self.random.randbytes(16)
        lists = [names.encode() for names in (self.exchanges, self.ciphers, self.hashes)]
        proposal = b"".join(map(text_field, (1, 2, 3, 4, 5), (nonce, ours, *lists)))
        self.send(proposal)
        their_proposal = self.receive()
        said = fields(their_proposal)
        first = hashlib.sha256(said[2] + nonce).digest()
        second = hashlib.sha256(ours + said[1]).digest()
        if first == second:
            raise Refused("echo")
        we_lead = first > second
        self.chosen = [
            shared(our_list.decode(), said[at].decode(), we_lead) for at, our_list in zip((3, 4, 5), lists, strict=True)
        ]
        curve = CURVES[self.chosen[0]]
        scalar = self.random.randrange(1, curve.n)
        x, y = curve.times(scalar, curve.g)
        point = b"\x04" + x.to_bytes(curve.size, "big") + y.to_bytes(curve.size, "big")
        signature = identity.sign(proposal + their_proposal + point)
        self.send(text_field(1, point) + text_field(2, signature))
        exchange = fields(self.receive())
        verify_ed25519(said[2], exchange[2], their_proposal + proposal + exchange[1])
        self.secret = self.agree(curve, scalar, exchange[1])
        halves = self.stretch()
        self.outgoing, self.incoming = halves if we_lead else halves[::-1]
        self.send_sealed(said[1] if self.first_packet is None else self.first_packet)
        if self.receive_sealed() != nonce:
            raise Refused("the first packet is not our nonce")
        return said[2]

    def agree(self, curve: Curve, scalar: int, theirs: bytes) -> bytes:
        if len(theirs) != 1 + 2 * curve.size or theirs[0] != 4:
            raise Refused("not an uncompressed point")
        point = int.from_bytes(theirs[1 : 1 + curve.size], "big"), int.from_bytes(theirs[1 + curve.size :], "big")
        if not curve.holds(point):
            raise Refused("not on the curve")
        x = curve.times(scalar, point)[0]
        return x.to_bytes(curve.size if self.keep_zeros else (x.bit_length() + 7) // 8, "big")

    def stretch(self) -> tuple[Half, Half]:
        _, cipher, hash_name = self.chosen
        sizes = [16, CIPHER_KEYS[cipher], 20] * 2

        def digest(data: bytes) -> bytes:
            return hmac.new(self.secret, data, HASHES[hash_name]).digest()

        a, stretched = digest(b"key expansion"), bytearray()
        while len(stretched) < sum(sizes):
            stretched += digest(a + b"key expansion")
            a = digest(a)
        pieces = []
        for size in sizes:
            pieces.append(bytes(stretched[:size]))
            del stretched[:size]
        return (
            Half(KeyStream(pieces[1], pieces[0]), pieces[2], hash_name),
            Half(KeyStream(pieces[4], pieces[3]), pieces[5], hash_name),
        )

    def send(self, message: bytes) -> None:
        self.sock.sendall(len(message).to_bytes(4, "big") + message)

    def receive(self) -> bytes:
        return self.exactly(int.from_bytes(self.exactly(4), "big"))

    def send_sealed(self, plaintext: bytes) -> None:
        sealed = self.outgoing.stream.over(plaintext)
        self.send(sealed + self.outgoing.mac(sealed))

    def receive_sealed(self) -> bytes:
        packet = self.receive()
        size = HASHES[self.chosen[2]]().digest_size
        if self.incoming.mac(packet[:-size]) != packet[-size:]:
            raise Refused("the MAC does not hold")
        return self.incoming.stream.over(packet[:-size])

    def exactly(self, n: int) -> bytes:
        """Read `n` bytes in the pieces in which they come."""
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise Refused("the other side hung up")
            data += piece
        return data


def shared(ours: str, theirs: str, we_lead: bool) -> str:
    leading, following = (ours, theirs) if we_lead else (theirs, ours)
    for name in leading.split(","):
        if name in following.split(","):
            return name
    raise Refused("nothing in common")


def verify_ed25519(key: bytes, signature: bytes, data: bytes) -> None:
    assert key[:4] == bytes.fromhex("08011220"), "this script knows Ed25519 alone"
    Ed25519PublicKey.from_public_bytes(key[4:]).verify(signature, data)


def text_field(number: int, data: bytes) -> bytes:
    """A protobuf field of bytes."""
    size, length = len(data), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def fields(message: bytes) -> dict[int, bytes]:
    """A protobuf message of nothing but such fields."""
    found, at = {}, 0
    while at < len(message):
        number, at = message[at] >> 3, at + 1
        size = shift = 0
        while True:
            size |= (message[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if message[at - 1] < 128:
                break
        found[number], at = message[at : at + size], at + size
    return found
