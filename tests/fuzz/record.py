"""Records what a go peer says to our machines, whose randomness is fixed: the `recorded` part of the corpus.

`PYTHONPATH=tests python -m fuzz.record` needs the toolchain of interop/go. Each recording is the go side's bytes
alone; replayed to machines of the same randomness they mean the same again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.services.resources import NULL_SCOPE
from aiolibp2p.multiformats import Multiaddr
from aiolibp2p.multistream import HEADER, Initiator, encode_message
from aiolibp2p.muxers.yamux import YamuxConfig, YamuxSession, frames
from fuzz import corpus, wire
from interop.peers import GoPeer, Peer
from muxers.yamux.pair import Acceptor, Clock, Sink, Wire, parse

IDENTIFY_ID = "/ipfs/id/1.0.0"
QUIET_S = 0.5
"""Silence after which a peer has said what it had to say."""


@dataclass
class Recording:
    """The far end of one connection: its bytes until the upgrade stood, and its plaintext from then on."""

    sealed: bytes = b""
    plain: bytearray = field(default_factory=bytearray)


async def _converse(role: Role, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Recording:
    """Upgrade, ask for the identify message as a dialer, answer nothing, and listen until it is quiet."""
    recording = Recording()
    upgrade = wire.upgrade(role)
    writer.write(upgrade.start().to_send)
    while True:
        data = await reader.read(65536)
        assert data, "the go peer hung up"
        recording.sealed += data
        output = upgrade.receive_data(data)
        writer.write(output.to_send)
        if output.events:
            break
    upgraded = output.events[0]
    end = Wire()
    session = YamuxSession(role, Acceptor(), end, NULL_SCOPE, Clock(), YamuxConfig())
    if role is Role.INITIATOR:
        stream_id = session.open_stream(Sink())
        session.write(stream_id, Initiator([IDENTIFY_ID]).start().to_send)
    tail = output.trailing
    while True:
        opened: list[bytes] = []
        tail = tail[upgraded.secured.cipher.decrypt(memoryview(tail), opened.append) :]
        recording.plain += b"".join(opened)
        for piece in opened:
            session.receive_data(piece)
        session.flush()
        if end.sent:
            writer.write(upgraded.secured.cipher.encrypt(bytes(end.sent)))
            end.sent.clear()
        try:
            async with asyncio.timeout(QUIET_S):
                data = await reader.read(65536)
        except TimeoutError:
            break
        if not data:
            break
        tail += data
    writer.close()
    return recording


async def _dial(address: str) -> Recording:
    parts = Multiaddr(address)
    return await _converse(Role.INITIATOR, *await asyncio.open_connection(parts.ip, parts.port))


async def _be_dialled(peer: Peer) -> Recording:
    done: asyncio.Future[Recording] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done.set_result(await _converse(Role.RESPONDER, reader, writer))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        address = f"/ip4/127.0.0.1/tcp/{port}/p2p/{wire.OURS.peer_id}"
        dialling = asyncio.ensure_future(peer.command("dial", address=address, timeout=5.0))
        recording = await done
        await asyncio.gather(dialling, return_exceptions=True)
    return recording


def _stream(plain: bytearray, stream_id: int) -> bytes:
    return b"".join(body for kind, _, at, _, body in parse(bytes(plain)) if kind == frames.DATA and at == stream_id)


async def main() -> None:
    """Record both directions and store what each target can use of them."""
    async with GoPeer(key="ed25519") as peer:
        there = await _dial(peer.address)
        back = await _be_dialled(peer)
        name = peer.implementation.replace(" ", "-")
    noise = HEADER + encode_message("/noise")
    answer = _stream(there.plain, 1)
    message = answer.removeprefix(HEADER + encode_message(IDENTIFY_ID))
    recorded = {
        "upgrade_initiator": there.sealed,
        "upgrade_responder": back.sealed,
        "noise_initiator": there.sealed.removeprefix(noise),
        "noise_responder": back.sealed.removeprefix(noise),
        "responder": _stream(there.plain, 2),
        "yamux_initiator": bytes(there.plain),
        "yamux_responder": bytes(back.plain),
        "yamux_frames": bytes(there.plain),
        "identify": message,
    }
    for target, data in recorded.items():
        corpus.store(target, "recorded", {name: data})


if __name__ == "__main__":
    asyncio.run(main())
