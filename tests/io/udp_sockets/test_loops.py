"""Loops that cannot watch sockets, as the one of Windows: they read them, and what finds no room is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn, cast

from aiolibp2p.abc.layers.datagrams import QUIC
from aiolibp2p.io.udp_sockets import UdpConfig, UdpSockets
from aiolibp2p.io.udp_sockets.sending import Sender
from aiolibp2p.multiformats.multiaddr import Multiaddr
from support.datagram_suite import HELLO, Inbox
from support.fake_kernel import REMOTE, FakeKernel


class LoopWithoutWatching(asyncio.SelectorEventLoop):
    def add_reader(self, *args: Any) -> NoReturn:
        raise NotImplementedError

    def add_writer(self, *args: Any) -> NoReturn:
        raise NotImplementedError


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=LoopWithoutWatching) as runner:
        runner.run(main)


def test_datagrams_come_all_the_same_and_sockets_close() -> None:
    async def main() -> None:
        sockets = UdpSockets()
        inbox, back = Inbox(), Inbox()
        listening = await sockets.bind(Multiaddr("/ip4/127.0.0.1/udp/0"), inbox, QUIC)
        other = UdpSockets()
        dialling = other.for_dial(listening.socket.local_address, QUIC).claim(back, QUIC)
        remote = dialling.socket.endpoint(listening.socket.local_address)
        for count in (30, 60):
            dialling.socket.send_batch([HELLO] * 30, remote)
            assert await inbox.got(count) == [HELLO] * count
        listening.socket.send(HELLO, inbox.remote)
        assert await back.got(1) == [HELLO]
        assert sockets.statistics().received_datagrams == 60
        listening.close()
        dialling.close()
        assert sockets.statistics().sockets == other.statistics().sockets == 0
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        again = await sockets.bind(listening.socket.local_address, inbox, QUIC)
        again.close()
        again.close()

    run(main())


def test_what_finds_no_room_is_lost() -> None:
    async def main() -> None:
        kernel = FakeKernel()
        kernel.errors.append(BlockingIOError())
        sender = Sender(cast(Any, kernel), UdpConfig(), True)
        sender.send(b"one", REMOTE)
        sender.send(b"two", REMOTE)
        assert kernel.sent == [b"two"]
        assert (sender.dropped, sender.datagrams) == (1, 1)
        sender.close()

    run(main())
