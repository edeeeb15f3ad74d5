"""The TLS handshake between two of ours, and with peers that hold to less."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.machine import Output
from aiolibp2p.errors import ConfigError, ConnectionLost, HandshakeFailed, PeerIdMismatch, RemoteError
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls import MAX_HANDSHAKE_BYTES, TlsSecurity
from aiolibp2p.security.tls.certificate import make_certificate
from security.tls.peers import ALICE, BOB, CAROL, MPLEX, SECURITIES, YAMUX, Stranger, pair, shake_hands, tls

STRANGERS = make_certificate(CAROL, time.time())


@pytest.mark.spec("TLS-3", "TLS-15", "INMUX-4")
def test_both_sides_learn_who_is_there_and_which_muxer() -> None:
    there, here = shake_hands(*pair())
    assert (there.remote_peer, here.remote_peer) == (BOB.peer_id, ALICE.peer_id)
    assert (there.remote_key, here.remote_key) == (BOB.public_key, ALICE.public_key)
    assert there.muxer == here.muxer == YAMUX


@pytest.mark.spec("TLS-23")
@pytest.mark.parametrize("kind", ["ed25519", "secp256k1", "ecdsa", "rsa"])
def test_every_kind_of_identity(kind: str) -> None:
    key = PrivateKey.generate(kind)
    dialer, listener = tls(key).start(Role.INITIATOR, BOB.peer_id), SECURITIES[BOB].start(Role.RESPONDER)
    assert shake_hands(dialer, listener)[1].remote_peer == key.peer_id
    dialer, listener = SECURITIES[ALICE].start(Role.INITIATOR, key.peer_id), tls(key).start(Role.RESPONDER)
    assert shake_hands(dialer, listener)[0].remote_peer == key.peer_id


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 700), min_size=1, max_size=8))
def test_cut_anywhere(cuts: list[int]) -> None:
    dialer, listener = pair()
    ends = {dialer: listener, listener: dialer}
    waiting = {listener: dialer.start().to_send, dialer: b""}
    done = []
    number = 0
    while any(waiting.values()):
        end = next(end for end, data in waiting.items() if data)
        size = cuts[number % len(cuts)]
        number += 1
        piece, waiting[end] = waiting[end][:size], waiting[end][size:]
        if end in done:
            continue  # tickets, which are the cipher's
        output = end.receive_data(piece)
        waiting[ends[end]] += output.to_send
        if output.events:
            done.append(end)
            waiting[end] = b""
    assert done == [dialer, listener]


def test_byte_by_byte() -> None:
    dialer, listener = pair()
    hello = dialer.start().to_send
    outputs = [listener.receive_data(hello[i : i + 1]) for i in range(len(hello))]
    assert [output.to_send == b"" for output in outputs] == [True] * (len(hello) - 1) + [False]
    flight = outputs[-1].to_send
    assert [bool(dialer.receive_data(flight[i : i + 1]).events) for i in range(len(flight))][-1]


@pytest.mark.parametrize("count", range(1, 5))
@pytest.mark.parametrize("cut", [0, 1, 20])
def test_what_lies_behind_the_handshake_is_not_lost(count: int, cut: int) -> None:
    dialer, listener = pair()
    theirs = dialer.receive_data(listener.receive_data(dialer.start().to_send).to_send)
    early = [b"early %d" % number for number in range(count)]
    sealed = b"".join(bytes(theirs.events[0].cipher.encrypt(one)) for one in early)
    whole = theirs.to_send + sealed
    output = listener.receive_data(whole[: len(whole) - cut])
    cipher, opened = output.events[0].cipher, list[bytes]()
    taken = cipher.decrypt(memoryview(output.trailing), opened.append)
    assert b"".join(opened) == b"".join(early[:-1] if cut else early)
    last = output.trailing[taken:] + whole[len(whole) - cut :] if cut else b""
    cipher.decrypt(memoryview(last + bytes(theirs.events[0].cipher.encrypt(b"!"))), opened.append)
    assert b"".join(opened) == b"".join(early) + b"!"


def test_what_lies_behind_the_handshake_is_not_taken() -> None:
    dialer, listener = pair()
    theirs = dialer.receive_data(listener.receive_data(dialer.start().to_send).to_send)
    sealed = bytes(theirs.events[0].cipher.encrypt(b"early"))
    assert listener.receive_data(theirs.to_send + sealed).trailing == sealed


class TestAlpn:
    @pytest.mark.spec("INMUX-1")
    @pytest.mark.parametrize("muxers", [(YAMUX,), (MPLEX, YAMUX), ()])
    def test_libp2p_is_the_last_of_the_list(self, muxers: tuple[str, ...]) -> None:
        server = Stranger(Role.RESPONDER, [STRANGERS])
        server.speak(tls(ALICE, muxers).start(Role.INITIATOR).start().to_send)
        assert server.offered == [*(muxer.encode() for muxer in muxers), b"libp2p"]

    @pytest.mark.spec("INMUX-2")
    @pytest.mark.parametrize(
        ("offered", "chosen"),
        [([MPLEX, YAMUX, "libp2p"], MPLEX), ([YAMUX, MPLEX, "libp2p"], YAMUX), (["/new", YAMUX, "libp2p"], YAMUX)],
    )
    def test_the_clients_preference_decides(self, offered: list[str], chosen: str) -> None:
        client = Stranger(Role.INITIATOR, [STRANGERS], [protocol.encode() for protocol in offered])
        server = tls(BOB, (YAMUX, MPLEX)).start(Role.RESPONDER)
        output = server.receive_data(client.speak(server.receive_data(client.speak()).to_send))
        assert client.connection.get_alpn_proto_negotiated() == chosen.encode()
        assert output.events[0].muxer == chosen

    @pytest.mark.spec("INMUX-3")
    @pytest.mark.parametrize("alpn", [[b"libp2p"], [b"/new/muxer/1.0.0", b"libp2p"], None])
    def test_without_a_muxer_in_common_multistream_will_find_one(self, alpn: list[bytes] | None) -> None:
        client = Stranger(Role.INITIATOR, [STRANGERS], alpn)
        server = SECURITIES[BOB].start(Role.RESPONDER)
        output = server.receive_data(client.speak(server.receive_data(client.speak()).to_send))
        assert output.events[0].muxer is None
        assert output.events[0].remote_peer == CAROL.peer_id

    @pytest.mark.spec("TLS-17")
    def test_nothing_in_common_ends_it(self) -> None:
        client = Stranger(Role.INITIATOR, [STRANGERS], [b"h2", b"http/1.1"])
        with pytest.raises(
            HandshakeFailed, match="no ALPN protocol in common: the peer offers 'h2', 'http/1.1'"
        ) as failed:
            SECURITIES[BOB].start(Role.RESPONDER).receive_data(client.speak())
        with pytest.raises(SSL.Error, match="no application protocol"):
            client.speak(failed.value.last_words)

    def test_a_choice_that_was_not_offered(self) -> None:
        server = Stranger(Role.RESPONDER, [STRANGERS], [b"/forced/1.0.0"])
        dialer = SECURITIES[ALICE].start(Role.INITIATOR)
        with pytest.raises(HandshakeFailed):
            dialer.receive_data(server.speak(dialer.start().to_send))


class TestIdentity:
    @pytest.mark.spec("TLS-15")
    def test_somebody_else_is_named_and_sees_no_certificate_of_ours(self) -> None:
        dialer = SECURITIES[ALICE].start(Role.INITIATOR, CAROL.peer_id)
        listener = SECURITIES[BOB].start(Role.RESPONDER)
        with pytest.raises(PeerIdMismatch) as caught:
            dialer.receive_data(listener.receive_data(dialer.start().to_send).to_send)
        assert (caught.value.expected, caught.value.actual) == (CAROL.peer_id, BOB.peer_id)
        with pytest.raises(HandshakeFailed, match="the peer refused the TLS handshake"):
            listener.receive_data(caught.value.last_words)

    def test_a_listener_may_expect_somebody_too(self) -> None:
        dialer, listener = SECURITIES[ALICE].start(Role.INITIATOR), SECURITIES[BOB].start(Role.RESPONDER, CAROL.peer_id)
        last = dialer.receive_data(listener.receive_data(dialer.start().to_send).to_send).to_send
        with pytest.raises(PeerIdMismatch):
            listener.receive_data(last)

    @pytest.mark.spec("TLS-2", "TLS-21")
    def test_a_client_without_a_certificate(self) -> None:
        client = Stranger(Role.INITIATOR)
        server = SECURITIES[BOB].start(Role.RESPONDER)
        flight = client.speak(server.receive_data(client.speak()).to_send)
        client.connection.send(b"early")
        with pytest.raises(HandshakeFailed, match="the peer sent no certificate"):
            server.receive_data(flight + client.said())

    @pytest.mark.spec("TLS-7")
    @pytest.mark.parametrize("role", [Role.INITIATOR, Role.RESPONDER])
    def test_two_certificates(self, role: Role) -> None:
        stranger = Stranger(role, [STRANGERS, make_certificate(BOB, time.time())])
        if role is Role.RESPONDER:
            dialer = SECURITIES[ALICE].start(Role.INITIATOR)
            flight, ours = stranger.speak(dialer.start().to_send), dialer
        else:
            ours = SECURITIES[BOB].start(Role.RESPONDER)
            flight = stranger.speak(ours.receive_data(stranger.speak()).to_send)
        with pytest.raises(HandshakeFailed, match="2 certificates"):
            ours.receive_data(flight)

    @pytest.mark.spec("TLS-7")
    def test_we_send_exactly_one(self) -> None:
        server = Stranger(Role.RESPONDER, [STRANGERS])
        dialer = SECURITIES[ALICE].start(Role.INITIATOR, CAROL.peer_id)
        server.speak(dialer.receive_data(server.speak(dialer.start().to_send)).to_send)
        assert server.connection.get_peer_certificate() is not None
        assert len(server.connection.get_peer_cert_chain() or []) <= 1

    @pytest.mark.spec("TLS-20")
    def test_a_late_refusal_is_told_as_one(self) -> None:
        dialer, listener = SECURITIES[ALICE].start(Role.INITIATOR), SECURITIES[BOB].start(Role.RESPONDER, CAROL.peer_id)
        theirs = dialer.receive_data(listener.receive_data(dialer.start().to_send).to_send)
        with pytest.raises(PeerIdMismatch) as refused:
            listener.receive_data(theirs.to_send)
        with pytest.raises(HandshakeFailed, match="the peer refused the TLS handshake"):
            theirs.events[0].cipher.decrypt(memoryview(refused.value.last_words), lambda _: None)


class TestVersionsAndNames:
    @pytest.mark.spec("TLS-1")
    @pytest.mark.parametrize("role", [Role.INITIATOR, Role.RESPONDER])
    def test_tls_1_2_is_refused(self, role: Role) -> None:
        old = Stranger(role, [STRANGERS], versions=(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION))
        if role is Role.INITIATOR:
            with pytest.raises(HandshakeFailed, match="the peer speaks no TLS 1.3"):
                SECURITIES[BOB].start(Role.RESPONDER).receive_data(old.speak())
            return
        dialer = SECURITIES[ALICE].start(Role.INITIATOR)
        with pytest.raises(SSL.Error):
            old.speak(dialer.start().to_send)
        with pytest.raises(HandshakeFailed, match="the peer speaks no TLS 1.3"):
            dialer.receive_data(old.said())

    @pytest.mark.spec("TLS-18")
    def test_we_send_no_server_name(self) -> None:
        server = Stranger(Role.RESPONDER, [STRANGERS])
        server.speak(SECURITIES[ALICE].start(Role.INITIATOR).start().to_send)
        assert server.connection.get_servername() is None

    @pytest.mark.spec("TLS-19")
    def test_a_server_name_is_ignored(self) -> None:
        client = Stranger(Role.INITIATOR, [STRANGERS], server_name=b"example.org")
        server = SECURITIES[BOB].start(Role.RESPONDER)
        assert server.receive_data(client.speak(server.receive_data(client.speak()).to_send)).events

    @pytest.mark.spec("TLS-24")
    def test_a_session_is_not_resumed(self) -> None:
        """The client shows the ticket it was given, and is asked for its certificate all the same."""
        security = tls(BOB)
        client = Stranger(Role.INITIATOR, [STRANGERS])
        server = security.start(Role.RESPONDER)
        last = server.receive_data(client.speak(server.receive_data(client.speak()).to_send))
        client.connection.bio_write(last.to_send or b"\x17\x03\x03\x00\x01x")
        with pytest.raises(SSL.Error):
            client.connection.recv(1)
        session = client.connection.get_session()
        assert session is not None
        again = SSL.Connection(client.connection.get_context(), None)
        again.set_session(session)
        again.set_connect_state()
        client.connection = again
        server = security.start(Role.RESPONDER)
        flight = server.receive_data(client.speak())
        assert not flight.events
        assert server.receive_data(client.speak(flight.to_send)).events[0].remote_peer == CAROL.peer_id
        assert len(flight.to_send) > 500  # the server's certificate is in it


class TestHostile:
    @pytest.mark.parametrize("role", [Role.INITIATOR, Role.RESPONDER])
    @pytest.mark.parametrize(
        "data", [b"HTTP/1.1 400 Bad Request\r\n", b"\x00" * 8, b"\x16\x03\x01\xff\xff", b"\x13/multistream"]
    )
    def test_what_is_not_tls(self, role: Role, data: bytes) -> None:
        machine = SECURITIES[ALICE].start(role)
        machine.start()
        with pytest.raises(HandshakeFailed, match="does not speak TLS"):
            machine.receive_data(data)
        with pytest.raises(HandshakeFailed, match="is over"):
            machine.receive_data(data)

    def test_endless_records(self) -> None:
        """A hello as long as it may be, in pieces, and never done."""
        listener = SECURITIES[BOB].start(Role.RESPONDER)
        hello = b"\x01\x00\xff\xff" + bytes(MAX_HANDSHAKE_BYTES * 2)
        sent = 0
        with pytest.raises(HandshakeFailed):
            while sent < 2 * MAX_HANDSHAKE_BYTES:
                part = hello[sent : sent + 16384]
                listener.receive_data(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part)
                sent += len(part)
        assert sent <= MAX_HANDSHAKE_BYTES

    @pytest.mark.parametrize("flight", range(3))
    def test_a_changed_byte_anywhere(self, flight: int) -> None:
        """A changed byte in any flight is an error of the peer's, or no end; never another exception or identity."""
        for place in range(0, 2400, 23):
            dialer, listener = pair()
            flights = [dialer.start().to_send]
            flights.append(listener.receive_data(flights[0]).to_send)
            if flight == 2:
                flights.append(dialer.receive_data(flights[1]).to_send)
            data = bytearray(flights[flight])
            if place >= len(data):
                return
            data[place] ^= 0x41
            receiver = (dialer, listener)[(flight + 1) % 2]
            fresh = receiver if flight else SECURITIES[BOB].start(Role.RESPONDER)
            try:
                output = fresh.receive_data(bytes(data))
            except RemoteError:
                continue
            if flight == 0:
                continue  # the dialer will see it
            assert output == Output() or not output.events

    @pytest.mark.parametrize("role", [Role.INITIATOR, Role.RESPONDER])
    def test_an_early_end(self, role: Role) -> None:
        machine = SECURITIES[ALICE].start(role)
        machine.start()
        with pytest.raises(HandshakeFailed, match="closed the connection during the TLS handshake"):
            machine.receive_eof()

    @settings(max_examples=50)
    @given(st.binary(max_size=300), st.sampled_from(Role))
    def test_random_bytes(self, data: bytes, role: Role) -> None:
        machine = SECURITIES[ALICE].start(role)
        machine.start()
        with contextlib.suppress(HandshakeFailed):
            machine.receive_data(data)


def test_a_prologue_has_no_place() -> None:
    with pytest.raises(ConfigError, match="prologue"):
        SECURITIES[ALICE].start(Role.INITIATOR, None, b"bound")


def test_openssl_is_loaded_with_the_first_handshake_only() -> None:
    import subprocess
    import sys

    code = "import sys, aiolibp2p; aiolibp2p.Host(); print('OpenSSL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.spec("TLS-25")
def test_the_validity_is_asked_of_the_clock_handed_in() -> None:
    past = TlsSecurity(ALICE, lambda: 1_000_000_000.0)
    assert shake_hands(
        past.start(Role.INITIATOR), TlsSecurity(BOB, lambda: 1_000_000_000.0 - 3000).start(Role.RESPONDER)
    )
    dialer, listener = (
        past.start(Role.INITIATOR),
        TlsSecurity(BOB, lambda: 1_000_000_000.0 - 7200).start(Role.RESPONDER),
    )
    last = dialer.receive_data(listener.receive_data(dialer.start().to_send).to_send).to_send
    with pytest.raises(HandshakeFailed, match="not valid before 2001-09-09"):
        listener.receive_data(last)


def test_a_finished_handshake_takes_no_more() -> None:
    dialer, listener = pair()
    there, _ = shake_hands(dialer, listener)
    dialer.receive_eof()
    with pytest.raises(HandshakeFailed, match="is over"):
        dialer.receive_data(b"x")
    with pytest.raises(ConnectionLost, match="cut"):
        there.cipher.receive_eof()
