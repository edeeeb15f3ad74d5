"""Targets: key files of private networks, and what a peer sends on a protected connection."""

from __future__ import annotations

from aiolibp2p.abc.machine import ByteString, Output
from aiolibp2p.errors import ConfigError
from aiolibp2p.security.pnet import NONCE_BYTES, PreSharedKey
from aiolibp2p.security.pnet.xsalsa20 import XSalsa20
from fuzz.adapters import Adapter
from fuzz.cuts import same_however_cut
from fuzz.engine import Target
from security.pnet.ends import KEY, End

KEY_FILE = (b"/key/swarm/psk/1.0.0/\n", b"/base16/\n", b"/base64/\n", b"/bin/\n", b"\r\n", b"00", bytes(32))


class Protected(Adapter):
    """A protected connection, fed into its receiver's buffer and beside it in turn; the events are what comes out."""

    def __init__(self) -> None:
        self._end = End(b"a")
        self._is_odd = False

    def receive_data(self, data: ByteString) -> Output[object]:
        self._is_odd = not self._is_odd
        if data:
            self._end.feed(bytes(data), into_buffer=self._is_odd)
        return Output()

    def receive_eof(self) -> object:
        return self._end.receiver.received, self._end.raw.sent, "abort" in self._end.raw.asked


def read_key_file(data: bytes) -> object:
    key = PreSharedKey.parse(data)
    assert all(PreSharedKey.parse(key.to_file_content(codec)) == key for codec in ("base16", "base64", "bin"))
    return data.split(b"\n")[1].strip(b"\r")


def protected(data: bytes) -> object:
    received, sent, is_over = same_however_cut(Protected, data).end
    assert sent == End(b"a").nonce
    nonce, sealed = data[:NONCE_BYTES], data[NONCE_BYTES:]
    is_mirror = nonce == sent
    assert is_over == is_mirror
    assert received == (b"" if is_mirror or not sealed else XSalsa20(KEY.reveal(), nonce).apply(sealed))
    return is_mirror, min(len(received), 1)


TARGETS = (
    Target("psk_file", read_key_file, (ConfigError,), KEY_FILE, executions=600),
    Target("protected", protected, (), (b"a" * NONCE_BYTES, bytes(NONCE_BYTES)), executions=300, max_bytes=400),
)


def seeds() -> dict[str, dict[str, bytes]]:
    """Files as they are written, and a conversation of a member, a mirror and one that stops early."""
    member = End(b"b")
    for piece in (b"hello", b" world"):
        member.connection.write(piece)
    return {
        "psk_file": {codec: KEY.to_file_content(codec) for codec in ("base16", "base64", "bin")},
        "protected": {
            "member": member.raw.sent,
            "mirror": End(b"a").raw.sent + b"echo",
            "cut": member.raw.sent[: NONCE_BYTES - 1],
        },
    }
