"""Our SECIO against the second implementation: all combinations, both preferences, random cuts."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured
from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.secio import CIPHERS, EXCHANGES, HASHES, Offer, SecioSecurity
from security.secio.second import Refused, Second

DEADLINE_S = 20.0
SUITES = list(itertools.product(EXCHANGES, CIPHERS, HASHES))


@dataclass
class Meeting:
    """Our machine at one end of a socket pair; the bytes that come are cut at random before it gets them."""

    sock: socket.socket
    random: Random
    pending: bytes = b""
    secured: Secured | None = None
    opened: list[bytes] = field(default_factory=list)

    def shake_hands(self, security: SecioSecurity, role: Role) -> Secured:
        machine = security.start(role)
        self.sock.sendall(machine.start().to_send)
        while self.secured is None:
            if not self.pending:
                self.pending = self.sock.recv(65536)
            if not self.pending:
                machine.receive_eof()
            cut = self.random.randint(1, 60)
            output = machine.receive_data(self.pending[:cut])
            self.pending = output.trailing + self.pending[cut:]
            with contextlib.suppress(BrokenPipeError):  # it may have refused us meanwhile; then we shall read why
                self.sock.sendall(output.to_send)
            self.secured = next(iter(output.events), None)
        return self.secured

    def receive(self, n: int) -> bytes:
        assert self.secured is not None
        while sum(map(len, self.opened)) < n:
            cut = self.random.randint(1, 5000)
            self.pending += self.sock.recv(cut)
            self.pending = self.pending[self.secured.cipher.decrypt(memoryview(self.pending), self.opened.append) :]
        data = b"".join(self.opened)
        self.opened = []
        return data


@contextlib.contextmanager
def second(seed: int, echoes: int = 0, **settings: object) -> Iterator[tuple[Meeting, Second]]:
    """Run the second in a thread of its own: the handshake, then it sends back what it gets, `echoes` times.

    Raises what it raised, but for refusals of one that is set to do something else than we.
    """
    ours, theirs = socket.socketpair()
    peer = Second(theirs, Random(seed), **settings)  # type: ignore[arg-type]
    problems: list[BaseException] = []

    def run() -> None:
        try:
            peer.run()
            for _ in range(echoes):
                peer.send_sealed(peer.receive_sealed())
        except Refused as problem:
            if not peer.wrong:
                problems.append(problem)
        except BaseException as problem:
            problems.append(problem)
        finally:
            theirs.close()

    ours.settimeout(DEADLINE_S)
    theirs.settimeout(DEADLINE_S)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield Meeting(ours, Random(-seed - 1)), peer
    finally:
        ours.close()
        thread.join()
    for problem in problems:
        raise problem


def security(seed: int, offer: Offer | None = None) -> SecioSecurity:
    random = Random(1000 + seed)
    return SecioSecurity(PrivateKey.generate("ed25519", random.randbytes), random.randbytes, offer or Offer())


def refused(meeting: Meeting, ours: SecioSecurity) -> str:
    """Why we refused the other; nothing when we did not."""
    try:
        meeting.shake_hands(ours, Role.INITIATOR)
    except HandshakeFailed as error:
        return str(error)
    return ""


@pytest.mark.spec("SEC-4", "SEC-5", "SEC-6", "SEC-7", "SEC-11", "SEC-12", "SEC-13", "SEC-14", "SEC-15", "SEC-16")
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("exchange", "cipher", "hash_name"), SUITES)
def test_every_combination(exchange: str, cipher: str, hash_name: str, role: Role) -> None:
    random = Random(f"{exchange}{cipher}{hash_name}{role}")
    words = [random.randbytes(size) for size in (1, 15, 16, 17, 4000)]
    with second(random.randrange(100), len(words), exchanges=exchange, ciphers=cipher, hashes=hash_name) as (
        meeting,
        peer,
    ):
        secured = meeting.shake_hands(security(random.randrange(100)), role)
        for text in words:
            meeting.sock.sendall(secured.cipher.encrypt(text))
            assert meeting.receive(len(text)) == text
    assert peer.chosen == [exchange, cipher, hash_name]


@pytest.mark.spec("SEC-4", "SEC-5", "SEC-13")
def test_whoever_is_preferred_gets_its_first_choice() -> None:
    ours = Offer(("P-256", "P-384"), ("AES-128", "AES-256"), ("SHA256", "SHA512"))
    seen = []
    for seed in range(8):
        theirs = {"exchanges": "X25519,P-384,P-256", "ciphers": "Blowfish,AES-256,AES-128", "hashes": "SHA512,SHA256"}
        with second(seed, 1, **theirs) as (meeting, peer):
            secured = meeting.shake_hands(security(seed, ours), Role.INITIATOR)
            meeting.sock.sendall(secured.cipher.encrypt(b"hello"))
            assert meeting.receive(5) == b"hello"
        assert peer.chosen in (["P-256", "AES-128", "SHA256"], ["P-384", "AES-256", "SHA512"])
        seen.append(peer.chosen[0])
    assert sorted(set(seen)) == ["P-256", "P-384"]


@pytest.mark.spec("SEC-10")
def test_a_peer_that_keeps_leading_zeros_is_met_when_there_are_none() -> None:
    met = 0
    for seed in range(6):
        with second(seed, exchanges="P-521", keep_zeros=True) as (meeting, peer):
            refusal = refused(meeting, security(seed))
        assert ("the peer's keys are not ours" in refusal) is (peer.secret[0] == 0)
        met += not refusal
    assert 0 < met < 6


@pytest.mark.spec("SEC-10")
def test_a_peer_that_drops_them_as_go_does_is_always_met() -> None:
    lengths = []
    for seed in range(6):
        with second(seed, exchanges="P-521") as (meeting, peer):
            meeting.shake_hands(security(seed), Role.RESPONDER)
        lengths.append(len(peer.secret))
    assert min(lengths) < max(lengths) == 66


@pytest.mark.spec("SEC-16")
@pytest.mark.parametrize("nonce", [bytes(16), b"", bytes(15), bytes(1000)])
def test_a_first_frame_that_holds_another_nonce(nonce: bytes) -> None:
    with second(1, first_packet=nonce) as (meeting, _):
        assert refused(meeting, security(1)) == "the peer's first secio frame does not hold our nonce"
