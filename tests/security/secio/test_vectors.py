"""The whole handshakes of tests/vectors/secio.json: ours makes them again, the second understands them."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.secio import Offer, SecioSecurity
from security.secio.second import CURVES, Second

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "secio.json").read_text())
SIDES = [("one", "other"), ("other", "one")]


def frames(side: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(frame) for frame in side["frames"]]


def security(side: dict[str, Any]) -> SecioSecurity:
    # The scalar is entropy modulo order - 1, plus 1.
    scalar = int(side["ephemeral"], 16) - 1
    return SecioSecurity(
        PrivateKey.unmarshal(bytes.fromhex(side["identity_private_key"])),
        lambda n: bytes.fromhex(side["nonce"]) if n == 16 else scalar.to_bytes(n, "big"),
        Offer(*[side[lists].split(",") for lists in ("exchanges", "ciphers", "hashes")]),
    )


@pytest.mark.spec("SEC-1", "SEC-6", "SEC-13", "SEC-16")
@pytest.mark.parametrize(("ours", "theirs"), SIDES)
@pytest.mark.parametrize("vector", VECTORS["handshakes"])
def test_a_whole_handshake(vector: dict[str, Any], ours: str, theirs: str) -> None:
    machine = security(vector[ours]).start(Role.INITIATOR)
    said, heard = frames(vector[ours]), frames(vector[theirs])
    assert machine.start().to_send == said[0]
    assert machine.receive_data(heard[0]).to_send == said[1]
    assert machine.receive_data(heard[1]).to_send == said[2]
    (secured,) = machine.receive_data(heard[2]).events
    assert isinstance(secured, Secured)
    assert secured.cipher.encrypt(bytes.fromhex(vector[ours]["plaintext"])).hex() == vector[ours]["frame"]
    opened: list[bytes] = []
    secured.cipher.decrypt(memoryview(bytes.fromhex(vector[theirs]["frame"])), opened.append)
    assert opened == [bytes.fromhex(vector[theirs]["plaintext"])]


class Script:
    """A replacement for Random that gives what was drawn when the vector was recorded."""

    def __init__(self, side: dict[str, Any]) -> None:
        self._seed = bytes.fromhex(side["identity_private_key"])[4:36]
        self._nonce = bytes.fromhex(side["nonce"])
        self._scalar = int(side["ephemeral"], 16)

    def randbytes(self, n: int) -> bytes:
        return self._seed if n == 32 else self._nonce

    def randrange(self, start: int, stop: int) -> int:
        assert start <= self._scalar < stop
        return self._scalar


@pytest.mark.parametrize(("mine", "theirs"), SIDES)
@pytest.mark.parametrize("vector", VECTORS["handshakes"])
def test_the_second_one_says_the_same(vector: dict[str, Any], mine: str, theirs: str) -> None:
    side = vector[mine]
    end, sock = socket.socketpair()
    with end, sock:
        end.sendall(b"".join(frames(vector[theirs])) + bytes.fromhex(vector[theirs]["frame"]))
        lists = {what: side[what] for what in ("exchanges", "ciphers", "hashes")}
        peer = Second(sock, Script(side), **lists)  # type: ignore[arg-type]
        peer.run()
        assert peer.chosen[0] in CURVES
        assert peer.receive_sealed() == bytes.fromhex(vector[theirs]["plaintext"])
        peer.send_sealed(bytes.fromhex(side["plaintext"]))
        said = b"".join(frames(side)) + bytes.fromhex(side["frame"])
        assert end.recv(len(said) + 1) == said
