"""A hostile negotiator wants a host to speak plaintext or SECIO, in every way the negotiation has; it never does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p import PrivateKey
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import Libp2pError, RemoteError
from aiolibp2p.io.runtime import SystemRuntime
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.security.tls import TlsSecurity
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, UpgradePlan
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from hostile import wire
from hostile.peer import Gone, Peer
from hostile.scene import scene, short_limits
from hostile.wire import NOISE, YAMUX, Identity

SIMULTANEOUS = "/libp2p/simultaneous-connect"
WEAK = ("/plaintext/2.0.0", "/plaintext/1.0.0", "/secio/1.0.0")
MUXERS = (YAMUX, "/mplex/6.7.0")

BENT = [
    bent
    for weak in WEAK
    for bent in (
        weak.upper(),
        weak.title(),
        f" {weak}",
        f"{weak} ",
        f"{weak}\t",
        f"\n{weak}",
        f"{weak}\n",
        f"{weak}\r",
        f"{weak}\0",
        f"\ufeff{weak}",
        weak.lstrip("/"),
        f"/{weak}",
        f"{weak}/",
        weak.rpartition("/")[0],
        weak.replace("/", "\uff0f"),
        f"{NOISE}{weak}",
        f"{weak}{NOISE}",
        f"{NOISE}\n{weak}",
        f"select:{weak}",
    )
]


def exchange() -> bytes:
    """Return the first message of plaintext: an id and its key."""
    identity = Identity()
    said = wire.bytes_field(1, identity.peer_id) + wire.bytes_field(2, identity.public)
    return wire.varint(len(said)) + said


def secio_proposal() -> bytes:
    """Return the first message of SECIO: a nonce, a key, and the algorithms."""
    fields = (bytes(16), Identity().public, b"P-256", b"AES-256,AES-128", b"SHA256")
    said = b"".join(wire.bytes_field(number, value) for number, value in enumerate(fields, 1))
    return len(said).to_bytes(4) + said


def messages(data: bytes) -> Iterator[str]:
    """The multistream messages that these bytes are."""
    at = 0
    while at < len(data):
        length, start = wire.read_varint(data, at)
        at = start + length
        assert data[at - 1 : at] == b"\n", data
        yield data[start : at - 1].decode()


def asked(*proposals: str) -> tuple[bytes, list[str]]:
    """Return proposals, and the answers they must have: not one word but no."""
    return wire.ask(*proposals), [wire.HELLO, *["na"] * len(proposals)]


REFUSED: dict[str, tuple[bytes, list[str]]] = {
    "first": asked(*WEAK),
    "each by itself again and again": asked(*WEAK * 20),
    "after others that are not there": asked("/unknown/1.0.0", *WEAK, "na", *WEAK),
    "in another shape": asked(*BENT),
    "after ls": asked("ls", *WEAK, "ls"),
    "as what ls names": asked("".join(f"{len(weak) + 1}{weak}\n" for weak in WEAK)),
    "with simultaneous open": asked(SIMULTANEOUS, *WEAK),
    "with simultaneous open, its roles and all": asked(SIMULTANEOUS, WEAK[0], "select:0", "responder", *WEAK),
    "as the initiator of it": asked(SIMULTANEOUS, WEAK[0], f"select:{2**64 - 1}", "initiator", *WEAK),
    "with a header between": asked(WEAK[0], wire.HELLO, *WEAK),
    "along with a muxer": asked(YAMUX, WEAK[0], YAMUX, "/mplex/6.7.0"),
}


def ask_in_vain(peer: Peer, said: bytes, answers: list[str]) -> None:
    """Hear these answers, then agree on noise on the same socket: what was refused has left no trace."""
    peer.send_raw(said)
    peer.expect(b"".join(map(wire.text, answers)))
    peer.send_raw(wire.text(NOISE))
    peer.expect(wire.text(NOISE))


@pytest.mark.spec("PLT-7", "PLT-8", "PLT-10", "SEC-17")
@pytest.mark.parametrize("asks", [False, True])
async def test_a_listener_says_no_and_nothing_else(asks: bool) -> None:
    async with scene(short_limits(upgrade=UpgraderConfig(simultaneous_open=asks))) as stage:
        for said, answers in REFUSED.values():
            await stage.raw_attack(partial(ask_in_vain, said=said, answers=answers))


@pytest.mark.spec("PLT-10", "SEC-17")
async def test_an_honest_handshake_after_every_refusal() -> None:
    class Insistent(Peer):
        def negotiate(self) -> None:
            ask_in_vain(self, *asked(*WEAK, SIMULTANEOUS, "ls"))

    async with scene() as stage:
        await stage.attack(lambda peer: peer.ping(), Insistent)


@pytest.mark.spec("PLT-10", "SEC-17")
@pytest.mark.parametrize("behind", [exchange, secio_proposal])
@pytest.mark.parametrize("weak", WEAK)
async def test_a_handshake_that_was_not_agreed_upon_is_not_answered(weak: str, behind: Callable[[], bytes]) -> None:
    """A handshake that comes along with its proposal, as an optimistic dialer's, is not answered when that is
    refused.
    """

    def attack(peer: Peer) -> None:
        heard = b""
        with contextlib.suppress(Gone):
            peer.send_raw(wire.ask(weak) + behind() + wire.ask(YAMUX))
            while True:
                heard += peer.read_raw(1)
        assert set(messages(heard)) <= {wire.HELLO, "na"}

    async with scene(short_limits(upgrade=UpgraderConfig(timeout_s=0.3))) as stage:
        await stage.raw_attack(attack)


ANSWERS: dict[str, tuple[bytes, ...]] = {
    "takes what was not proposed": (wire.ask(WEAK[0]), exchange()),
    "takes it after a no": (wire.ask("na"), wire.text(WEAK[0]), exchange()),
    "takes it after two": (wire.ask("na", "na"), wire.text(WEAK[2]), secio_proposal()),
    "takes it after the extension is refused": (wire.ask("na", WEAK[0]), exchange()),
    "takes it after all of it is": (wire.ask("na", "na", "na", WEAK[0]), exchange()),
    "lists it": (wire.ask("".join(f"{len(weak) + 1}{weak}\n" for weak in WEAK)),),
    "proposes it itself": (wire.ask(*WEAK),),
    "dialled too, and won": (wire.ask(SIMULTANEOUS, WEAK[0], f"select:{2**64 - 1}", "initiator", *WEAK), exchange()),
    "dialled too, and lost": (wire.ask(SIMULTANEOUS, WEAK[0], "select:0", "responder", WEAK[0]), exchange()),
    "dialled too, and is nobody": (wire.ask(SIMULTANEOUS, *WEAK, "select:0", *WEAK), exchange()),
    "says it in another case": (wire.ask("/NOISE"), wire.text(WEAK[0].upper())),
    "says nothing of it and speaks it": (exchange(),),
    "takes noise and speaks plaintext": (wire.ask(NOISE), exchange(), wire.ask(YAMUX)),
    "takes noise, not the extension, and speaks plaintext": (wire.ask("na", NOISE), exchange(), wire.ask(YAMUX)),
}


def say_and_listen(peer: Peer, words: tuple[bytes, ...], heard: list[bytes]) -> None:
    """Say this whatever comes; `heard` gets all that comes until they hang up."""
    with contextlib.suppress(Gone):
        for said in words:
            peer.send_raw(said)
    with contextlib.suppress(Gone):
        while True:
            heard.append(peer.read_raw(1))


@pytest.mark.spec("PLT-7", "PLT-10", "SEC-17")
@pytest.mark.parametrize("asks", [False, True])
async def test_a_dialer_neither_proposes_nor_takes_it(asks: bool) -> None:
    """Every word the host says until it gives up is heard: no weak security is among them, and no handshake of one."""
    async with scene(short_limits(upgrade=UpgraderConfig(timeout_s=0.3, simultaneous_open=asks))) as stage:
        for name, answers in ANSWERS.items():
            heard: list[bytes] = []
            failed = await stage.dial(partial(say_and_listen, words=answers, heard=heard))
            assert all(isinstance(reason, Libp2pError) for _, reason in failed.attempts)
            said = b"".join(heard)
            assert said, name
            assert not any(weak.encode() in said.lower() for weak in WEAK), (name, said)
            assert stage.host.peer_id.to_bytes() not in said, (name, said)  # what plaintext would open with


NUMBERS = ("select:0", f"select:{2**64 - 1}")
words = st.sampled_from(
    (wire.HELLO, *WEAK, *BENT, *MUXERS, "na", "ls", "", SIMULTANEOUS, *NUMBERS, "initiator", "responder")
)
KEY = PrivateKey.generate("ed25519")


def machine(role: Role, asks: bool) -> Upgrade:
    """The upgrade of a host with the default securities."""
    securities = (
        NoiseSecurity(KEY, SystemRuntime().entropy),
        TlsSecurity(KEY, SystemRuntime().wall),
    )
    return Upgrade(role, UpgradePlan(securities, (YAMUX,)), None, (lambda: 5) if asks else None)


@pytest.mark.spec("PLT-10", "SEC-17")
@given(st.sampled_from(Role), st.booleans(), st.lists(words, max_size=12), st.sampled_from([b"", exchange()]))
def test_no_order_of_words_agrees_on_what_was_not_offered(
    role: Role, asks: bool, said: list[str], behind: bytes
) -> None:
    upgrade = machine(role, asks)
    heard = upgrade.start().to_send
    with contextlib.suppress(RemoteError):
        for piece in (wire.text(wire.HELLO), *map(wire.text, said), behind):
            output = upgrade.receive_data(piece)
            assert not output.events
            heard += output.to_send
    assert not upgrade.has_security  # the words hold neither of the two that are offered
    assert not any(weak.encode() in heard for weak in WEAK)
    assert KEY.peer_id.to_bytes() not in heard
