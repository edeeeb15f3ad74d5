"""Tests of handshakes between two that mean well, and of their ends."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import ConfigError, HandshakeFailed, PeerIdMismatch, RemoteError
from aiolibp2p.testing.security_suite.contract import SecurityUnderTest, impostor, key
from aiolibp2p.testing.security_suite.pair import SecuredEnd, SecuredPair, byte_by_byte, cut

inherited = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow]
)
"""The settings of tests that the suites of all securities share."""

CUTS = st.lists(st.integers(0, 4096), max_size=6)


class SecurityHandshakeSuite(SecurityUnderTest):
    """Tests of both roles, all kinds of keys, expected peers, cuts, early data, ends."""

    def test_it_has_a_protocol_id(self) -> None:
        """The protocol id is one multistream agrees on: text without line ends, beginning with a slash."""
        protocol_id = self.security(key("alice")).protocol_id
        assert protocol_id.startswith("/")
        assert protocol_id.isprintable()

    def test_both_ends_know_each_other(self) -> None:
        """Both ends know the other's key and id, and their ciphers understand each other."""
        self.connected()

    def test_byte_by_byte(self) -> None:
        """A handshake whose messages arrive cut into bytes, with empty pieces between, completes."""
        self.assert_complete(self.pair().shake_hands(byte_by_byte))

    @inherited
    @given(CUTS, st.booleans())
    def test_cut_anywhere(self, cuts: list[int], early_words: bool) -> None:
        """A handshake whose messages arrive in any pieces, what follows them along with the last, completes."""
        words = (b"from alice", b"from bob") if early_words else (b"", b"")
        pair = self.pair(words=words).shake_hands(lambda _, flight: cut(flight, cuts))
        assert (pair.responder.received, pair.initiator.received) == words
        self.assert_complete(pair)

    def test_bytes_behind_the_handshake_reach_the_cipher(self) -> None:
        """First words that a side sends together with its last message reach the other's cipher."""
        pair = self.pair(words=(b"from alice", b"from bob")).shake_hands()
        assert pair.responder.received == b"from alice"
        assert pair.initiator.received == b"from bob"
        self.assert_complete(pair)

    def test_every_kind_of_key(self) -> None:
        """Every kind of key proves its owner, in both roles."""
        for kind in self.key_kinds:
            for dialer, listener in ((key("one", kind), key("bob")), (key("alice"), key("one", kind))):
                initiator = self.end(self.security(dialer), Role.INITIATOR, listener.peer_id)
                responder = self.end(self.security(listener), Role.RESPONDER, dialer.peer_id)
                pair = SecuredPair(initiator, responder).shake_hands()
                assert initiator.secured is not None, f"{kind}: {initiator.error}"
                assert responder.secured is not None, f"{kind}: {responder.error}"
                assert initiator.secured.remote_key == listener.public_key
                assert responder.secured.remote_key == dialer.public_key
                assert pair.complete

    def test_whoever_expects_nobody_takes_anybody(self) -> None:
        """A side that expects no peer in particular takes anybody: the id in the address may be missing."""
        pair = SecuredPair(
            self.end(self.security(key("alice")), Role.INITIATOR), self.end(self.security(key("bob")), Role.RESPONDER)
        )
        self.assert_complete(pair.shake_hands())

    def test_the_initiator_expects_somebody_else(self) -> None:
        """The error names who was expected and who answered, and the responder does not learn who asked."""
        carol = key("carol").peer_id
        pair = SecuredPair(
            self.end(self.security(key("alice")), Role.INITIATOR, carol),
            self.end(self.security(key("bob")), Role.RESPONDER),
        ).shake_hands()
        assert pair.initiator.secured is None
        assert isinstance(pair.initiator.error, PeerIdMismatch), pair.initiator.error
        assert str(carol) in str(pair.initiator.error)
        assert str(key("bob").peer_id) in str(pair.initiator.error)
        if self.proves_last:
            assert pair.responder.secured is None

    def test_the_responder_expects_somebody_else(self) -> None:
        """A listener may know for whom it waits, when a hole was punched, and then refuses others."""
        pair = SecuredPair(
            self.end(self.security(key("alice")), Role.INITIATOR),
            self.end(self.security(key("bob")), Role.RESPONDER, key("carol").peer_id),
        ).shake_hands()
        assert pair.responder.secured is None
        assert isinstance(pair.responder.error, PeerIdMismatch), pair.responder.error

    @pytest.mark.parametrize("role", list(Role))
    def test_an_impostor_has_the_key_but_cannot_sign(self, role: Role) -> None:
        """An impostor who has Bob's public key, as anybody may, is refused."""
        if not self.authenticates_peers:
            pytest.skip("this security does not authenticate peers")
        bob = key("bob").peer_id
        if role is Role.RESPONDER:
            honest = self.end(self.security(key("alice")), Role.INITIATOR, bob)
            pair = SecuredPair(honest, self.end(self.security(impostor(key("bob"))), role))
        else:
            honest = self.end(self.security(key("alice")), Role.RESPONDER)
            pair = SecuredPair(self.end(self.security(impostor(key("bob"))), role), honest)
        pair.shake_hands()
        assert honest.secured is None, "it believed somebody who cannot sign"
        assert isinstance(honest.error, HandshakeFailed), honest.error

    def test_a_host_dials_itself(self) -> None:
        """A host that dials itself is refused here, or told whom it reached: then the swarm refuses it."""
        security = self.security(key("alice"))
        alice = key("alice").peer_id
        pair = SecuredPair(self.end(security, Role.INITIATOR, alice), self.end(security, Role.RESPONDER))
        pair.shake_hands()
        for end in pair.ends:
            if end.secured is not None:
                assert end.secured.remote_peer == alice
            else:
                assert isinstance(end.error, HandshakeFailed), end.error

    def test_two_handshakes_at_once_on_one_security(self) -> None:
        """Two handshakes at once do not meet: a security has no state that belongs to a connection."""
        alice, bob = self.security(key("alice")), self.security(key("bob"))
        pairs = [SecuredPair(self.end(alice, Role.INITIATOR), self.end(bob, Role.RESPONDER)) for _ in range(2)]
        others = SecuredPair(self.end(bob, Role.INITIATOR), self.end(alice, Role.RESPONDER))

        def interleaved(number: int, flight: bytes) -> list[bytes]:
            if not number:
                others.shake_hands()
                pairs[1].shake_hands()
            return [flight]

        pairs[0].shake_hands(interleaved)
        for pair in pairs:
            self.assert_complete(pair)
        assert others.complete

    def test_the_end_of_input_at_every_step(self) -> None:
        """The end of input before the handshake is complete is its failure, whatever was heard before."""
        for number in range(self.handshake_flights()):
            for share in (0.0, 0.01, 0.5, 0.99):
                self._ends_within(number, share)

    def _ends_within(self, last: int, share: float) -> None:
        def passed(number: int, flight: bytes) -> list[bytes]:
            if number < last:
                return [flight]
            return [flight[: int(len(flight) * share)]] if number == last else []

        end = self.pair().shake_hands(passed).flights[last][0]
        assert end.secured is None, "the handshake was complete without its last bytes"
        assert end.error is None, "it did not wait for the rest of a message"
        self.assert_refuses_end(end)

    def test_a_complete_handshake_may_end(self) -> None:
        """The end of input after the handshake is the cipher's to judge, and the machine takes nothing more."""
        for end in self.connected().ends:
            end.machine.receive_eof()
            with pytest.raises(RemoteError):
                end.machine.receive_data(b"more")

    def test_the_muxer_is_agreed_on_inside(self) -> None:
        """Both sides say the same muxer; the initiator's preference decides."""
        pair = self.pair(["/one", "/two", "/three"], ["/three", "/two"]).shake_hands()
        self.assert_complete(pair)
        agreed = [end.secured.muxer for end in pair.ends if end.secured]
        assert agreed == (["/two", "/two"] if self.early_muxer else [None, None])

    def test_without_a_list_the_muxer_is_negotiated_later(self) -> None:
        """A side without a list, whichever it is, leaves the muxer to be negotiated later."""
        for initiator, responder in ([["/one"], []], [[], ["/one"]], [[], []]):
            pair = self.pair(initiator, responder).shake_hands()
            self.assert_complete(pair)
            assert [end.secured.muxer for end in pair.ends if end.secured] == [None, None]

    def test_prologues_are_bound(self) -> None:
        """Sides that were given different prologues fail; a security that cannot bind one says so."""
        alice, bob = self.security(key("alice")), self.security(key("bob"))

        def met(ours: bytes, theirs: bytes) -> SecuredPair:
            initiator = SecuredEnd(alice.start(Role.INITIATOR, None, ours))
            return SecuredPair(initiator, SecuredEnd(bob.start(Role.RESPONDER, None, theirs))).shake_hands()

        if not self.binds_prologue:
            with pytest.raises(ConfigError):
                met(b"one", b"one")
            return
        self.assert_complete(met(b"one", b"one"))
        for ours, theirs in ((b"one", b"two"), (b"", b"one"), (b"one", b"")):
            pair = met(ours, theirs)
            assert not pair.complete
