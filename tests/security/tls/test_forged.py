"""Real handshakes with peers whose certificates were forged: OpenSSL reads them first, and then we do."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from OpenSSL import SSL

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.security.tls import der
from aiolibp2p.security.tls.der import encode
from security.tls.forging import HOST, LIBP2P, NULL, UNKNOWN, algorithm, extension, forge, forge_chain, moment, rsa_key
from security.tls.peers import ALICE, SECURITIES, Stranger

both_roles = pytest.mark.parametrize("role", list(Role))
P384 = ec.generate_private_key(ec.SECP384R1())


def pem(certificate: bytes) -> str:
    body = base64.encodebytes(certificate).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


class Forger(Stranger):
    """Shows certificates that `cryptography` would not even read: OpenSSL takes them from a file."""

    def __init__(self, role: Role, chain: Sequence[bytes], key: bytes, folder: Path) -> None:
        path = folder / "chain.pem"
        path.write_text("".join(map(pem, chain)))
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate_chain_file(str(path))
        context.use_privatekey(load_der_private_key(key, None))  # type: ignore[arg-type]
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.set_alpn_protos([b"libp2p"])
        context.set_alpn_select_callback(lambda *_: b"libp2p")
        self.connection = SSL.Connection(context, None)
        if role is Role.INITIATOR:
            self.connection.set_connect_state()
        else:
            self.connection.set_accept_state()


def meet(role: Role, chain: Sequence[bytes], key: bytes, folder: Path) -> Any:
    """Return what our machine, in `role`, makes of a peer with these certificates."""
    ours = SECURITIES[ALICE].start(role)
    if role is Role.INITIATOR:
        forger = Forger(Role.RESPONDER, chain, key, folder)
        return ours.receive_data(forger.speak(ours.start().to_send)).events
    forger = Forger(Role.INITIATOR, chain, key, folder)
    return ours.receive_data(forger.speak(ours.receive_data(forger.speak()).to_send)).events


@both_roles
@pytest.mark.spec("TLS-11", "TLS-12", "TLS-13")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="a genuine one"),
        pytest.param({"critical": True}, id="critical"),
        pytest.param({"behind": [extension(UNKNOWN, b"?")]}, id="another extension"),
        pytest.param({"serial": b"\xff"}, id="a negative serial number"),
        pytest.param({"algorithm": algorithm("ecdsa-sha256") + NULL}, id="a NULL too many"),
        pytest.param({"behind": [extension("2.5.29.17", bytes.fromhex("3002a300"))]}, id="a name of an unknown kind"),
        pytest.param({"behind": [extension("1.3.6.1.5.5.7.1.24", b"\x30\x03\x02\x01\x03")]}, id="an unknown feature"),
        pytest.param({"key": P384, "scheme": "ecdsa-sha384"}, id="P-384"),
        pytest.param({"key": rsa_key(), "scheme": "pss-sha256"}, id="RSA"),
    ],
)
def test_believed(role: Role, changes: dict[str, Any], tmp_path: Path) -> None:
    certificate, key = forge(**changes)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        [secured] = meet(role, [certificate], key, tmp_path)
    assert (secured.remote_peer, secured.remote_key) == (HOST.peer_id, HOST.public_key)
    assert told == []


@both_roles
@pytest.mark.spec("TLS-3", "TLS-8", "TLS-9", "TLS-10", "TLS-12", "TLS-13", "TLS-14", "TLS-21")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"not_after": moment("200101000000Z")}, "expired on 2020-01-01"),
        ({"not_before": moment("40000101000000Z")}, "not valid before 4000-01-01"),
        ({"signer": ec.generate_private_key(ec.SECP256R1())}, "self-signature .* does not hold"),
        ({"extensions": []}, "lacks the libp2p public key extension"),
        ({"behind": [extension(LIBP2P)]}, "more than once"),
        ({"behind": [extension(UNKNOWN, b"?", True)]}, "critical extension that we do not know"),
        ({"vouched": b"another key"}, "signature does not hold for the key of peer"),
        ({"value": b"garbage"}, "extension of the peer's certificate does not parse"),
        ({"unique_ids": encode(0x81, b"\x00id")}, "unique ids"),
        ({"version": encode(0xA0, encode(der.INTEGER, b"\x07"))}, "not of version 3"),
        ({"behind": [extension(UNKNOWN, bytes(17000))]}, "over the limit of 16384"),
    ],
)
def test_refused(role: Role, changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    certificate, key = forge(**changes)
    with pytest.raises(HandshakeFailed, match=reason):
        meet(role, [certificate], key, tmp_path)


@both_roles
@pytest.mark.spec("TLS-7")
def test_a_chain(role: Role, tmp_path: Path) -> None:
    """A chain is refused, though both certificates are genuine, and of the same host."""
    chain, key = forge_chain()
    with pytest.raises(HandshakeFailed, match="2 certificates"):
        meet(role, chain, key, tmp_path)
