"""What TLS says beside data, and what is sealed when the connection is over."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.errors import ConnectionLost, HandshakeFailed, ProtocolViolation
from aiolibp2p.io.buffers import SEND_BYTES
from aiolibp2p.security.tls.certificate import make_certificate
from hostile.tls import ALERT, DATA, HANDSHAKE, KEY_UPDATE_AND_YOU, Records
from security.tls.peers import ALICE, BOB, SECURITIES, Stranger

GARBAGE = b"\x17\x03\x03\x00\x20" + bytes(32)
FEW, MANY = 30, 3000


def connected() -> tuple[Stranger, Records, Cipher]:
    """A client, what makes its records by hand, and the cipher of the host it is connected to."""
    client = Stranger(Role.INITIATOR, [make_certificate(ALICE, time.time())])
    machine = SECURITIES[BOB].start(Role.RESPONDER)
    output = machine.receive_data(client.speak(machine.receive_data(client.speak()).to_send))
    client.speak(output.to_send)
    [secured] = output.events
    return client, Records(client.secrets["CLIENT_TRAFFIC_SECRET_0"]), secured.cipher


def key_update(forger: Records) -> bytes:
    """New keys from here on, and the wish that the other side take new ones, too."""
    record = forger.seal(HANDSHAKE, KEY_UPDATE_AND_YOU)
    forger.update()
    return record


def read(client: Stranger, sealed: bytes) -> bytes:
    client.connection.bio_write(sealed)
    return client.connection.recv(1 << 16)


def refuse(plaintext: bytes) -> None:
    raise AssertionError(f"{plaintext!r} was delivered")


def test_answers_to_key_updates_leave_before_the_next_frame() -> None:
    client, forger, cipher = connected()
    assert read(client, bytes(cipher.encrypt(b"before"))) == b"before"
    updates = b"".join(key_update(forger) for _ in range(FEW))
    assert cipher.decrypt(memoryview(updates), refuse) == len(updates)
    out = memoryview(bytearray(SEND_BYTES))
    size = cipher.encrypt_into(bytes(cipher.max_plaintext), out)
    assert size <= cipher.max_plaintext + cipher.overhead <= SEND_BYTES
    client.connection.bio_write(bytes(out[:size]))
    got = b"".join(client.connection.recv(1 << 14) for _ in range(4))
    assert got == bytes(cipher.max_plaintext)
    assert read(client, bytes(cipher.encrypt(b"after"))) == b"after"
    sealed = forger.seal(DATA, b"under the last of the keys")
    pieces: list[bytes] = []
    cipher.decrypt(memoryview(sealed), pieces.append)
    assert pieces == [b"under the last of the keys"]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("last", [b"", b"\x01\x00"])
def test_key_updates_without_end_are_no_way_to_fill_our_memory(at_once: bool, last: bytes) -> None:
    _, forger, cipher = connected()
    updates = [key_update(forger) for _ in range(MANY)]
    if last:
        updates.append(forger.seal(ALERT, last))
    with pytest.raises(ProtocolViolation, match="asks for new TLS keys again and again"):
        for data in [b"".join(updates)] if at_once else updates:
            cipher.decrypt(memoryview(data), refuse)
    out = memoryview(bytearray(SEND_BYTES))
    assert cipher.encrypt_into(bytes(cipher.max_plaintext), out) == 0
    assert cipher.farewell() != b""


@pytest.mark.parametrize(
    ("forged", "error"),
    [
        (lambda forger: GARBAGE, ProtocolViolation),
        (lambda forger: forger.seal(ALERT, b"\x02\x0a"), ConnectionLost),
    ],
    ids=["garbage", "alert"],
)
def test_nothing_is_sealed_once_a_record_did_not_open(
    forged: Callable[[Records], bytes], error: type[Exception]
) -> None:
    _, forger, cipher = connected()
    answers: list[bytes] = []
    data = forger.seal(DATA, b"a question") + forged(forger)
    with pytest.raises(error):
        # What a session answers while it is told of the bytes before the end.
        cipher.decrypt(memoryview(data), lambda _: answers.append(bytes(cipher.encrypt(b"an answer"))))
    assert answers == [b""]
    assert cipher.encrypt(b"what was pending") == b""
    cipher.farewell()


def test_the_answer_to_a_certificate_comes_alone() -> None:
    _, forger, cipher = connected()
    with pytest.raises(HandshakeFailed, match="refused the TLS handshake"):
        cipher.decrypt(memoryview(forger.seal(ALERT, b"\x02\x2a")), refuse)
    assert cipher.encrypt(b"what was pending") == b""


def test_nothing_is_sealed_behind_our_own_farewell() -> None:
    _, _, cipher = connected()
    assert cipher.farewell() != b""
    with pytest.raises(ConnectionLost, match="TLS takes no more"):
        cipher.encrypt(b"too late")
