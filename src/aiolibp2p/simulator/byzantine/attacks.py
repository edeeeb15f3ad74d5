"""The attacks of a Byzantine peer at each layer: shaped nonsense, and honest words spoilt. Pure and bounded."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias

from aiolibp2p.multiformats import varint
from aiolibp2p.simulator.byzantine.mutation import mutate

Attack: TypeAlias = Callable[[random.Random], list[bytes]]
"""A function that makes the pieces of an attack, which are sent one after the other."""

FLOOD = 64
"""The frames or messages of an attack by number: more than the limit on owed pongs, few enough for a short run."""
DATA, WINDOW_UPDATE, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
MAX_U32 = 2**32 - 1
"""The largest value of a field of 32 bits."""

_HEADER = struct.Struct(">BBHII")

MULTISTREAM = b"/multistream/1.0.0\n"
SIMULTANEOUS = b"/libp2p/simultaneous-connect\n"
PROTOCOLS = (b"/ipfs/ping/1.0.0", b"/ipfs/id/1.0.0", b"/ipfs/id/push/1.0.0", b"/noise", b"/yamux/1.0.0", b"na", b"ls")


def message(text: bytes) -> bytes:
    """Return one message of multistream."""
    return varint.encode(len(text)) + text


def proposal(protocol_id: bytes) -> bytes:
    """Return the bytes with which an honest initiator begins."""
    return message(MULTISTREAM) + message(protocol_id + b"\n")


def frame(kind: int, flags: int, stream_id: int, length: int, body: bytes = b"", version: int = 0) -> bytes:
    """Return one yamux frame, its fields as they are given."""
    return _HEADER.pack(version, kind, flags, stream_id, length) + body


TONGUES = (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"SSH-2.0-x\r\n", bytes(99))
"""The first bytes of protocols that are not libp2p's."""

# Multistream


def _noise_of_bytes(source: random.Random) -> list[bytes]:
    return [source.randbytes(source.randint(1, 200)) for _ in range(source.randint(1, 5))]


def _other_tongues(source: random.Random) -> list[bytes]:
    return [source.choice(TONGUES)]


def _long_message(source: random.Random) -> list[bytes]:
    length = source.choice((1025, 65_536, 2**31, 2**63 - 1))
    return [message(MULTISTREAM), varint.encode(length), source.randbytes(400)]


def _endless_refusals(source: random.Random) -> list[bytes]:
    return [message(MULTISTREAM), *[message(b"na\n")] * source.randint(2, FLOOD)]


def _many_proposals(source: random.Random) -> list[bytes]:
    return [message(MULTISTREAM), *[message(source.choice(PROTOCOLS) + b"\n") for _ in range(FLOOD)]]


def _no_newline(source: random.Random) -> list[bytes]:
    return [message(source.choice((MULTISTREAM[:-1], b"", b"\n", b"/" * 300)))]


def _spoilt_proposal(source: random.Random) -> list[bytes]:
    return [mutate(proposal(source.choice(PROTOCOLS)) + source.randbytes(34), source)]


def _simultaneous_open(source: random.Random) -> list[bytes]:
    """Return words of the extension: the first three as they should be, or any in any order."""
    number = source.choice((b"0", b"18446744073709551615", b"18446744073709551616", b"-1", b"", b"9" * 500, b"07"))
    words = (SIMULTANEOUS, b"/noise\n", b"select:" + number + b"\n", b"initiator\n", b"responder\n", b"na\n")
    first = words[:3] if source.random() < 0.7 else ()
    return [message(word) for word in (MULTISTREAM, *first, *source.choices(words, k=source.randint(0, 8)))]


MULTISTREAM_ATTACKS: tuple[Attack, ...] = (
    _noise_of_bytes,
    _other_tongues,
    _long_message,
    _endless_refusals,
    _many_proposals,
    _no_newline,
    _spoilt_proposal,
    _simultaneous_open,
)

# Noise, behind an honest proposal


def _short_handshake(source: random.Random) -> list[bytes]:
    size = source.randint(0, 31)
    return [proposal(b"/noise"), size.to_bytes(2) + source.randbytes(size)]


def _zero_key(source: random.Random) -> list[bytes]:
    return [proposal(b"/noise"), (32).to_bytes(2) + bytes(32)]


def _promised_and_kept_back(source: random.Random) -> list[bytes]:
    return [proposal(b"/noise"), b"\xff\xff", source.randbytes(source.randint(0, 300))]


def _random_handshake(source: random.Random) -> list[bytes]:
    pieces = [source.randbytes(32), source.randbytes(source.randint(0, 500))]
    return [proposal(b"/noise"), *(len(piece).to_bytes(2) + piece for piece in pieces)]


NOISE_ATTACKS: tuple[Attack, ...] = (_short_handshake, _zero_key, _promised_and_kept_back, _random_handshake)

# Yamux, on a connection that is secured


def _random_frames(source: random.Random) -> list[bytes]:
    return [source.randbytes(12) for _ in range(source.randint(1, 8))]


def _shaped_frame(source: random.Random) -> list[bytes]:
    kind, flags = source.randrange(6), source.choice((0, SYN, ACK, FIN, RST, SYN | FIN, SYN | RST, 0xFFFF))
    stream_id = source.choice((0, 1, 2, 3, MAX_U32))
    length = source.choice((0, 1, 12, 262_145, MAX_U32))
    version = source.choice((0, 0, 0, 1, 255))
    return [frame(kind, flags, stream_id, length, version=version)]


def _past_the_window(source: random.Random) -> list[bytes]:
    return [frame(DATA, SYN, 1, 300_000), *[bytes(50_000)] * 6]


def _stream_flood(source: random.Random) -> list[bytes]:
    return [frame(WINDOW_UPDATE, SYN, 2 * n + 1, 0) for n in range(FLOOD)]


def _open_and_reset(source: random.Random) -> list[bytes]:
    return [frame(DATA, SYN, 2 * n + 1, 0) + frame(DATA, RST, 2 * n + 1, 0) for n in range(FLOOD)]


def _ping_flood(source: random.Random) -> list[bytes]:
    return [frame(PING, source.choice((SYN, ACK)), 0, n) for n in range(FLOOD)]


def _endless_credit(source: random.Random) -> list[bytes]:
    return [frame(WINDOW_UPDATE, SYN, 1, MAX_U32), frame(WINDOW_UPDATE, 0, 1, MAX_U32)]


def _go_away(source: random.Random) -> list[bytes]:
    return [frame(GO_AWAY, 0, 0, source.choice((0, 1, 2, 3, MAX_U32)))]


def _spoilt_frames(source: random.Random) -> list[bytes]:
    hello = proposal(b"/ipfs/ping/1.0.0")
    opened = frame(DATA, SYN, 1, len(hello), hello)
    return [mutate(opened + frame(DATA, 0, 1, 32, source.randbytes(32)) + frame(DATA, FIN, 1, 0), source)]


YAMUX_ATTACKS: tuple[Attack, ...] = (
    _random_frames,
    _shaped_frame,
    _past_the_window,
    _stream_flood,
    _open_and_reset,
    _ping_flood,
    _endless_credit,
    _go_away,
    _spoilt_frames,
)

# Streams, honestly opened


def _on_streams(bodies: Sequence[bytes]) -> list[bytes]:
    return [frame(DATA, SYN, 2 * n + 1, len(body), body) for n, body in enumerate(bodies)]


def _hostile_negotiations(source: random.Random) -> list[bytes]:
    return _on_streams([b"".join(source.choice(MULTISTREAM_ATTACKS)(source))[:10_000] for _ in range(4)])


def _spoilt_requests(source: random.Random) -> list[bytes]:
    bodies = [proposal(source.choice(PROTOCOLS[:3])) + source.randbytes(source.randint(0, 100)) for _ in range(6)]
    return _on_streams([mutate(body, source) if source.random() < 0.5 else body for body in bodies])


def _hostile_push(source: random.Random) -> list[bytes]:
    size = source.choice((0, 10, 8192, 70_000))
    body = proposal(b"/ipfs/id/push/1.0.0") + varint.encode(size) + source.randbytes(min(size, 5000))
    return [*_on_streams([body]), frame(DATA, FIN, 1, 0)]


STREAM_ATTACKS: tuple[Attack, ...] = (_hostile_negotiations, _spoilt_requests, _hostile_push)
