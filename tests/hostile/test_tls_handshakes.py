"""TLS handshakes that lie, stop, trickle or never come: they cost their socket, and the dialer learns why."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from aiolibp2p.errors import HandshakeFailed, PeerIdMismatch, TimeoutExpired
from aiolibp2p.resource_manager import ResourceLimits
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from hostile import wire
from hostile.peer import Gone, Peer
from hostile.scene import scene, short_limits, until
from hostile.test_handshakes import nobody_comes_in
from hostile.tls import TLS, Certificates, Records, TlsPeer, certify, fragment
from hostile.wire import SYN, Identity
from security.tls import forging
from security.tls.forging import LIBP2P, UNKNOWN, extension, forge, forge_chain, moment

AT_ONCE_S = 2.0
TLS_ONLY = ("tls",)
P256 = ec.generate_private_key(ec.SECP256R1())


def shake_hands_in_vain(peer: Peer) -> None:
    with contextlib.suppress(Gone):
        peer.shake_hands()
        peer.until_gone()
    assert not peer.flags, "it was given a stream"


# Who lies


FORGED: dict[str, tuple[Callable[[], tuple[Sequence[bytes] | bytes, bytes]], str]] = {
    "expired": (partial(forge, not_after=moment("200101000000Z")), "expired on 2020-01-01"),
    "of tomorrow": (partial(forge, not_before=moment("40000101000000Z")), "not valid before 4000-01-01"),
    "another's": (partial(forge, signer=P256), "self-signature .* does not hold"),
    "without the extension": (partial(forge, extensions=[]), "lacks the libp2p public key extension"),
    "with two": (partial(forge, behind=[extension(LIBP2P)]), "more than once"),
    "critical": (partial(forge, behind=[extension(UNKNOWN, b"?", True)]), "critical extension that we do not know"),
    "of another key": (partial(forge, vouched=b"another key"), "signature does not hold for the key of peer"),
    "garbage": (partial(forge, value=b"garbage"), "extension of the peer's certificate does not parse"),
    "endless": (
        partial(forge, value=b"\x30\x84\xff\xff\xff\xff"),
        "extension of the peer's certificate does not parse",
    ),
    "unique ids": (partial(forge, unique_ids=forging.encode(0x81, b"\x00id")), "unique ids"),
    "version 8": (partial(forge, version=forging.encode(0xA0, b"\x02\x01\x07")), "not of version 3"),
    "long": (partial(forge, behind=[extension(UNKNOWN, bytes(17000))]), "over the limit of 16384"),
    "a chain": (forge_chain, "2 certificates"),
    "a long chain": (lambda: forge_chain(*[forge()[0]] * 9), "10 certificates"),
    "of an unusable identity": (
        partial(forge, value=forging.encode(0x30, forging.encode(4, b"\x08\x07\x12\x00") + forging.encode(4, b"?"))),
        "host key in the peer's certificate is not usable",
    ),
    "of a huge identity": (
        partial(
            forge,
            value=forging.encode(0x30, forging.encode(4, wire.rsa_public_key(16384)) + forging.encode(4, bytes(2048))),
        ),
        "host key in the peer's certificate is not usable",
    ),
    "weak": (partial(forge, key=forging.rsa_key(1024), scheme="pss-sha256"), "RSA key .* has 1024 bits"),
}


def forger(make: Callable[[], tuple[Sequence[bytes] | bytes, bytes]]) -> type[TlsPeer]:
    """Return a peer that shows these certificates."""
    made, key = make()
    shown: Certificates = ([made] if isinstance(made, bytes) else made), key
    return type("Forger", (TlsPeer,), {"shown": shown})


@pytest.mark.spec("TLS-7", "TLS-8", "TLS-9", "TLS-10", "TLS-12", "TLS-13", "TLS-14", "TLS-21")
async def test_forged_certificates() -> None:
    """Forgers get no connection as dialers; as listeners they are found out, and the error says how."""
    async with scene(security=TLS_ONLY) as stage, nobody_comes_in(stage, TlsPeer):
        for name, (make, reason) in FORGED.items():
            kind = forger(make)
            async with asyncio.timeout(AT_ONCE_S):
                await stage.raw_attack(shake_hands_in_vain, kind)
                failed = await stage.dial(shake_hands_in_vain, kind)
            assert re.search(reason, str(failed)), (name, failed)
            assert isinstance(failed.attempts[-1][1], HandshakeFailed)


@pytest.mark.spec("TLS-15")
async def test_the_wrong_peer_is_named_beside_the_right_one() -> None:
    wanted, answered = Identity(), Identity()
    other = type("Other", (TlsPeer,), {"shown": certify(answered)})
    async with scene(security=TLS_ONLY) as stage:
        failed = await stage.dial(shake_hands_in_vain, other, str(wanted))
        ((_, reason),) = failed.attempts
        assert isinstance(reason, PeerIdMismatch)
        assert str(wanted) in str(failed)
        assert str(answered) in str(failed)


class Old(TlsPeer):
    """A peer that speaks TLS 1.2."""

    versions = SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION


class Elsewhere(TlsPeer):
    """A peer with no protocol in common."""

    alpn = ("h2", "http/1.1")


@pytest.mark.spec("TLS-2", "TLS-17")
@pytest.mark.parametrize(("kind", "reason"), [(Old, "speaks no TLS 1.3"), (Elsewhere, "bad extension")])
async def test_nothing_in_common(kind: type[TlsPeer], reason: str) -> None:
    async with scene(security=TLS_ONLY) as stage, nobody_comes_in(stage, TlsPeer):
        await stage.raw_attack(shake_hands_in_vain, kind)
        failed = await stage.dial(shake_hands_in_vain, kind)
        assert re.search(reason, str(failed))
        assert isinstance(failed.attempts[-1][1], HandshakeFailed)


# When application data comes


def greeting(peer: TlsPeer) -> bytes:
    """A stream that /raise would fail on if it were believed."""
    return peer.seal(wire.data(1, wire.ask("/raise/1.0.0") + b"!", SYN))


class Hasty(TlsPeer):
    """A peer whose first words come right behind its Finished, in one piece."""

    def finish(self, last: bytes) -> None:
        """Send the last flight and the first words in one piece."""
        self.take_over(last)
        self.send_raw(last + self.seal(wire.data(self.new_id(), wire.ask("/echo/1.0.0") + b"at once", SYN)))


@pytest.mark.spec("TLS-3")
@pytest.mark.parametrize("listens", [False, True])
async def test_data_right_behind_the_handshake_is_delivered(listens: bool) -> None:
    def attack(peer: Hasty) -> None:
        stream_id = 1 if peer.is_dialer else 2
        assert peer.read(peer.agreed(stream_id, "/echo/1.0.0"), 7) == b"at once"

    async with scene(security=TLS_ONLY) as stage:
        await stage.attack(attack, Hasty, listens)


class HalfRound(TlsPeer):
    """A listener that speaks right behind its own Finished, before it knows who is there; TLS allows for that."""

    def shake_hands(self) -> None:
        """Shake hands by the peer's own steps."""
        self.negotiate()
        self.tls.bio_write(self.read_record())
        assert not self.step_tls()
        flight = self.said()
        self.ours = Records(self.secrets["SERVER_TRAFFIC_SECRET_0"])
        self.send_raw(flight + self.seal(wire.data(self.new_id(), wire.ask("/echo/1.0.0") + b"at once", SYN)))
        while not self.step_tls():
            self.tls.bio_write(self.read_record())
        self.theirs = Records(self.secrets["CLIENT_TRAFFIC_SECRET_0"])


async def test_a_listener_that_does_not_wait_for_our_finished() -> None:
    def attack(peer: HalfRound) -> None:
        assert peer.read(peer.agreed(2, "/echo/1.0.0"), 7) == b"at once"

    async with scene(security=TLS_ONLY) as stage:
        await stage.attack(attack, HalfRound, listens=True)


class TooHasty(TlsPeer):
    """A peer whose first words come before its Finished."""

    hidden = False
    """Under the keys of the handshake, which are the right ones by then."""

    def finish(self, last: bytes) -> None:
        """Send the first words, and then the last flight."""
        self.take_over(b"")
        if self.hidden:
            self.ours = Records(self.secrets["CLIENT_HANDSHAKE_TRAFFIC_SECRET"])
        self.send_raw(greeting(self) + last)


class Unknown(Hasty):
    """A peer without an identity, which does not wait for the answer either."""

    def finish(self, last: bytes) -> None:
        """Send the last flight and the first words in one piece."""
        self.take_over(last)
        self.send_raw(last + greeting(self))


@pytest.mark.spec("TLS-21")
async def test_data_of_somebody_unproven_is_not_processed() -> None:
    """Data of an unproven peer is not processed: the handler that it asks for would be heard of."""
    hidden = type("Hidden", (TooHasty,), {"hidden": True})
    chain, key = forge_chain()
    unknown = type("Chained", (Unknown,), {"shown": (chain, key)})
    certificate, key = forge(vouched=b"another key")
    unproven = type("Unproven", (Unknown,), {"shown": ([certificate], key)})
    async with scene(security=TLS_ONLY) as stage, nobody_comes_in(stage, TlsPeer):
        for kind in (TooHasty, hidden, unknown, unproven):
            async with asyncio.timeout(AT_ONCE_S):
                await stage.raw_attack(shake_hands_in_vain, kind)


# Who does not speak TLS, or stops


def agree(peer: Peer) -> None:
    """Agree on TLS, by multistream."""
    peer.security = TLS
    peer.negotiate()


def stray(peer: Peer, said: bytes, half_closes: bool = False) -> None:
    """Agree on TLS, say something else, and wait until they hang up."""
    with contextlib.suppress(Gone):
        agree(peer)
        peer.send_raw(said)
        if half_closes:
            peer.half_close()
        while True:
            peer.read_raw(1)


STRANGERS = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zeros": bytes(5000),
    "ones": b"\xff" * 5000,
    "ssl 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
    "a record too long": b"\x16\x03\x01\xff\xff" + bytes(70000),
    "a hello of nothing": fragment(b"\x01\x00\x00\x00", 100),
    "a hello of garbage": fragment(b"\x01\x00\x01\x00" + bytes(range(256)), 1000),
    "a hello without end": fragment(b"\x01\xff\xff\xff" + bytes(200_000), 16000),
    "a hello in records of a byte": fragment(b"\x01\x01\x00\x00" + bytes(20_000), 1),
    "another message": fragment(b"\x14\x00\x00\x20" + bytes(32), 100),
    "application data": b"\x17\x03\x03\x00\x20" + bytes(32),
    "alerts": b"\x15\x03\x03\x00\x02\x01\x5a" * 2000,
    "changes of cipher": b"\x14\x03\x03\x00\x01\x01" * 20_000,
    "empty records": b"\x16\x03\x01\x00\x00" * 20_000,
}


async def test_what_is_no_tls_ends_at_once() -> None:
    async with scene(security=TLS_ONLY) as stage, nobody_comes_in(stage, TlsPeer):
        for name, said in STRANGERS.items():
            async with asyncio.timeout(AT_ONCE_S):
                await stage.raw_attack(partial(stray, said=said))
                failed = await stage.dial(partial(stray, said=said))
            assert isinstance(failed.attempts[-1][1], HandshakeFailed), (name, failed)


class Stopping(TlsPeer):
    """A peer that says the start of an honest handshake, and is then silent, or half closes."""

    place = 0
    half_closes = False
    _left: int | None = None

    def run_tls(self) -> bytes:
        """Run TLS, with a limit on what is sent from here on."""
        self._left = self.place
        return super().run_tls()

    def send_raw(self, data: bytes) -> None:
        """Send as many bytes as may be sent."""
        if self._left is None:
            super().send_raw(data)
            return
        super().send_raw(data[: self._left])
        self._left -= len(data)
        if self._left < 0:
            if self.half_closes:
                self.half_close()
            while True:
                self.read_raw(1)


@pytest.mark.parametrize("half_closes", [False, True])
async def test_handshakes_that_stop_anywhere(half_closes: bool) -> None:
    """A few bytes of the hello, a hello of theirs and no more, half a certificate."""
    places = (0, 3, 100, 127, 300, 900)
    limits = short_limits(upgrade=UpgraderConfig(timeout_s=0.4))
    async with scene(limits, security=TLS_ONLY) as stage, nobody_comes_in(stage, TlsPeer):
        kinds = [type("Stopping", (Stopping,), {"place": place, "half_closes": half_closes}) for place in places]
        await asyncio.gather(*(stage.raw_attack(shake_hands_in_vain, kind) for kind in kinds))
        for failed in await asyncio.gather(*(stage.dial(shake_hands_in_vain, kind) for kind in kinds)):
            assert isinstance(failed.attempts[-1][1], HandshakeFailed if half_closes else TimeoutExpired)


class Trickling(TlsPeer):
    """Says its part of the handshake a byte at a time."""

    taken = 0

    def send_raw(self, data: bytes) -> None:
        """Send the bytes one by one, slowly."""
        for at in range(len(data)):
            super().send_raw(data[at : at + 1])
            self.taken += 1
            if self.hangs_up_within(0.02):
                raise Gone("too slow")


async def test_a_trickle_ends_with_the_deadline() -> None:
    async with scene(short_limits(upgrade=UpgraderConfig(timeout_s=0.3)), security=TLS_ONLY) as stage:
        await stage.raw_attack(shake_hands_in_vain, Trickling)
        failed = await stage.dial(shake_hands_in_vain, Trickling)
        assert isinstance(failed.attempts[-1][1], TimeoutExpired)
        assert "not set up within 0.3 s" in str(failed)


def hear_their_flight(peer: TlsPeer) -> TlsPeer:
    """Say hello, and hear the listener's whole flight; ours would be next."""
    peer.negotiate()
    peer.step_tls()
    peer.send_raw(peer.said())
    while not peer.step_tls():
        peer.tls.bio_write(peer.read_record())
    return peer


async def test_half_open_ones_are_bounded_and_the_oldest_silent_one_goes_first() -> None:
    limits = short_limits(upgrade=UpgraderConfig(timeout_s=1.5), resources=ResourceLimits(30))
    async with scene(limits, security=TLS_ONLY) as stage:
        with contextlib.ExitStack() as stack:
            talking = [stack.enter_context(TlsPeer.dial(stage.port)) for _ in range(20)]
            await asyncio.to_thread(lambda: [hear_their_flight(peer) for peer in talking])
            silent = [stack.enter_context(Peer.dial(stage.port)) for _ in range(30)]
            await asyncio.to_thread(lambda: [peer.hangs_up_within(3.0) for peer in silent[:20]])
            assert stage.host.statistics().half_open == 30
            held = [peer.hangs_up_within(0.01) for peer in silent]
            assert held[20:] == [False] * 10
            for peer in talking:
                peer.finish(peer.said())
            await asyncio.to_thread(lambda: [peer.ping() for peer in talking])
            gone = await asyncio.to_thread(lambda: [peer.hangs_up_within(4.0) for peer in silent[20:]])
            assert all(gone)
            assert stage.host.statistics().half_open == 0


async def test_half_open_ones_by_the_hundred() -> None:
    """Hundreds of half-open handshakes have heard our flight: OpenSSL's memory for each is ours to bound."""

    def flood(port: int) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(300):
                hear_their_flight(stack.enter_context(TlsPeer.dial(port)))

    async with scene(short_limits(upgrade=UpgraderConfig(timeout_s=5.0)), security=TLS_ONLY) as stage:
        await asyncio.to_thread(flood, stage.port)
        await until(lambda: stage.host.statistics().half_open == 0)
