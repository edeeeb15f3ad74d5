"""A peer that climbs honestly to a layer over a raw connection, and attacks from there, in both roles."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Literal, TypeAlias

from aiolibp2p.abc.layers.raw import RawConnection, RawReceiver
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import Libp2pError
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.simulator.byzantine.attacks import (
    MULTISTREAM_ATTACKS,
    NOISE_ATTACKS,
    STREAM_ATTACKS,
    YAMUX_ATTACKS,
    Attack,
)
from aiolibp2p.simulator.byzantine.mutation import mutate
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, UpgradePlan

Layer: TypeAlias = Literal["multistream", "noise", "handshake", "ciphertext", "yamux", "streams"]
"""The layer that is attacked.

`handshake` spoils one of the messages of an upgrade that is honest otherwise; `ciphertext` a sealed frame.
"""

LAYERS: tuple[Layer, ...] = ("multistream", "noise", "handshake", "ciphertext", "yamux", "streams")

MAX_PAUSE_S = 1.0
"""The longest pause between two pieces of an attack, in seconds."""
CLIMB_S = 10.0
"""The seconds within which the attacker reaches its layer, or gives up: an upgrade may take as many."""
HOLD_S = 15.0
"""The seconds that an attacker may keep its connection open without another word: longer than an upgrade may take."""

YAMUX_ID = "/yamux/1.0.0"


class ByzantinePeer(RawReceiver):
    """One attack over one raw connection, whose receiver it is. Every choice comes from `source`."""

    def __init__(self, raw: RawConnection, role: Role, layer: Layer, source: random.Random) -> None:
        self._raw = raw
        self._role = role
        self._layer = layer
        self._source = source
        self._loop = asyncio.get_running_loop()
        security = NoiseSecurity(PrivateKey.generate("ed25519", source.randbytes), source.randbytes)
        self._upgrade: Upgrade | None = Upgrade(role, UpgradePlan([security], [YAMUX_ID]))
        self._spoils = source.randrange(3) if layer == "handshake" else -1
        """The number of the message that is spoilt, in the attacker's upgrade."""
        self._said = 0
        self._cipher: Cipher | None = None
        self._climbed: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()

    async def attack(self) -> None:
        """Attack, and end the connection one way or another, within half a minute of the loop's time."""
        self._raw.start(self)
        try:
            if self._layer in ("multistream", "noise"):
                await self._send(self._source.choice(self._plain_attacks())(self._source))
            else:
                await self._climb()
                await self._attack_from_above()
            await self._lose(self._source.choice((0.0, MAX_PAUSE_S, HOLD_S)))
        finally:
            end = self._source.choice((self._raw.close, self._raw.abort))
            end()

    def _plain_attacks(self) -> Sequence[Attack]:
        return MULTISTREAM_ATTACKS if self._layer == "multistream" else NOISE_ATTACKS

    async def _climb(self) -> None:
        upgrade = self._upgrade
        if upgrade is not None:
            self._say(upgrade.start().to_send)
        await asyncio.wait([self._climbed, self._gone], timeout=CLIMB_S, return_when=asyncio.FIRST_COMPLETED)

    async def _attack_from_above(self) -> None:
        cipher = self._cipher
        if cipher is None:
            return
        if self._layer == "ciphertext":
            await self._send([mutate(bytes(cipher.encrypt(self._source.randbytes(64))), self._source)])
            return
        attacks = YAMUX_ATTACKS if self._layer == "yamux" else STREAM_ATTACKS
        pieces = self._source.choice(attacks)(self._source)
        await self._send([bytes(cipher.encrypt(piece)) for piece in pieces if len(piece) <= cipher.max_plaintext])

    async def _send(self, pieces: Sequence[bytes]) -> None:
        pauses = self._source.random() < 0.3
        for piece in pieces:
            if self._gone.done():
                return
            self._raw.write(piece)
            if pauses:
                await self._lose(self._source.uniform(0, MAX_PAUSE_S))

    async def _lose(self, seconds: float) -> None:
        """Let time pass, until the connection is gone."""
        await asyncio.wait([self._gone], timeout=seconds)

    def _say(self, data: bytes) -> None:
        if data:
            spoilt = self._said == self._spoils
            self._said += 1
            self._raw.write(mutate(data, self._source) if spoilt else data)

    # RawReceiver

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return a new buffer each time."""
        return memoryview(bytearray(sizehint if sizehint > 0 else 65_536))

    def buffer_updated(self, nbytes: int) -> None:
        """Read nothing that comes that way."""

    def data_received(self, data: ByteString) -> None:
        """Answer as long as the attacker climbs; afterwards ignore what comes."""
        upgrade = self._upgrade
        if upgrade is None or self._layer in ("multistream", "noise"):
            return
        try:
            output = upgrade.receive_data(data)
        except Libp2pError:
            self._upgrade = None
            self._reached()
            return
        self._say(output.to_send)
        if output.events:
            self._upgrade = None
            self._cipher = output.events[0].secured.cipher
            self._reached()

    def _reached(self) -> None:
        if not self._climbed.done():
            self._climbed.set_result(None)

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, error: BaseException | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """Do nothing: the attacker writes on, since what it sends is bounded."""

    def resume_writing(self) -> None:
        pass
