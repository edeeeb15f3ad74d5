"""Targets: the machines that peers talk to. Each is fed whole, byte by byte and cut at random, to one and the same end.

Randomness is fixed, so that bytes recorded from a real peer are understood again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured
from aiolibp2p.abc.machine import ByteMachine
from aiolibp2p.errors import HandshakeFailed, ProtocolViolation
from aiolibp2p.multiformats import varint
from aiolibp2p.multistream import (
    HEADER,
    NA,
    SIMULTANEOUS_ID,
    Agreed,
    AgreedInRole,
    Initiator,
    Responder,
    SimultaneousOpen,
    encode_message,
)
from aiolibp2p.muxers.mplex import Mplex
from aiolibp2p.muxers.yamux import Yamux, frames
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.protocols.fetch.messages import decode_request, decode_response, encode_request, encode_response
from aiolibp2p.protocols.identify.messages import IdentifyMessage, delimit, encode_parts
from aiolibp2p.security.noise import NoiseCipher, NoiseSecurity
from aiolibp2p.security.noise.messages import decode_payload, encode_payload
from aiolibp2p.security.noise.xx import KEY_BYTES, KeyPair, XXHandshake
from aiolibp2p.security.plaintext import PlaintextSecurity
from aiolibp2p.security.secio import SecioCipher, SecioHandshake, SecioSecurity
from aiolibp2p.security.secio.stretch import Keys
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, Upgraded, UpgradePlan
from aiolibp2p.testing.muxer_suite import Clock
from fuzz import adapters
from fuzz.cuts import Fed, Refused, Transcript, raise_if_refused, same_however_cut
from fuzz.engine import Target
from support.offers import Offers

YAMUX = frames.PROTOCOL_ID
OURS, THEIRS = (PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in (2, 3))
NOISE = encode_message("/noise")
SEND_KEY, RECEIVE_KEY = bytes(range(32)), bytes(range(32, 64))


def entropy(n: int) -> bytes:
    """Return the same bytes each time."""
    return bytes(range(64, 64 + n))


def security(muxers: tuple[str, ...] = (YAMUX,), key: PrivateKey = OURS) -> NoiseSecurity:
    """Noise whose handshakes are all the same."""
    return Offers(NoiseSecurity(key, entropy), muxers)


def secio(key: PrivateKey = OURS) -> SecioHandshake:
    """SECIO whose nonce and ephemeral key are the same each time."""
    return SecioSecurity(key, entropy).start(Role.INITIATOR)


def secio_cipher(ours: bool = True) -> SecioCipher:
    """One end of a connection."""
    keys = [Keys(bytes([at]) * 16, bytes([at]) * 32, bytes([at]) * 20) for at in (1, 2)]
    return SecioCipher(*keys[:: 1 if ours else -1], "SHA256")


def upgrade(role: Role, early: bool = True, key: PrivateKey = OURS) -> Upgrade:
    """An upgrade whose bytes are the same each time; without `early` the muxer is negotiated inside."""
    return Upgrade(role, UpgradePlan([security((YAMUX,) if early else (), key)], (YAMUX,)))


def simultaneous_upgrade(number: int, key: PrivateKey = OURS) -> Upgrade:
    """Return the upgrade of a dialer that draws this number."""
    return Upgrade(Role.INITIATOR, UpgradePlan([security((YAMUX,), key)], (YAMUX,)), None, lambda: number)


def agreed_in_role(event: AgreedInRole, trailing: bytes) -> object:
    return event.protocol_id, event.role.value, trailing


def agreed(event: Agreed, trailing: bytes) -> object:
    return event.protocol_id, trailing


def secured(event: Secured, trailing: bytes) -> object:
    """Return the peer, its early data, and the opened bytes behind the handshake."""
    behind = adapters.Frames(event.cipher).receive_data(trailing).events
    return event.remote_peer, event.muxer, event.early_data, trailing, behind


def upgraded(event: Upgraded, trailing: bytes) -> object:
    """Return the peer, and all the plaintext behind the upgrade: how much of it came early depends on the cuts."""
    frames_behind = adapters.Frames(event.secured.cipher)
    opened = frames_behind.receive_data(trailing).events
    plain = b"".join(piece for piece in opened if isinstance(piece, bytes))
    return event.secured.remote_peer, event.security, event.muxer, event.early_plaintext + plain


def ended(said: Transcript) -> object:
    """The shape of a transcript, for the engine."""
    raise_if_refused(said)
    return min(len(said.events), 3), said.end if isinstance(said.end, str) else None, bool(said.sent)


def machine(
    make: Callable[[], Fed], describe: Callable[[Any, bytes], object] | None = None
) -> Callable[[bytes], object]:
    """A target's `run` for a byte machine."""
    return lambda data: ended(same_however_cut(make, data, describe))


def adapter(make: Callable[[], Any]) -> Callable[[bytes], object]:
    """A target's `run` for what adapters.py puts into a machine's shape."""
    return lambda data: ended(same_however_cut(make, data))


def session(muxer: Muxer, role: Role) -> Callable[[bytes], object]:
    """Return a target's `run` for a muxer: the shape is the kinds of calls that its streams got."""

    def run(data: bytes) -> object:
        _, log = raise_if_refused(same_however_cut(lambda: adapters.Session(muxer, role), data)).end
        kinds = list(dict.fromkeys(entry[0] for entry in log))
        reason = next((entry[1] for entry in log if entry[0] == "violation"), "")
        return kinds, "".join(letter for letter in reason if not letter.isdigit())

    return run


def identify(data: bytes) -> object:
    said = raise_if_refused(same_however_cut(adapters.IdentifyParts, data))
    if not isinstance(said.end, IdentifyMessage):
        return said.end
    versions = (said.end.agent_version or "") + (said.end.protocol_version or "")
    assert (versions + "".join(said.end.protocols)).isprintable()
    again = adapters.IdentifyParts()
    again.receive_data(delimit(encode_parts(said.end)))
    if (read := again.receive_eof()) != said.end:  # ten parts of 4 KiB may not hold what ten of 8 KiB did
        assert len(data) > 10 * 1024
        assert read.public_key == said.end.public_key
    found = said.end.protocols, said.end.listen_addresses, said.end.observed_address, said.end.signed_peer_record
    return [min(len(one), 2) if isinstance(one, tuple) else one is not None for one in found]


def fetch_request(data: bytes) -> object:
    key = decode_request(data)
    assert decode_request(encode_request(key)) == key
    return min(len(key), 2)


def fetch_response(data: bytes) -> object:
    response = decode_response(data)
    assert decode_response(encode_response(response)) == response
    return response.status, min(len(response.data), 2)


def noise_payload(data: bytes) -> object:
    payload = decode_payload(data)
    assert decode_payload(encode_payload(payload)) == payload
    return len(payload.early_data.stream_muxers)


def noise_identity(data: bytes) -> object:
    """Message 2 of a responder that keeps to the handshake, but whose payload is anything."""

    def make() -> ByteMachine[Secured]:
        return security().start(Role.INITIATOR)

    theirs = XXHandshake(KeyPair(b"\x05" * KEY_BYTES), KeyPair(b"\x06" * KEY_BYTES))
    theirs.read_first(make().start().to_send[2:])
    message = theirs.write_second(data)
    return ended(same_however_cut(make, len(message).to_bytes(2, "big") + message, secured))


def inside_upgrade(data: bytes) -> object:
    """A dialer that keeps to the handshake, but sends anything where the muxer is negotiated."""

    def make() -> Upgrade:
        return upgrade(Role.RESPONDER, early=False)

    dialer = security((), THEIRS).start(Role.INITIATOR)
    opening = HEADER + NOISE + dialer.start().to_send
    listener = make()
    listener.start()
    answer = listener.receive_data(opening).to_send[len(HEADER + NOISE) :]
    output = dialer.receive_data(answer)
    cipher = output.events[0].cipher
    half = len(data) // 2
    sealed = b"".join(bytes(cipher.encrypt(piece)) for piece in (data[:half], data[half:]) if piece)

    def heard(sent: bytes) -> bytes:
        """Return the opened answers: two in one frame are the same as one in each of two."""
        again = security((), THEIRS).start(Role.INITIATOR)
        again.start()
        end = again.receive_data(sent[len(HEADER + NOISE) :])
        if not end.events:  # a machine that refused has not said even that
            return b""
        return b"".join(adapters.Frames(end.events[0].cipher).receive_data(end.trailing).events)  # type: ignore[arg-type]

    return ended(same_however_cut(make, opening + output.to_send + sealed, upgraded, heard))


def mplex_message(number: int, flag: int, length: int) -> bytes:
    """Return the header of an mplex message, without its body."""
    return varint.encode(number << 3 | flag) + varint.encode(length)


MULTISTREAM = (HEADER, NA, b"\x03ls\n", encode_message("/a"), encode_message("/b"), b"\x07/noise\n", b"\n", b"\x81\x08")
SIMULTANEOUS = (*MULTISTREAM, *map(encode_message, (SIMULTANEOUS_ID, "select:4", "select:6", "initiator", "responder")))
FRAMES = tuple(
    frames.HEADER.pack(0, kind, flags, stream_id, length)
    for kind, flags, stream_id, length in (
        (0, 1, 2, 3), (0, 1, 1, 3), (0, 4, 2, 3), (0, 4, 1, 0), (0, 8, 2, 0), (1, 1, 2, 0), (1, 1, 3, 0), (1, 4, 1, 0),
        (1, 8, 2, 7), (1, 0, 1, 2**32 - 1), (2, 1, 0, 5), (2, 2, 0, 1), (3, 0, 0, 0), (0, 1, 13, 1), (0, 1, 14, 1),
    )
)  # fmt: skip
PROTO = (b"\x0a", b"\x12", b"\x1a", b"\x22", b"\x2a\x0c/yamux/1.0.0", b"\x32", b"\x42", b"\x22\x0e\x12\x0c/yamux/1.0.0")
MPLEX_MESSAGES = tuple(
    mplex_message(number, flag, length)
    for number, flag, length in (
        (0, 0, 0), (1, 0, 3), (2, 0, 0), (7, 0, 1), (0, 1, 3), (0, 2, 3), (1, 2, 200), (2, 4, 0), (0, 3, 0), (0, 5, 0),
        (1, 6, 0), (9, 2, 5), (0, 7, 0), (0, 2, 2**20), (0, 2, 2**20 + 1), (2**60 - 1, 0, 0),
    )
)  # fmt: skip
YAMUX_ALONE, MPLEX_ALONE = Yamux(Clock()), Mplex(Clock())
REFUSED = (Refused,)


def simultaneous_open() -> SimultaneousOpen:
    return SimultaneousOpen(["/a", "/b"], lambda: 5)


def negotiator_responder() -> Responder:
    return Responder({"/a", "/noise"}.__contains__, max_proposals=5, listing=lambda: ["/a", "/noise"])


TARGETS = (
    Target("multistream_messages", adapter(adapters.Messages), REFUSED, MULTISTREAM, executions=600),
    Target("framing", adapter(adapters.Framing), REFUSED, (b"\x80", b"\xac\x02", b"\xad\x02"), executions=600),
    Target("initiator", machine(lambda: Initiator(["/a", "/b"]), agreed), REFUSED, MULTISTREAM, executions=600),
    Target("initiator_optimistic", machine(lambda: Initiator(["/a", "/b"], b"hello"), agreed), REFUSED, MULTISTREAM),
    Target("responder", machine(negotiator_responder, agreed), REFUSED, MULTISTREAM, executions=600),
    Target("simultaneous_open", machine(simultaneous_open, agreed_in_role), REFUSED, SIMULTANEOUS, executions=600),
    Target("noise_payload", noise_payload, (HandshakeFailed,), PROTO, executions=1000),
    Target("noise_identity", noise_identity, REFUSED, PROTO, executions=250),
    Target("noise_initiator", machine(lambda: security().start(Role.INITIATOR), secured), REFUSED, executions=250),
    Target("noise_responder", machine(lambda: security().start(Role.RESPONDER), secured), REFUSED, executions=250),
    Target("noise_cipher", adapter(lambda: adapters.Frames(NoiseCipher(SEND_KEY, RECEIVE_KEY))), REFUSED),
    Target("plaintext", machine(lambda: PlaintextSecurity(OURS).start(Role.RESPONDER), secured), REFUSED, PROTO),
    Target("secio", machine(secio, secured), REFUSED, PROTO, executions=250),
    Target("secio_cipher", adapter(lambda: adapters.Frames(secio_cipher())), REFUSED, (b"\0\0\0", b"\0\1\0\0")),
    Target("yamux_frames", adapter(adapters.YamuxFrames), REFUSED, FRAMES, executions=600),
    Target("yamux_initiator", session(YAMUX_ALONE, Role.INITIATOR), REFUSED, FRAMES, executions=600),
    Target("yamux_responder", session(YAMUX_ALONE, Role.RESPONDER), REFUSED, FRAMES, executions=600),
    Target("mplex", session(MPLEX_ALONE, Role.RESPONDER), REFUSED, MPLEX_MESSAGES, executions=600),
    Target("upgrade_initiator", machine(lambda: upgrade(Role.INITIATOR), upgraded), REFUSED, MULTISTREAM, 250),
    Target("upgrade_responder", machine(lambda: upgrade(Role.RESPONDER), upgraded), REFUSED, MULTISTREAM, 250),
    Target("upgrade_simultaneous", machine(lambda: simultaneous_upgrade(5), upgraded), REFUSED, SIMULTANEOUS, 250),
    Target("inside_upgrade", inside_upgrade, REFUSED, MULTISTREAM, executions=150),
    Target("identify", identify, REFUSED, PROTO, executions=500, max_bytes=16384),
    Target("fetch_request", fetch_request, (ProtocolViolation,), PROTO, executions=1000),
    Target("fetch_response", fetch_response, (ProtocolViolation,), PROTO, executions=1000),
)
