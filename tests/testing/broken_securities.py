"""Securities with one thing wrong each: what the suite is there to find."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Cipher, Secured, Security
from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import PeerIdMismatch, ProtocolViolation, RemoteError
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.security.tls import TlsSecurity
from support.offers import Offers

LENGTH = struct.Struct(">I")


class Machine:
    """Noise's handshake, with nothing wrong yet."""

    def __init__(self, inner: ByteMachine[Secured]) -> None:
        self.inner = inner

    def start(self) -> Output[Secured]:
        return self.changed(self.inner.start())

    def receive_data(self, data: ByteString) -> Output[Secured]:
        return self.changed(self.inner.receive_data(data))

    def receive_eof(self) -> None:
        self.inner.receive_eof()

    def changed(self, output: Output[Secured]) -> Output[Secured]:
        return output


class LosesTrailing(Machine):
    def changed(self, output: Output[Secured]) -> Output[Secured]:
        return replace(output, trailing=b"")


class LeaksErrors(Machine):
    def receive_data(self, data: ByteString) -> Output[Secured]:
        try:
            return super().receive_data(data)
        except RemoteError as error:
            raise KeyError("a bug") from error


class KeepsViews(Machine):
    def __init__(self, inner: ByteMachine[Secured]) -> None:
        super().__init__(inner)
        self.kept: list[ByteString] = []

    def receive_data(self, data: ByteString) -> Output[Secured]:
        self.kept.append(data)
        if sum(map(len, self.kept)) < 2:
            return Output()
        whole, self.kept = b"".join(self.kept), []
        return super().receive_data(whole)


class MindsNoEnd(Machine):
    def receive_eof(self) -> None:
        return


class TakesMore(Machine):
    def __init__(self, inner: ByteMachine[Secured]) -> None:
        super().__init__(inner)
        self.over = False

    def receive_data(self, data: ByteString) -> Output[Secured]:
        if self.over:
            return Output()
        output = super().receive_data(data)
        self.over = bool(output.events)
        return output


class ForgetsTheMuxer(Machine):
    def changed(self, output: Output[Secured]) -> Output[Secured]:
        return replace(output, events=tuple(replace(secured, muxer=None) for secured in output.events))


class Gathers(Machine):
    """Each message in one of four bytes of length, however long that says it is."""

    buffer = b""

    def receive_data(self, data: ByteString) -> Output[Secured]:
        self.buffer += data
        if len(self.buffer) < 4 or len(self.buffer) < 4 + LENGTH.unpack_from(self.buffer)[0]:
            return Output()
        end = 4 + LENGTH.unpack_from(self.buffer)[0]
        message, self.buffer = self.buffer[4:end], self.buffer[end:]
        output = super().receive_data(message)
        return replace(output, trailing=self.buffer) if output.events else output

    def changed(self, output: Output[Secured]) -> Output[Secured]:
        return replace(output, to_send=output.to_send and LENGTH.pack(len(output.to_send)) + output.to_send)


class RevivesItself(Machine):
    """A handshake that forgets what went wrong, and goes on with the next message."""

    def __init__(self, inner: ByteMachine[Secured], again: Callable[[], ByteMachine[Secured]]) -> None:
        super().__init__(inner)
        self.again = again

    def receive_data(self, data: ByteString) -> Output[Secured]:
        try:
            return super().receive_data(data)
        except RemoteError:
            self.inner = self.again()
            self.inner.start()
            raise


class ChecksTooLate(Machine):
    def __init__(self, inner: ByteMachine[Secured], expected: PeerId) -> None:
        super().__init__(inner)
        self.expected = expected

    def changed(self, output: Output[Secured]) -> Output[Secured]:
        for secured in output.events:
            if secured.remote_peer != self.expected:
                error = PeerIdMismatch(self.expected, secured.remote_peer)
                error.last_words = output.to_send
                raise error
        return output


class OtherCipher(Machine):
    def __init__(self, inner: ByteMachine[Secured], other: Callable[[Cipher], Cipher]) -> None:
        super().__init__(inner)
        self.other = other

    def changed(self, output: Output[Secured]) -> Output[Secured]:
        events = tuple(replace(secured, cipher=self.other(secured.cipher)) for secured in output.events)
        return replace(output, events=events)


class CipherAround:
    """A cipher around another one, with nothing wrong yet."""

    def __init__(self, inner: Cipher) -> None:
        self.inner = inner
        self.prefix, self.overhead, self.max_plaintext = inner.prefix, inner.overhead, inner.max_plaintext

    def encrypt(self, plaintext: ByteString) -> ByteString:
        return self.inner.encrypt(plaintext)

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        return self.inner.encrypt_into(plaintext, out)

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        return self.inner.decrypt(data, deliver)

    def farewell(self) -> ByteString:
        return self.inner.farewell()

    def receive_eof(self) -> None:
        self.inner.receive_eof()


class UnderstatesOverhead(CipherAround):
    def __init__(self, inner: Cipher) -> None:
        super().__init__(inner)
        self.overhead = inner.prefix


class WritesBeforeItReads(CipherAround):
    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        out[:] = bytes(len(out))
        return super().encrypt_into(plaintext, out)


class DropsTails(CipherAround):
    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        super().decrypt(data, deliver)
        return len(data)


class LosesLastBytes(CipherAround):
    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        came: list[bytes] = []
        taken = super().decrypt(data, came.append)
        for one in came:
            deliver(one[:-1])
        return taken


class NoticesNoCut(CipherAround):
    def receive_eof(self) -> None:
        return


class CipherErrorsLeak(CipherAround):
    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        try:
            return super().decrypt(data, deliver)
        except RemoteError as error:
            raise InvalidTag from error


class HomeMade:
    """ChaCha20-Poly1305 under a key that everybody knows; subclasses leave out more."""

    prefix, overhead, max_plaintext = 4, 20, 60_000
    numbered = True

    def __init__(self, inner: Cipher) -> None:
        self.aead = ChaCha20Poly1305(bytes(32))
        self.sent = self.taken = 0

    def encrypt(self, plaintext: ByteString) -> bytes:
        sealed = self.aead.encrypt(self.nonce(self.sent), bytes(plaintext), None)
        self.sent += 1
        return LENGTH.pack(len(sealed)) + sealed

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        frame = self.encrypt(plaintext)
        out[: len(frame)] = frame
        return len(frame)

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        at = 0
        while len(data) - at >= 4:
            end = at + 4 + LENGTH.unpack_from(data, at)[0]
            if end > at + self.max_plaintext + self.overhead:
                raise ProtocolViolation("too long")
            if end > len(data):
                break
            deliver(self.open(bytes(data[at + 4 : end])))
            self.taken += 1
            at = end
        return at

    def open(self, sealed: bytes) -> bytes:
        try:
            return self.aead.decrypt(self.nonce(self.taken), sealed, None)
        except InvalidTag:
            raise ProtocolViolation("does not authenticate") from None

    def nonce(self, number: int) -> bytes:
        return (number if self.numbered else 0).to_bytes(12, "big")

    def farewell(self) -> bytes:
        return b""

    def receive_eof(self) -> None:
        return


class NumbersNothing(HomeMade):
    numbered = False


class ChecksNoTag(HomeMade):
    def open(self, sealed: bytes) -> bytes:
        try:
            return super().open(sealed)
        except ProtocolViolation:
            return sealed[:-16]


Start = Callable[[Security, Role, PeerId | None], ByteMachine[Secured]]


class Broken:
    """Noise, with something done to each handshake."""

    protocol_id = "/broken"

    def __init__(self, key: PrivateKey, start: Start) -> None:
        self.noise = NoiseSecurity(key, os.urandom)
        self.begin = start

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> ByteMachine[Secured]:
        return self.begin(Offers(self.noise, muxers), role, expected_peer)


def with_machine(machine: Callable[[ByteMachine[Secured]], ByteMachine[Secured]]) -> Start:
    return lambda noise, role, expected: machine(noise.start(role, expected))


def with_cipher(cipher: Callable[[Cipher], Cipher]) -> Start:
    return lambda noise, role, expected: OtherCipher(noise.start(role, expected), cipher)


def asks_nobody(noise: Security, role: Role, expected: PeerId | None) -> ByteMachine[Secured]:
    return noise.start(role)


def checks_too_late(noise: Security, role: Role, expected: PeerId | None) -> ByteMachine[Secured]:
    return noise.start(role) if expected is None else ChecksTooLate(noise.start(role), expected)


def revives_itself(noise: Security, role: Role, expected: PeerId | None) -> ByteMachine[Secured]:
    return RevivesItself(noise.start(role, expected), lambda: noise.start(role, expected))


class Remembers:
    """A security with one machine for all connections of a role."""

    protocol_id = "/broken"

    def __init__(self, key: PrivateKey) -> None:
        self.noise = NoiseSecurity(key, os.urandom)
        self.machines: dict[Role, ByteMachine[Secured]] = {}

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> ByteMachine[Secured]:
        return self.machines.setdefault(role, self.noise.start(role, expected_peer, muxers=muxers))


class CutTls:
    """TLS whose connections may be cut without anybody's noticing."""

    protocol_id = "/broken"

    def __init__(self, key: PrivateKey) -> None:
        self.tls = TlsSecurity(key, lambda: 1_800_000_000.0)

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> ByteMachine[Secured]:
        return OtherCipher(self.tls.start(role, expected_peer, muxers=muxers), NoticesNoCut)

    @staticmethod
    def whole(key: PrivateKey) -> TlsSecurity:
        return TlsSecurity(key, lambda: 1_800_000_000.0)
