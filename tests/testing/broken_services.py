"""Services with one thing wrong each: what the suite is there to find."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from aiolibp2p import PeerId, Service, Stream
from aiolibp2p.abc.services.context import ServiceContext, StreamLimits
from aiolibp2p.errors import HostNotRunning, Libp2pError, StreamCode, TimeoutExpired
from aiolibp2p.io.idle_timer import IdleTimer

ID = "/sound/1.0.0"
WORDS = b"are you there?"


class Sound(Service):
    """Echoes what it is sent, to the end."""

    name = "sound"

    def __init__(self) -> None:
        self.context: ServiceContext | None = None

    async def start(self, context: ServiceContext) -> None:
        self.context = context
        context.handle(ID, self.serve, limits=StreamLimits(total=100, per_peer=20))

    async def close(self) -> None:
        self.context = None

    async def ask(self, peer: PeerId) -> bytes:
        if self.context is None:
            raise HostNotRunning("sound: the host is not running")
        stream = await self.context.host.new_stream(peer, ID)
        try:
            async with asyncio.timeout(10):
                return await self.exchange(stream)
        except BaseException as error:
            stream.reset()
            if isinstance(error, TimeoutError) and not isinstance(error, Libp2pError):
                raise TimeoutExpired("sound: no answer within 10 s") from error
            raise

    async def exchange(self, stream: Stream) -> bytes:
        await stream.write(WORDS)
        await stream.close_write()
        answer = await stream.read()
        await stream.close()
        return answer

    async def serve(self, stream: Stream) -> None:
        if self.context is None:
            stream.reset(StreamCode.SHUTDOWN)
            return
        with IdleTimer(stream, self.context.runtime, 10):
            await self.echo(stream)

    async def echo(self, stream: Stream) -> None:
        async for chunk in stream:
            await stream.write(chunk)


class Nameless:
    """Does not subclass Service."""

    name = "nameless"


class ServesThroughTheHost(Sound):
    async def start(self, context: ServiceContext) -> None:
        self.context = context
        context.host.set_stream_handler(ID, self.serve)


class KeepsATask(Sound):
    async def start(self, context: ServiceContext) -> None:
        await super().start(context)
        self.task = asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="a task of its own")


class KeepsATimer(Sound):
    async def start(self, context: ServiceContext) -> None:
        await super().start(context)
        asyncio.get_running_loop().call_later(3600, lambda: None)


class KeepsItself(Sound):
    all: ClassVar[list[Service]] = []

    async def start(self, context: ServiceContext) -> None:
        await super().start(context)
        self.all.append(self)


class RaisesAtClose(Sound):
    async def close(self) -> None:
        await super().close()
        raise RuntimeError("this close fails")


class HangsAtClose(Sound):
    async def close(self) -> None:
        await super().close()
        await asyncio.Event().wait()


class MindsNoHost(Sound):
    """Fails with an error of Python when its host does not run."""

    async def ask(self, peer: PeerId) -> bytes:
        await self.context.host.connect(peer)  # type: ignore[union-attr]
        return await super().ask(peer)


class AnswersAnyhow(Sound):
    """Says what it knows although its host does not run."""

    async def ask(self, peer: PeerId) -> bytes:
        return WORDS if self.context is None else await super().ask(peer)


class NeverGivesUp(Sound):
    """Tries again for ever, whoever is gone."""

    async def ask(self, peer: PeerId) -> bytes:
        while True:
            try:
                return await super().ask(peer)
            except Libp2pError:
                loop = asyncio.get_running_loop()
                pause = loop.create_future()
                loop.call_later(1, pause.set_result, None)
                await pause


class WaitsForItself(Sound):
    """What answers a question is set by a task, which ends with the host; whoever waits for it does not."""

    async def ask(self, peer: PeerId) -> bytes:
        if self.context is None:
            raise HostNotRunning("sound: the host is not running")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def work() -> None:
            answer.set_result(await Sound.ask(self, peer))

        self.context.spawn(work(), "asks")
        return await answer


class ForgetsToReset(Sound):
    """Leaves the stream of a question that was given up."""

    async def ask(self, peer: PeerId) -> bytes:
        if self.context is None:
            raise HostNotRunning("sound: the host is not running")
        return await self.exchange(await self.context.host.new_stream(peer, ID))


class WaitsForEver(Sound):
    """Puts no end to a silent stream."""

    async def serve(self, stream: Stream) -> None:
        await self.echo(stream)


class TripsOverGarbage(Sound):
    async def echo(self, stream: Stream) -> None:
        words = (await stream.read()).decode()
        await stream.write(words.encode())


class CountsOneWay(Sound):
    """Gives no place back when a stream fails."""

    taken = 0

    async def serve(self, stream: Stream) -> None:
        if self.taken >= 10:
            stream.reset(StreamCode.LIMIT_EXCEEDED)
            return
        self.taken += 1
        await super().serve(stream)
        self.taken -= 1


class WorksOn(Sound):
    """Leaves a task behind for each stream."""

    async def serve(self, stream: Stream) -> None:
        if self.context is not None:
            self.context.spawn(_forever(), "works on")
        await super().serve(stream)


class TrustsItsStream(Sound):
    """Keeps its stream to a peer, and does not notice that it has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[PeerId, Stream] = {}

    async def ask(self, peer: PeerId) -> bytes:
        if self.context is None:
            raise HostNotRunning("sound: the host is not running")
        if peer not in self.streams:
            self.streams[peer] = await self.context.host.new_stream(peer, ID)
        await self.streams[peer].write(WORDS)
        return await self.streams[peer].read_exactly(len(WORDS))


class FallsWithOthers(Sound):
    """Cannot close while others have not."""

    async def close(self) -> None:
        await super().close()
        own = asyncio.current_task()
        while others := [
            task for task in asyncio.all_tasks() if "closing the service" in task.get_name() and task is not own
        ]:
            await asyncio.wait(others)


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()
