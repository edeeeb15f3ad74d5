"""A peer of our own few lines, over a blocking socket: nothing in here knows aiolibp2p.

Honest unless told otherwise. What it says during the handshake comes from one small method each; a liar overrides one.
Past the handshake, `send` takes any bytes and `send_raw` goes below the encryption.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections import defaultdict, deque
from typing import NamedTuple, Self

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from hostile import wire
from hostile.noise import Noise, nonce
from hostile.wire import ACK, DATA, FIN, GO_AWAY, NOISE, PING, RST, SYN, Identity

PATIENCE_S = 10.0
"""The seconds that the other side has for any one answer."""

SEALED_AT_ONCE = 32 * 1024


class Gone(ConnectionError):
    """The other side has hung up."""


class Frame(NamedTuple):
    """A yamux frame."""

    kind: int
    flags: int
    stream_id: int
    length: int
    body: bytes


class NoisePeer:
    """One connection, with multistream and noise. `dial` and `accept` make one; then `shake_hands`, then bytes."""

    security = NOISE
    """The protocol id of the security that this peer asks for and agrees to."""

    def __init__(self, sock: socket.socket, is_dialer: bool, identity: Identity | None = None) -> None:
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.identity = identity or Identity()
        self.noise = Noise()
        self.their_payload = b""
        self._raw = b""
        self._plain = b""
        self._keys = b"", b""
        self._sent = self._opened = 0
        self.take_role(is_dialer)

    def take_role(self, is_dialer: bool) -> None:
        """Take a role: noise depends on it."""
        self.is_dialer = is_dialer

    @classmethod
    def dial(cls, port: int, receive_buffer: int | None = None) -> Self:
        """Connect to loopback; nothing is said yet."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(("127.0.0.1", port))
        return cls(sock, is_dialer=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    # What it says in the handshake

    def proposal(self) -> bytes:
        """Return either side's multistream messages: header and security."""
        return wire.ask(self.security)

    def ephemeral(self) -> bytes:
        """The X25519 key of this handshake."""
        return self.noise.ephemeral.public_key().public_bytes_raw()

    def static(self) -> bytes:
        """The X25519 key that the identity signs."""
        return self.noise.static.public_key().public_bytes_raw()

    def payload(self) -> bytes:
        """Return the payload of the handshake: this peer's identity."""
        return self.identity.proves(self.static())

    # The handshake

    def shake_hands(self) -> None:
        """Multistream and noise, as dialer or listener."""
        self.negotiate()
        if self.is_dialer:
            self._shake_hands_first()
        else:
            self._shake_hands_second()

    def negotiate(self) -> None:
        """Agree on the security."""
        if self.is_dialer:
            self.send_raw(self.proposal())
            self.expect(wire.ask(self.security))
        else:
            self.expect(wire.ask(self.security))
            self.send_raw(self.proposal())

    def _shake_hands_first(self) -> None:
        self.send_message(self.noise.first(self.ephemeral()))
        self.their_payload = self.noise.read_second(self.read_message())
        self.send_message(self.noise.third(self.static(), self.payload()))
        self._keys = self.noise.split()

    def _shake_hands_second(self) -> None:
        self.noise.read_first(self.read_message())
        self.send_message(self.noise.second(self.ephemeral(), self.static(), self.payload()))
        self.their_payload = self.noise.read_third(self.read_message())
        theirs, ours = self.noise.split()
        self._keys = ours, theirs

    # Raw bytes

    def send_raw(self, data: bytes) -> None:
        """Send bytes below the encryption."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone(str(error)) from None

    def send_message(self, message: bytes) -> None:
        """A noise message behind its length."""
        self.send_raw(struct.pack(">H", len(message)) + message)

    def read_raw(self, n: int) -> bytes:
        """Read exactly `n` bytes. Raises Gone."""
        while len(self._raw) < n:
            try:
                chunk = self.sock.recv(256 * 1024)
            except ConnectionResetError as error:
                raise Gone(str(error)) from None
            if not chunk:
                raise Gone("end of stream")
            self._raw += chunk
        taken, self._raw = self._raw[:n], self._raw[n:]
        return taken

    def expect(self, said: bytes) -> None:
        """Assert that the other side sends exactly this next."""
        assert self.read_raw(len(said)) == said

    def read_message(self) -> bytes:
        """A noise message."""
        (length,) = struct.unpack(">H", self.read_raw(2))
        return self.read_raw(length)

    def hangs_up_within(self, seconds: float) -> bool:
        """Whether the other side hangs up within that time; what it says meanwhile is lost."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self.sock], [], [], left)[0]:
            if self._has_hung_up():
                return True
        return False

    def _has_hung_up(self) -> bool:
        try:
            return not self.sock.recv(65536)
        except ConnectionResetError:
            return True

    def half_close(self) -> None:
        """Send no more; still read."""
        self.sock.shutdown(socket.SHUT_WR)

    def hang_up_rudely(self) -> None:
        """End with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # Encrypted bytes

    def seal(self, plaintext: bytes) -> bytes:
        """One noise frame."""
        sealed = ChaCha20Poly1305(self._keys[0]).encrypt(nonce(self._sent), plaintext, None)
        self._sent += 1
        return struct.pack(">H", len(sealed)) + sealed

    def send(self, *plaintext: bytes) -> None:
        """Seal and send, in as many noise frames as it takes."""
        joined = b"".join(plaintext)
        for at in range(0, len(joined), SEALED_AT_ONCE):
            self.send_raw(self.seal(joined[at : at + SEALED_AT_ONCE]))

    def read_plain(self, n: int) -> bytes:
        """Read exactly `n` decrypted bytes."""
        while len(self._plain) < n:
            self._plain += ChaCha20Poly1305(self._keys[1]).decrypt(nonce(self._opened), self.read_message(), None)
            self._opened += 1
        taken, self._plain = self._plain[:n], self._plain[n:]
        return taken


class Peer(NoisePeer):
    """A peer that speaks yamux: frames and streams."""

    def __init__(self, sock: socket.socket, is_dialer: bool, identity: Identity | None = None) -> None:
        super().__init__(sock, is_dialer, identity)
        self.inbox: defaultdict[int, bytearray] = defaultdict(bytearray)
        """The bytes that came on each stream."""
        self.flags: defaultdict[int, int] = defaultdict(int)
        """All flags seen on each stream."""
        self.arrived: deque[int] = deque()
        """Streams of theirs that nobody has looked at yet."""
        self.goodbye: int | None = None
        """The code of their GoAway."""
        self.pongs: list[int] = []
        self.gives_credit = True

    def take_role(self, is_dialer: bool) -> None:
        """Take a role: noise, and the ids of this peer's streams, depend on it."""
        super().take_role(is_dialer)
        self._next_id = 1 if is_dialer else 2

    # Frames

    def read_frame(self) -> Frame:
        """The next frame; its effects are noted, and pings answered."""
        _version, kind, flags, stream_id, length = struct.unpack(">BBHII", self.read_plain(12))
        body = self.read_plain(length) if kind == DATA else b""
        if kind == PING and flags & SYN:
            with contextlib.suppress(Gone):
                self.send(wire.frame(PING, ACK, 0, length))
        elif kind == PING:
            self.pongs.append(length)
        elif kind == GO_AWAY:
            self.goodbye = length
        else:
            if flags & SYN:
                self.arrived.append(stream_id)
            self.flags[stream_id] |= flags
            self.inbox[stream_id] += body
        if body and self.gives_credit and not flags & (FIN | RST):
            with contextlib.suppress(Gone):
                self.send(wire.credit(stream_id, len(body)))
        return Frame(kind, flags, stream_id, length, body)

    def until_gone(self) -> int | None:
        """Read until they hang up; the code of their GoAway, None if they said none."""
        with contextlib.suppress(Gone):
            while True:
                self.read_frame()
        return self.goodbye

    def ping(self) -> None:
        """A round trip: everything sent before has been dealt with, and they still talk."""
        value = 0xABC00000 + len(self.pongs)
        self.send(wire.frame(PING, SYN, 0, value))
        while value not in self.pongs:
            self.read_frame()

    # Streams

    def new_id(self) -> int:
        """An id of ours."""
        self._next_id += 2
        return self._next_id - 2

    def open(self, protocol_id: str, words: bytes = b"") -> int:
        """Open a stream, with the proposal and these words in its first frame."""
        stream_id = self.new_id()
        self.send(wire.data(stream_id, wire.ask(protocol_id) + words, SYN))
        return stream_id

    def agreed(self, stream_id: int, protocol_id: str) -> int:
        """Assert that the host took the protocol; return the stream's id."""
        assert self.read(stream_id, len(wire.ask(protocol_id))) == wire.ask(protocol_id)
        return stream_id

    def use(self, protocol_id: str, words: bytes = b"") -> int:
        """Open a stream and wait for their agreement."""
        return self.agreed(self.open(protocol_id, words), protocol_id)

    def read(self, stream_id: int, n: int) -> bytes:
        """Read exactly `n` bytes of a stream."""
        inbox = self.inbox[stream_id]
        while len(inbox) < n:
            assert not self.flags[stream_id] & (FIN | RST), f"stream {stream_id} ended after {bytes(inbox)!r}"
            self.read_frame()
        taken = bytes(inbox[:n])
        del inbox[:n]
        return taken

    def until(self, stream_id: int, flag: int) -> int:
        """Read until this flag came on the stream; all flags seen on it."""
        while not self.flags[stream_id] & flag:
            self.read_frame()
        return self.flags[stream_id]

    def await_stream(self) -> int:
        """The next stream they opened; its id."""
        while not self.arrived:
            self.read_frame()
        return self.arrived.popleft()

    def serve(self, protocol_id: str) -> int:
        """Wait for a stream of theirs that asks for this protocol, and agree; its id. Others are reset."""
        while True:
            stream_id = self.await_stream()
            if self.asked(stream_id) == protocol_id:
                self.send(wire.data(stream_id, wire.ask(protocol_id), ACK))
                return stream_id
            self.send(wire.reset(stream_id))

    def asked(self, stream_id: int) -> str:
        """Return the protocol that they propose on a stream of theirs."""
        hello = wire.text(wire.HELLO)
        assert self.read(stream_id, len(hello)) == hello
        length, _ = wire.read_varint(self.read(stream_id, 1))
        return self.read(stream_id, length)[:-1].decode()


class Listener:
    """A listening socket on loopback."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.settimeout(PATIENCE_S)
        self.address = f"/ip4/127.0.0.1/tcp/{self.sock.getsockname()[1]}"

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def accept(self, kind: type[Peer] = Peer) -> Peer:
        """The next connection; nothing is said yet."""
        return kind(self.sock.accept()[0], is_dialer=False)

    def stop(self) -> None:
        """Wake the thread that waits in `accept`: it raises OSError."""
        self.sock.shutdown(socket.SHUT_RDWR)
