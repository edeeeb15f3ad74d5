"""The vectors of tests/vectors/noise.json: the bare pattern, and whole libp2p handshakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.noise import NoiseCipher, NoiseSecurity
from aiolibp2p.security.noise.xx import PROTOCOL_NAME, KeyPair, XXHandshake
from support.offers import Offers

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "noise.json").read_text())


def key_pair(hexadecimal: str) -> KeyPair:
    return KeyPair(bytes.fromhex(hexadecimal))


def seal_bare(key: bytes, plaintext: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(bytes(12), plaintext, None)


@pytest.mark.spec("NOI-1", "NOI-2", "NOI-3", "NOI-21")
@pytest.mark.parametrize("vector", VECTORS["pattern"])
def test_the_pattern(vector: dict[str, Any]) -> None:
    assert len(PROTOCOL_NAME) == 32
    prologue = bytes.fromhex(vector["prologue"])
    payloads = [bytes.fromhex(message["payload"]) for message in vector["messages"]]
    expected = [bytes.fromhex(message["message"]) for message in vector["messages"]]
    ends = ("initiator", "responder")
    initiator, responder = (
        XXHandshake(key_pair(vector[f"{end}_static"]), key_pair(vector[f"{end}_ephemeral"]), prologue) for end in ends
    )

    assert initiator.write_first(payloads[0]) == expected[0]
    assert responder.read_first(expected[0]) == payloads[0]
    assert responder.write_second(payloads[1]) == expected[1]
    assert initiator.read_second(expected[1]) == payloads[1]
    assert initiator.write_third(payloads[2]) == expected[2]
    assert responder.read_third(expected[2]) == payloads[2]
    assert initiator.hash == responder.hash
    assert initiator.split() == responder.split()
    assert initiator.remote_static == key_pair(vector["responder_static"]).public

    initiator_key, responder_key = initiator.split()
    assert seal_bare(initiator_key, payloads[3]) == expected[3]
    assert seal_bare(responder_key, payloads[4]) == expected[4]


def security(side: dict[str, Any]) -> Offers:
    keys = iter([bytes.fromhex(side["static"]), bytes.fromhex(side["ephemeral"])])
    noise = NoiseSecurity(
        PrivateKey.unmarshal(bytes.fromhex(side["identity_private_key"])),
        lambda n: next(keys),
        [bytes.fromhex(certhash) for certhash in side["webtransport_certhashes"]],
    )
    return Offers(noise, side["stream_muxers"])


@pytest.mark.spec("NOI-4", "NOI-16")
@pytest.mark.parametrize("vector", VECTORS["libp2p"])
def test_a_whole_handshake(vector: dict[str, Any]) -> None:
    prologue = bytes.fromhex(vector["prologue"])
    frames = [bytes.fromhex(frame) for frame in vector["frames"]]
    initiator = security(vector["initiator"]).start(Role.INITIATOR, prologue=prologue)
    responder = security(vector["responder"]).start(Role.RESPONDER, prologue=prologue)
    assert initiator.start().to_send == frames[0]
    assert responder.receive_data(frames[0]).to_send == frames[1]
    output = initiator.receive_data(frames[1])
    assert output.to_send == frames[2]
    (at_initiator,) = output.events
    (at_responder,) = responder.receive_data(frames[2]).events

    assert at_initiator.muxer == at_responder.muxer == vector["muxer"]
    assert at_initiator.remote_key.marshal().hex() == vector["responder"]["identity_public_key"]
    assert at_responder.remote_key.marshal().hex() == vector["initiator"]["identity_public_key"]
    assert list(at_initiator.early_data.stream_muxers) == vector["responder"]["stream_muxers"]
    certhashes = [certhash.hex() for certhash in at_initiator.early_data.webtransport_certhashes]
    assert certhashes == vector["responder"]["webtransport_certhashes"]

    ciphers = {"initiator": (at_initiator, at_responder), "responder": (at_responder, at_initiator)}
    for frame in vector["transport"]:
        sender, receiver = ciphers[frame["from"]]
        plaintext = bytes.fromhex(frame["plaintext"])
        out = memoryview(bytearray(len(plaintext) + NoiseCipher.overhead))
        sender.cipher.encrypt_into(plaintext, out)
        assert out.hex() == frame["frame"]
        delivered: list[bytes] = []
        assert receiver.cipher.decrypt(out, delivered.append) == len(out)
        assert b"".join(delivered) == plaintext
