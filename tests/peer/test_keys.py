"""All kinds of keys: their encoding, their signatures, what is refused."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ConfigError, FormatError, SignatureInvalid
from aiolibp2p.multiformats import varint
from aiolibp2p.peer import KeyType, PrivateKey, PublicKey, keys_pb2
from aiolibp2p.peer import ed25519 as ed25519_scheme
from aiolibp2p.peer import rsa as rsa_scheme
from aiolibp2p.peer import secp256k1 as secp256k1_scheme
from aiolibp2p.peer.keys import MAX_PRIVATE_KEY_BYTES, MAX_PUBLIC_KEY_BYTES

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "keys.json").read_text())["keys"]
BY_KIND = {vector["kind"]: vector for vector in VECTORS}


def public_bytes(kind: str) -> bytes:
    return bytes.fromhex(BY_KIND[kind]["public_key"])


def private_bytes(kind: str) -> bytes:
    return bytes.fromhex(BY_KIND[kind]["private_key"])


def serialized(number: int, data: bytes) -> bytes:
    return b"\x08" + varint.encode(number) + b"\x12" + varint.encode(len(data)) + data


def data_of(encoded: bytes) -> bytes:
    return bytes(keys_pb2.PublicKey.FromString(encoded).data)


def spki(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def rsa_public(bits: int, exponent: int = 65537) -> bytes:
    """A modulus of that size, which nobody has the primes of."""
    return spki(rsa.RSAPublicNumbers(exponent, (1 << bits - 1) + 1).public_key())


@pytest.mark.spec("KEY-3", "KEY-4", "KEY-5", "KEY-13")
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["kind"])
def test_private_key_of_the_spec_gives_its_public_key(vector):
    key = PrivateKey.unmarshal(bytes.fromhex(vector["private_key"]))
    assert key.public_key.marshal().hex() == vector["public_key"]
    assert key.marshal().hex() == vector["private_key"]
    assert str(key.peer_id) == vector["peer_id"]
    assert key.kind.name.lower() == vector["kind"]
    assert PublicKey.unmarshal(bytes.fromhex(vector["public_key"])) == key.public_key
    key.public_key.verify(b"message", key.sign(b"message"))


@pytest.mark.spec("KEY-1", "XC-8")
def test_bytes_are_those_of_generated_code(key):
    public, private = key.public_key.marshal(), key.marshal()
    for message, encoded in ((keys_pb2.PublicKey(), public), (keys_pb2.PrivateKey(), private)):
        message.ParseFromString(encoded)
        assert message.type == key.kind
        assert message.SerializeToString(deterministic=True) == encoded
    assert public.startswith(bytes([8, key.kind, 0x12]))


def test_key_types_are_those_of_the_schema():
    assert {kind.name: int(kind) for kind in KeyType} == dict(keys_pb2.KeyType.items())


@pytest.mark.spec("KEY-1", "KEY-2")
@given(st.sampled_from(sorted(BY_KIND)), st.data())
def test_only_the_canonical_bytes_are_read(kind, data):
    encoded = public_bytes(kind)
    at = data.draw(st.integers(0, len(encoded)))
    inserted = data.draw(st.binary(max_size=3))
    removed = data.draw(st.integers(0, 3))
    changed = encoded[:at] + inserted + encoded[at + removed :]
    try:
        key = PublicKey.unmarshal(changed)
    except FormatError:
        return
    assert key.marshal() == changed


@pytest.mark.spec("KEY-2", "XC-4")
@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\x08",
        b"\x08\x01",
        b"\x08\x01\x12",
        public_bytes("ed25519")[:-1],
        public_bytes("ed25519") + b"\0",
        public_bytes("ed25519") + b"\x18\x01",
        b"\x12\x20" + data_of(public_bytes("ed25519")) + b"\x08\x01",
        b"\x08\x81\x00" + public_bytes("ed25519")[2:],
        b"\x08\x01\x12\xa0\x00" + data_of(public_bytes("ed25519")),
        b"\x08\x01" + public_bytes("ed25519"),
        public_bytes("rsa")[2:],
    ],
    ids=[
        "nothing",
        "no type",
        "no data",
        "no length",
        "cut",
        "byte behind",
        "field behind",
        "wrong order",
        "long type",
        "long length",
        "type twice",
        "no type of rsa",
    ],
)
def test_other_encodings_are_refused(encoded):
    with pytest.raises(FormatError):
        PublicKey.unmarshal(encoded)
    with pytest.raises(FormatError):
        PrivateKey.unmarshal(encoded)


@pytest.mark.spec("KEY-2")
def test_other_encodings_of_a_private_key_are_refused():
    data = data_of(private_bytes("ed25519"))
    assert PrivateKey.unmarshal(b"\x08\x01\x12\x40" + data).marshal() == private_bytes("ed25519")
    for head in (
        b"\x08\x81\x00\x12\x40",
        b"\x08\x01\x12\xc0\x00",
        b"\x08\x01\x1a\x40",
        b"\x10\x01\x12\x40",
        b"\x12\x40",
    ):
        with pytest.raises(FormatError):
            PrivateKey.unmarshal(head + data + (b"\x08\x01" if head[:1] == b"\x12" else b""))
    point = data[32:]
    for behind in (b"\0", b"\x18\x01", point):
        with pytest.raises(FormatError, match=f"announces 64 bytes of data, {64 + len(behind)} follow"):
            PrivateKey.unmarshal(private_bytes("ed25519") + behind)


@pytest.mark.spec("KEY-2")
def test_the_data_has_one_form_too():
    """OpenSSL reads data in several forms; were they taken, one key would have several peer ids."""
    key = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    p256 = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    rsa_key = serialization.load_der_public_key(rsa_public(2048))
    pkcs1 = rsa_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    for kind, data in ((3, p256), (0, pkcs1)):
        assert serialization.load_der_public_key(data)
        with pytest.raises(FormatError, match="not in its canonical encoding"):
            PublicKey.unmarshal(serialized(kind, data))


def test_public_key_cut_anywhere_is_refused(key):
    encoded = key.public_key.marshal()
    for end in range(len(encoded)):
        with pytest.raises(FormatError):
            PublicKey.unmarshal(encoded[:end])


@given(st.binary(max_size=200))
def test_bytes_at_random(encoded):
    for read in (PublicKey.unmarshal, PrivateKey.unmarshal):
        try:
            key = read(encoded)
        except FormatError:
            continue
        assert keys_pb2.PublicKey.FromString(encoded).type == key.kind


@given(st.integers(0, 3), st.binary(max_size=120))
def test_data_at_random(number, data):
    """What is read is written the same; what generated code refuses, ours refuses."""
    encoded = serialized(number, data)
    try:
        key = PublicKey.unmarshal(encoded)
    except FormatError:
        key = None
    assert key is None or key.marshal() == encoded
    with pytest.raises((FormatError, DecodeError)):
        PrivateKey.unmarshal(encoded + b"\0")


def test_unknown_type_is_named():
    with pytest.raises(FormatError, match="unknown key type 7"):
        PublicKey.unmarshal(serialized(7, b"x"))


def test_longest_encodings():
    with pytest.raises(FormatError, match="over the limit of 2048"):
        PublicKey.unmarshal(serialized(0, bytes(MAX_PUBLIC_KEY_BYTES)))
    with pytest.raises(FormatError, match="over the limit of 8192"):
        PrivateKey.unmarshal(serialized(0, bytes(MAX_PRIVATE_KEY_BYTES)))


@pytest.mark.spec("KEY-10", "KEY-11", "KEY-12")
def test_signature_of_each_kind(key):
    signature = key.sign(b"message")
    assert key.sign(b"message") == signature, "signing is deterministic"
    key.public_key.verify(b"message", signature)
    for message, wrong in (
        (b"other", signature),
        (b"message", signature[:-1]),
        (b"message", b""),
        (b"message", bytes(900)),
    ):
        with pytest.raises(SignatureInvalid, match=str(key.peer_id)):
            key.public_key.verify(message, wrong)


def test_signature_with_any_bit_flipped(key):
    signature = key.sign(b"message")
    for at in range(len(signature)):
        wrong = bytearray(signature)
        wrong[at] ^= 0x80 >> at % 8
        with pytest.raises(SignatureInvalid):
            key.public_key.verify(b"message", bytes(wrong))


def test_signature_of_another_key(ours, theirs):
    with pytest.raises(SignatureInvalid):
        theirs.public_key.verify(b"message", ours.sign(b"message"))


@pytest.mark.spec("KEY-7", "KEY-8", "KEY-9")
def test_ed25519_private_forms():
    preferred = data_of(private_bytes("ed25519"))
    seed, point = preferred[:32], preferred[32:]
    assert len(preferred) == 64
    for form in (seed + point, seed + point + point):
        assert PrivateKey.unmarshal(serialized(1, form)).marshal() == private_bytes("ed25519")
    other = bytes(32)
    for wrong in (
        seed,
        seed + other,
        seed + point + other,
        seed + other + point,
        seed + other + other,
        preferred + b"\0",
    ):
        with pytest.raises(FormatError) as raised:
            PrivateKey.unmarshal(serialized(1, wrong))
        assert seed.hex() not in str(raised.value)


@pytest.mark.parametrize("y", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255 - 1, 2**255 + 1, 2**256 - 1])
def test_ed25519_points_that_anyone_signs_for(y):
    with pytest.raises(FormatError):
        PublicKey.unmarshal(serialized(1, y.to_bytes(32, "little")))


def test_ed25519_points_of_order_eight():
    """The square of y at order eight is a root of d*y^4 + 2*y^2 - 1, from doubling to a point with y = 0."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime
    found = [y for y in ed25519_scheme.SMALL_ORDER_Y if (d * y**4 + 2 * y**2 - 1) % prime == 0]
    assert len(found) == 2
    for y in found:
        for sign in (0, 1 << 255):
            with pytest.raises(FormatError, match="subgroup"):
                PublicKey.unmarshal(serialized(1, (y | sign).to_bytes(32, "little")))


@pytest.mark.spec("KEY-14")
@pytest.mark.parametrize("bits", [1024, 2047, 8193, 16384])
def test_rsa_sizes_refused(bits):
    with pytest.raises(FormatError, match=f"the rsa key has {bits} bits"):
        rsa_scheme.read_public(rsa_public(bits))
    with pytest.raises(FormatError):
        PublicKey.unmarshal(serialized(0, rsa_public(bits)))
    with pytest.raises(ConfigError, match="2048 to 8192 bits"):
        PrivateKey.generate("rsa", bits=bits)


@pytest.mark.spec("KEY-14")
@pytest.mark.parametrize("bits", [2048, 8192])
def test_rsa_sizes_read(bits):
    key = PublicKey.unmarshal(serialized(0, rsa_public(bits)))
    with pytest.raises(SignatureInvalid):
        key.verify(b"message", bytes(bits // 8))


@pytest.mark.spec("KEY-14")
def test_rsa_private_key_too_long_is_not_looked_into():
    with pytest.raises(FormatError, match="more than 8192 bits"):
        PrivateKey.unmarshal(serialized(0, bytes(rsa_scheme.MAX_PRIVATE_LENGTH + 1)))


def test_small_rsa_private_key():
    small = rsa.generate_private_key(65537, 1024).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    with pytest.raises(FormatError, match="1024 bits"):
        PrivateKey.unmarshal(serialized(0, small))


def test_rsa_exponent():
    PublicKey.unmarshal(serialized(0, rsa_public(2048, rsa_scheme.MAX_EXPONENT)))
    with pytest.raises(FormatError, match="exponent"):
        PublicKey.unmarshal(serialized(0, rsa_public(2048, 2**31 + 1)))


@pytest.mark.spec("KEY-11")
def test_secp256k1_signatures_have_a_low_s(key_of):
    key = key_of("secp256k1", 3)
    order = secp256k1_scheme.ORDER
    for number in range(20):
        r, s = decode_dss_signature(key.sign(bytes([number])))
        assert s <= order // 2
        key.public_key.verify(bytes([number]), encode_dss_signature(r, order - s))


@pytest.mark.spec("KEY-11")
def test_secp256k1_points_are_compressed(key_of):
    compressed = data_of(key_of("secp256k1", 3).public_key.marshal())
    assert (len(compressed), compressed[0] in (2, 3)) == (33, True)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), compressed)
    whole = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    hybrid = bytes([6 + whole[-1] % 2]) + whole[1:]
    no_point = b"\x02" + bytes(31) + b"\x05"
    for wrong in (whole, hybrid, no_point, b"\0", b"\x04" + compressed[1:], b"\x02" + b"\xff" * 32):
        with pytest.raises(FormatError):
            PublicKey.unmarshal(serialized(2, wrong))


@pytest.mark.parametrize("secret", [0, secp256k1_scheme.ORDER, 2**256 - 1])
def test_secp256k1_secrets_out_of_range(secret):
    with pytest.raises(FormatError, match="out of range"):
        PrivateKey.unmarshal(serialized(2, secret.to_bytes(32, "big")))


def test_secp256k1_secret_of_another_length():
    with pytest.raises(FormatError, match="32 bytes, not 31"):
        PrivateKey.unmarshal(serialized(2, bytes(31)))


@pytest.mark.spec("KEY-12")
@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_ecdsa_curves(curve):
    native = ec.derive_private_key(12345, curve)
    public = PublicKey.unmarshal(serialized(3, spki(native.public_key())))
    public.verify(b"message", native.sign(b"message", ec.ECDSA(hashes.SHA256())))
    sec1 = native.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    private = PrivateKey.unmarshal(serialized(3, sec1))
    assert private.public_key == public
    assert private.marshal() == serialized(3, sec1)
    pkcs8 = native.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert PrivateKey.unmarshal(serialized(3, pkcs8)).marshal() == serialized(3, sec1)


@pytest.mark.parametrize("curve", [ec.SECP256K1(), ec.SECP224R1()], ids=lambda curve: curve.name)
def test_ecdsa_curves_refused(curve):
    native = ec.derive_private_key(12345, curve)
    sec1 = native.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    with pytest.raises(FormatError, match="P-256"):
        PublicKey.unmarshal(serialized(3, spki(native.public_key())))
    with pytest.raises(FormatError, match="P-256"):
        PrivateKey.unmarshal(serialized(3, sec1))


def test_data_of_another_kind(rsa_key, key_of):
    rsa_public_data, rsa_private_data = data_of(rsa_key.public_key.marshal()), data_of(rsa_key.marshal())
    ecdsa_key = key_of("ecdsa", 0)
    for read, number, data in (
        (PublicKey.unmarshal, 3, rsa_public_data),
        (PrivateKey.unmarshal, 3, rsa_private_data),
        (PublicKey.unmarshal, 0, data_of(ecdsa_key.public_key.marshal())),
        (PrivateKey.unmarshal, 0, data_of(ecdsa_key.marshal())),
        (PublicKey.unmarshal, 1, rsa_public_data),
        (PrivateKey.unmarshal, 2, rsa_private_data),
    ):
        with pytest.raises(FormatError):
            read(serialized(number, data))


@pytest.mark.parametrize("kind", ["ed25519", "secp256k1", "ecdsa"])
def test_generated_keys_follow_their_entropy(kind, key_of):
    assert key_of(kind, 1) == key_of(kind, 1)
    assert key_of(kind, 1).marshal() == key_of(kind, 1).marshal()
    assert key_of(kind, 1) != key_of(kind, 2)
    assert PrivateKey.generate(kind) != PrivateKey.generate(kind)
    for extreme in (b"\0", b"\xff"):
        key = PrivateKey.generate(kind, entropy=lambda n, extreme=extreme: extreme * n)
        key.public_key.verify(b"", key.sign(b""))


def test_unknown_kind_is_a_config_error():
    with pytest.raises(ConfigError, match="'dsa': one of ecdsa, ed25519, rsa, secp256k1"):
        PrivateKey.generate("dsa")


def test_keys_are_values(key, ours):
    again = PublicKey.unmarshal(key.public_key.marshal())
    assert again == key.public_key
    assert hash(again) == hash(key.public_key)
    assert {again: 1}[key.public_key] == 1
    assert pickle.loads(pickle.dumps(again)) == copy.deepcopy(again) == again
    assert PrivateKey.unmarshal(key.marshal()) == key
    assert hash(PrivateKey.unmarshal(key.marshal())) == hash(key)
    assert key.public_key != again.marshal()
    assert key != ours
    assert key != key.public_key


def test_no_secret_in_text(key):
    secret = data_of(key.marshal())
    for text in (repr(key), str(key), f"{key}", repr(key.public_key)):
        assert str(key.peer_id) in text
        assert secret[:8].hex() not in text
        assert repr(secret[:8])[2:-1] not in text


def test_a_kind_is_loaded_when_its_first_key_is_met():
    program = (
        "import sys; from aiolibp2p.peer import PrivateKey; PrivateKey.generate();"
        "print([name for name in ('secp256k1', 'ecdsa', 'rsa') if f'aiolibp2p.peer.{name}' in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert shown.stdout == "[]\n"
