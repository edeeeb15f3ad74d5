"""Makes the seeds of the corpus from tests/vectors and from what our own machines say.

`PYTHONPATH=tests python -m fuzz.seeds` writes them; a test checks that they are what this makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import EarlyData
from aiolibp2p.multiformats import Multiaddr, multihash, varint
from aiolibp2p.multistream import HEADER, NA, SIMULTANEOUS_ID, encode_message
from aiolibp2p.muxers.yamux import frames
from aiolibp2p.peer import PrivateKey, SignedEnvelope
from aiolibp2p.peer.peer_record import seal_peer_record
from aiolibp2p.protocols.fetch.messages import Response, Status, encode_request, encode_response
from aiolibp2p.protocols.identify.messages import IdentifyMessage, delimit, encode_parts
from aiolibp2p.security.noise import NoiseCipher
from aiolibp2p.security.noise.messages import SIGNATURE_PREFIX, HandshakePayload, encode_payload
from aiolibp2p.security.noise.xx import KeyPair
from aiolibp2p.security.plaintext import PlaintextSecurity
from aiolibp2p.swarm.upgrade.upgrade import Upgrade
from fuzz import certificates, corpus, identities, mplex, private_networks, wire
from security.tls.forging import extension, moment

VECTORS = Path(__file__).parents[1] / "vectors"
MAX_PER_SOURCE = 40
"""The most seeds of one list of vectors; every n-th is taken."""

STEADY_SIGNERS = ("ED25519", "RSA")
"""Kinds of keys whose signatures are the same each time, whatever the OpenSSL below."""

ROLES = ((4, "responder"), (6, "initiator"))
"""Roles of a peer that meets the number 5: its own number, and what it says of itself."""

Entries: TypeAlias = dict[str, bytes]


def all_seeds() -> Mapping[str, Entries]:
    """The seeds of every target."""
    identities_and_proofs = {**_identities(), **_certificates(), **private_networks.seeds(), **mplex.seeds()}
    talk = {**_negotiations(), **_handshakes(), **_old_securities(), **_muxing()}
    return {**_formats(), **identities_and_proofs, **talk}


def _vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text())


def _named(prefix: str, items: Iterable[bytes]) -> Entries:
    found = list(dict.fromkeys(items))
    step = -(-len(found) // MAX_PER_SOURCE) or 1
    return {f"{prefix}-{number}": data for number, data in enumerate(found[::step], 1)}


def _hex(prefix: str, items: Iterable[str]) -> Entries:
    return _named(prefix, map(bytes.fromhex, items))


def _text(prefix: str, items: Iterable[str]) -> Entries:
    return _named(prefix, (item.encode() for item in items))


def _formats() -> dict[str, Entries]:
    addresses, hashes, cids, bases, ids, varints = map(
        _vectors, ("multiaddr", "multihash", "cid", "multibase", "peer_ids", "varint")
    )
    valid = [item["text"] for item in addresses["valid"]]
    typed = ["1.2.3.4:80", "[::1]:80", "localhost:4001", "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"]
    kinds = ("base58", "base32", "base36", "base64url")
    cid_texts = [item["cid"] for item in cids["peer_ids"]] + [item["text"] for item in cids["content"]]
    return {
        "varint": _hex("valid", [item["hex"] for item in varints["valid"]])
        | _hex("invalid", [item["hex"] for item in varints["invalid"]]),
        "multibase": _text("valid", [item["text"] for item in bases["valid"]]),
        "multihash": _hex("valid", [item["hex"] for item in hashes["valid"] + hashes["sha2_256"]]),
        "cid": _named("peer-id", (b"\x01\x72" + bytes.fromhex(item["multihash"]) for item in ids["peer_ids"])),
        "cid_text": _text("valid", cid_texts),
        "multiaddr": _hex("valid", [item["hex"] for item in addresses["valid"]])
        | _hex("invalid", [item["hex"] for item in addresses["invalid_hex"]]),
        "multiaddr_text": _text("valid", valid) | _text("invalid", addresses["invalid_text"]),
        "cli_address": _text("typed", typed) | _text("valid", valid[::8]),
        "peer_id": _hex("valid", [item["multihash"] for item in ids["peer_ids"]]),
        "peer_id_text": _text("valid", [item[kind] for item in ids["peer_ids"] for kind in kinds if kind in item]),
    }


def _identities() -> dict[str, Entries]:
    keys = _vectors("keys")["keys"]
    records = _vectors("envelopes")["peer_records"]["sealed"]
    addresses = [Multiaddr(text) for text in ("/ip4/192.0.2.1/tcp/4001", "/dns4/example.com/tcp/443/wss")]
    ours = [seal_peer_record(identities.SIGNER, 7, addresses, legacy=legacy) for legacy in (False, True)]
    sealed = {item["domain"]: bytes.fromhex(item["envelope"]) for item in records}
    foreign = next(iter(sealed.values()))
    own = {"ours": ours[0].encode(), "ours-rfc": ours[1].encode()}
    private = {item["kind"]: bytes.fromhex(item["private_key"]) for item in keys}
    return {
        "public_key": {item["kind"]: bytes.fromhex(item["public_key"]) for item in keys},
        "private_key": private,
        "key_file": private,
        "signed_envelope": sealed | own,
        "peer_record": sealed | own,
        "signed_payload": {"ours": ours[0].payload, "of-another": SignedEnvelope.decode(foreign).payload},
    }


def _certificates() -> dict[str, Entries]:
    vectors = [item["certificate"] for item in _vectors("tls_certificates")["certificates"]]
    hosts = [PrivateKey.unmarshal(bytes.fromhex(item["private_key"])) for item in _vectors("keys")["keys"]]
    values = {host.kind.name.lower(): certificates.sign_key(host) for host in hosts if host.kind.name in STEADY_SIGNERS}
    unknown = [extension("2.5.29.17", b"\x30\x00", False), extension("1.2.3")]
    certificate = {
        "critical": certificates.sign_part(critical=True, behind=unknown),
        "unique-ids": certificates.sign_part(unique_ids=b"\x81\x01\x00\x82\x02\x00\x01"),
        "generalized": certificates.sign_part(not_before=moment("00010101000000Z"), serial=b"\xff" * 20),
    }
    return {
        "tls_certificate": _hex("vector", dict.fromkeys(vectors)),
        "tls_signed_part": {"ours": certificates.sign_part(), **certificate},
        "tls_signed_key": {"ours": certificates.sign_key(), **values},
    }


def _negotiations() -> dict[str, Entries]:
    a, b, unknown = map(encode_message, ("/a", "/b", "/unknown/1.0.0"))
    proposals = {
        "at-once": HEADER + a + b"payload",
        "second": HEADER + unknown + a,
        "ls": HEADER + b"\x03ls\n" + a,
        "none": HEADER + unknown * 5,
    }
    answers = {"echo": HEADER + a + b"payload", "second": HEADER + NA + b, "none": HEADER + NA * 2}
    both = HEADER + encode_message(SIMULTANEOUS_ID) + a
    won, lost = (both + encode_message(f"select:{n}") + encode_message(role) for n, role in ROLES)
    long = encode_message("/" + "x" * 1000)
    return {
        "responder": proposals,
        "initiator": answers,
        "initiator_optimistic": answers,
        "simultaneous_open": {
            **{name: HEADER + NA + said.removeprefix(HEADER) for name, said in answers.items()},
            "won": won + NA + b + b"payload",
            "lost": lost + unknown + b + b"payload",
            "equal": both + encode_message("select:5"),
            "zeros": both + encode_message("select:04"),
            "flood": both + a * 65,
        },
        "multistream_messages": {"some": proposals["second"], "long": HEADER + long},
        "framing": {
            "short": varint.encode(3) + b"abc" + varint.encode(0),
            "longest": varint.encode(300) + bytes(300),
            "too-long": varint.encode(301) + bytes(301),
        },
    }


def _handshakes() -> dict[str, Entries]:
    static = KeyPair(b"\x05" * 32)
    signature = wire.THEIRS.sign(SIGNATURE_PREFIX + static.public)
    hashes = (multihash.sha2_256(b"certificate").encode(),)
    genuine = {
        "plain": encode_payload(HandshakePayload(wire.THEIRS.public_key.marshal(), signature, EarlyData())),
        "early-data": encode_payload(
            HandshakePayload(wire.THEIRS.public_key.marshal(), signature, EarlyData((wire.YAMUX, "/mplex"), hashes))
        ),
        "no-muxer": encode_payload(
            HandshakePayload(wire.THEIRS.public_key.marshal(), signature, EarlyData(("/mplex/6.7.0",)))
        ),
    }
    initiator = wire.security().start(Role.INITIATOR)
    responder = wire.security(key=wire.THEIRS).start(Role.RESPONDER)
    first = initiator.start().to_send
    second = responder.receive_data(first).to_send
    third = initiator.receive_data(second).to_send
    cipher = NoiseCipher(wire.RECEIVE_KEY, wire.SEND_KEY)
    sealed = b"".join(bytes(cipher.encrypt(text)) for text in (b"one", b"", b"three" * 40))
    return {
        "noise_payload": genuine,
        "noise_identity": genuine,
        "noise_initiator": {"ours": second, "low-order": second[:2] + bytes(32) + second[34:]},
        "noise_responder": {"ours": first + third, "low-order": first[:2] + bytes(32)},
        "noise_cipher": {"frames": sealed, "damaged": sealed[:-1] + b"\x00"},
        **_upgrades(),
    }


def _old_securities() -> dict[str, Entries]:
    exchange = PlaintextSecurity(wire.THEIRS).start(Role.INITIATOR).start().to_send
    ours, theirs = wire.secio(), wire.secio(wire.THEIRS)
    there, back = ours.start().to_send, theirs.start().to_send
    said = [back]
    for _ in range(2):
        there, back = ours.receive_data(back).to_send, theirs.receive_data(there).to_send
        said.append(back)
    behind = bytes(theirs.receive_data(there).events[0].cipher.encrypt(b"behind"))
    cipher = wire.secio_cipher(ours=False)
    sealed = b"".join(cipher.encrypt(text) for text in (b"one", b"", b"three" * 40))
    return {
        "plaintext": {"ours": exchange, "with-more": exchange + b"first bytes", "of-nobody": b"\x00"},
        "secio": {"ours": b"".join(said), "with-more": b"".join(said) + behind, "echo": wire.secio().start().to_send},
        "secio_cipher": {"frames": sealed, "damaged": sealed[:-1] + b"\x00", "long": b"\0\x1f\0\0" + sealed},
    }


def _upgrades() -> dict[str, Entries]:
    initiator_said: Entries = {}
    responder_said: Entries = {}
    for name, early in (("early-muxer", True), ("negotiated", False)):
        dialer, listener = wire.upgrade(Role.INITIATOR, early), wire.upgrade(Role.RESPONDER, early)
        listener.start()
        there, back = dialer.start().to_send, b""
        said = [there]
        heard = []
        while there:
            back = listener.receive_data(there).to_send
            heard.append(back)
            there = dialer.receive_data(back).to_send if back else b""
            said.append(there)
        initiator_said[name], responder_said[name] = b"".join(said), b"".join(heard)
    simultaneous = {role: _met(wire.simultaneous_upgrade(number, wire.THEIRS)) for number, role in ROLES}
    simultaneous["na"] = HEADER + NA + responder_said["early-muxer"].removeprefix(HEADER)
    proposal = HEADER + encode_message(wire.YAMUX)
    inside = {
        "at-once": proposal + b"first",
        "refused": HEADER + encode_message("/mplex/6.7.0") + proposal[len(HEADER) :],
    }
    return {
        "upgrade_responder": initiator_said,
        "upgrade_initiator": responder_said,
        "upgrade_simultaneous": simultaneous,
        "inside_upgrade": inside,
    }


def _met(theirs: Upgrade) -> bytes:
    """Return all that this end says to a peer that draws 5."""
    ours = wire.simultaneous_upgrade(5)
    there, back = ours.start().to_send, theirs.start().to_send
    said = b""
    while there or back:
        said += back
        answer = ours.receive_data(back).to_send if back else b""
        back = theirs.receive_data(there).to_send if there else b""
        there = answer
    return said


def _muxing() -> dict[str, Entries]:
    def frame(kind: int, flags: int, stream_id: int, body: bytes = b"", length: int | None = None) -> bytes:
        return frames.HEADER.pack(0, kind, flags, stream_id, len(body) if length is None else length) + body

    syn, ack, fin, rst = frames.SYN, frames.ACK, frames.FIN, frames.RST
    conversations: dict[str, Entries] = {}
    for name, own, theirs, lazy in (("yamux_initiator", 1, 2, 4), ("yamux_responder", 2, 1, 5)):
        conversations[name] = {
            "opened": frame(0, syn, theirs, b"hello") + frame(0, 0, theirs, b" world") + frame(0, fin, theirs),
            "answered": frame(1, ack, own, length=0) + frame(0, fin, own, b"answer") + frames.ping(ack, 1),
            "reset": frame(0, syn, theirs, b"x") + frame(1, rst, theirs, length=7) + frame(0, 0, theirs, b"late"),
            "many": b"".join(frame(1, syn, theirs + 2 * at, length=256) for at in range(6)) + frames.ping(syn, 9),
            "fin-twice": frame(0, syn | fin, lazy, b"x") + frame(1, fin, lazy, length=0),
            "data-after-fin": frame(0, syn | fin, lazy, b"x") + frame(0, 0, lazy, b"late"),
            "goodbye": frames.go_away(0) + frame(1, fin, own, length=0),
            "too-much": frame(0, syn, theirs, b"", 2**18 + 1),
            "refused": frame(0, syn, theirs + 12, b"abc") + frame(0, fin, theirs + 12, b"def"),
        }
    mplex_session = _mplex()
    message = IdentifyMessage(
        public_key=wire.THEIRS.public_key.marshal(),
        listen_addresses=(Multiaddr("/ip4/192.0.2.1/tcp/4001"),),
        protocols=("/ipfs/ping/1.0.0", "/ipfs/id/1.0.0"),
        observed_address=Multiaddr("/ip4/198.51.100.1/tcp/1"),
        protocol_version="ipfs/0.1.0",
        agent_version="agent/1",
        signed_peer_record=seal_peer_record(wire.THEIRS, 1, [Multiaddr("/ip4/192.0.2.1/tcp/4001")]).encode(),
    )
    parts = [encode_parts(IdentifyMessage(protocols=(name,)))[0] for name in ("/a", "/b", "/a")]
    identify = {"whole": delimit(encode_parts(message)), "parts": delimit(parts), "empty": b"\x00"}
    both = {name: data for entries in conversations.values() for name, data in entries.items()}
    return {**conversations, "yamux_frames": both, "mplex": mplex_session, "identify": identify, **_fetches()}


def _fetches() -> dict[str, Entries]:
    answers = {status.name.lower(): encode_response(Response(status, b"data")) for status in Status}
    return {
        "fetch_request": {"text": encode_request(b"/app/key"), "bytes": encode_request(b"\xff\x00"), "absent": b""},
        "fetch_response": {**answers, "absent": b"", "unknown-status": b"\x08\x07"},
    }


def _mplex() -> Entries:
    new, to_ours, data, close, to_theirs_reset = 0, 1, 2, 4, 6

    def message(number: int, flag: int, body: bytes = b"") -> bytes:
        return wire.mplex_message(number, flag, len(body)) + body

    return {
        "opened": message(0, new, b"0") + message(0, data, b"hello") + message(0, data, b" world") + message(0, close),
        "answered": message(0, to_ours, b"answer") + message(0, 3),
        "reset": message(0, new) + message(0, data, b"x") + message(0, to_theirs_reset) + message(0, data, b"late"),
        "ours-reset": message(0, 5) + message(0, to_ours, b"late"),
        "many": b"".join(message(number, new) for number in range(6)),
        "close-twice": message(2, new) + message(2, close) * 2,
        "data-after-close": message(2, new) + message(2, close) + message(2, data, b"late"),
        "open-twice": message(0, new) * 2,
        "unknown": message(9, data, b"who") + message(9, close) + message(9, to_theirs_reset),
        "refused": message(7, new) + message(7, data, b"abc"),
        "long": message(1, new) + message(1, data, bytes(300)) + message(2**57, new) + message(2**57, data, b"x"),
        "too-long": message(1, new) + wire.mplex_message(1, data, 2**20 + 1),
    }


if __name__ == "__main__":
    corpus.FOLDER.mkdir(exist_ok=True)
    for target, entries in all_seeds().items():
        corpus.store(target, "seeds", entries)
