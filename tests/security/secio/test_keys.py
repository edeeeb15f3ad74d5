"""What both sides settle on, the secret they share, and the keys stretched from it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aiolibp2p.errors import ConfigError, HandshakeFailed
from aiolibp2p.security.secio import CIPHERS, EXCHANGES, Offer
from aiolibp2p.security.secio.ephemeral import EphemeralKey
from aiolibp2p.security.secio.offer import choose, preference
from aiolibp2p.security.secio.stretch import Keys, stretch

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "secio.json").read_text())
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
COORDINATE_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66}


def ephemeral(exchange: str, seed: int) -> EphemeralKey:
    return EphemeralKey(exchange, Random(seed).randbytes)


class TestAgreement:
    @pytest.mark.spec("SEC-4")
    @pytest.mark.parametrize("seed", range(6))
    def test_the_larger_hash_is_preferred_and_both_sides_say_the_same(self, seed: int) -> None:
        random = Random(seed)
        our_key, their_key, our_nonce, their_nonce = (random.randbytes(size) for size in (36, 36, 16, 16))
        ours = preference(our_key, our_nonce, their_key, their_nonce)
        assert ours is not preference(their_key, their_nonce, our_key, our_nonce)
        first, second = (hashlib.sha256(data).digest() for data in (their_key + our_nonce, our_key + their_nonce))
        assert ours is (first > second)

    @pytest.mark.spec("SEC-4")
    def test_ourselves(self) -> None:
        with pytest.raises(HandshakeFailed, match="leads back to us"):
            preference(b"key", b"nonce", b"key", b"nonce")

    @pytest.mark.spec("SEC-5")
    @pytest.mark.parametrize(
        ("theirs", "prefer_ours", "chosen"),
        [
            (b"P-521,P-384,P-256", True, "P-256"),
            (b"P-521,P-384,P-256", False, "P-521"),
            (b"X25519,P-384", True, "P-384"),
            (b"X25519,P-384", False, "P-384"),
            (b"\xff\x00,,P-384,P-384", False, "P-384"),
        ],
    )
    def test_the_first_of_the_preferred_list_that_is_shared(
        self, theirs: bytes, prefer_ours: bool, chosen: str
    ) -> None:
        assert choose("exchange", EXCHANGES, theirs, prefer_ours) == chosen

    @pytest.mark.spec("SEC-5", "SEC-17")
    @pytest.mark.parametrize("prefer_ours", [True, False])
    @pytest.mark.parametrize("theirs", [b"", b"Blowfish", b"AES-192,Blowfish", b"aes-128", b"AES-128 ", b"\xff" * 9999])
    def test_nothing_in_common(self, theirs: bytes, prefer_ours: bool) -> None:
        with pytest.raises(
            HandshakeFailed, match="no secio cipher in common: we have AES-256,AES-128, the peer"
        ) as caught:
            choose("cipher", CIPHERS, theirs, prefer_ours)
        assert len(str(caught.value)) < 400

    @pytest.mark.spec("SEC-1", "SEC-17")
    def test_what_we_offer(self) -> None:
        offer = Offer()
        assert ",".join(offer.exchanges) == "P-256,P-384,P-521"
        assert ",".join(offer.ciphers) == "AES-256,AES-128"
        assert ",".join(offer.hashes) == "SHA256,SHA512"

    @pytest.mark.spec("SEC-17")
    @pytest.mark.parametrize("ciphers", [("Blowfish",), (), "AES-128", ("AES-128", "aes-256")])
    def test_what_nobody_can_offer(self, ciphers: tuple[str, ...]) -> None:
        with pytest.raises(ConfigError, match="secio ciphers takes a list of AES-256, AES-128"):
            Offer(ciphers=ciphers)


class TestSharedSecret:
    @pytest.mark.spec("SEC-6")
    @pytest.mark.parametrize("exchange", EXCHANGES)
    def test_the_point_is_uncompressed(self, exchange: str) -> None:
        point = ephemeral(exchange, 1).point
        assert point[0] == 4
        assert len(point) == 1 + 2 * COORDINATE_BYTES[exchange]
        ec.EllipticCurvePublicKey.from_encoded_point(CURVES[exchange], point)

    @pytest.mark.spec("SEC-10")
    @pytest.mark.parametrize("exchange", EXCHANGES)
    def test_the_x_coordinate_without_leading_zeros(self, exchange: str) -> None:
        ours = ephemeral(exchange, 0)
        curve, size = CURVES[exchange], COORDINATE_BYTES[exchange]
        seen = set()
        for scalar in range(2, 2000):
            theirs = ec.derive_private_key(scalar, curve)
            point = theirs.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            secret = ours.shared_secret(point)
            their_view = ec.EllipticCurvePublicKey.from_encoded_point(curve, ours.point)
            assert secret.rjust(size, b"\0") == theirs.exchange(ec.ECDH(), their_view)
            assert secret[0] != 0
            seen.add(len(secret) == size)
            if len(seen) == 2:
                return
        pytest.fail("no secret with a leading zero was met")

    @pytest.mark.spec("SEC-9")
    @pytest.mark.parametrize("exchange", EXCHANGES)
    def test_points_that_are_none(self, exchange: str) -> None:
        ours, point = ephemeral(exchange, 1), ephemeral(exchange, 2).point
        size = COORDINATE_BYTES[exchange]
        other_curve = ephemeral("P-384" if exchange == "P-256" else "P-256", 2).point
        compressed = bytes([2 + point[-1] % 2]) + point[1 : 1 + size]
        off_the_curve = point[:-1] + bytes([point[-1] ^ 1])
        too_large = b"\x04" + b"\xff" * (2 * size)
        hybrid = bytes([6 + point[-1] % 2]) + point[1:]
        for bad in (b"", b"\x00", other_curve, compressed, off_the_curve, too_large, hybrid, point[:-1], point + b"\0"):
            with pytest.raises(HandshakeFailed, match=f"not an uncompressed point of {exchange}"):
                ours.shared_secret(bad)


class TestStretch:
    @pytest.mark.spec("SEC-11", "SEC-12")
    @pytest.mark.parametrize("vector", VECTORS["stretch"])
    def test_the_vectors(self, vector: dict[str, Any]) -> None:
        first, second = (
            Keys(*[bytes.fromhex(vector[side][part]) for part in ("iv", "cipher_key", "mac_key")])
            for side in ("k1", "k2")
        )
        assert stretch(bytes.fromhex(vector["secret"]), vector["cipher"], vector["hash"]) == (first, second)
        assert [len(first.iv), len(first.mac_key)] == [16, 20]
        assert len(first.cipher_key) == {"AES-128": 16, "AES-256": 32}[vector["cipher"]]
