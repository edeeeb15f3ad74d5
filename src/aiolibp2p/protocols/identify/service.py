"""Identify and identify/push: asking, answering, telling of changes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from aiolibp2p.abc.host import Host, Target
from aiolibp2p.abc.services.context import Handle, ServiceContext, StreamLimits
from aiolibp2p.abc.services.identifier import Identifier, IdentifyResult
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.abc.stream import MuxedConnection, Stream
from aiolibp2p.errors import HostNotRunning, Libp2pError, StreamCode, TimeoutExpired
from aiolibp2p.events import PeerIdentified
from aiolibp2p.protocols.identify.audience import Audience, PushRounds
from aiolibp2p.protocols.identify.config import IdentifyConfig
from aiolibp2p.protocols.identify.description import OwnDescription, default_agent_version
from aiolibp2p.protocols.identify.intake import PushIntake
from aiolibp2p.protocols.identify.messages import IDENTIFY_ID, PUSH_ID, IdentifyMessage, MessageReader, delimit
from aiolibp2p.protocols.identify.profiles import Profiles

READ_BYTES = 16 * 1024
"""Bytes that are read at once: a message and its signed record in one go, mostly."""

ASK_AFTER_S = 0.01
"""Seconds that an inbound peer may ask first; ten milliseconds cover a round trip within a data centre."""

logger = logging.getLogger("aiolibp2p.identify")


class Identify(Service, Watcher, Identifier):
    """The identify service of a host.

    It asks the peer of each new connection, and tells peers when the host's addresses or protocols change. Every result
    goes to the peerstore, to watchers, and out as `PeerIdentified`.
    """

    name = "identify"
    provides = (Identifier,)

    def __init__(self, config: IdentifyConfig | None = None) -> None:
        self.config = config or IdentifyConfig()
        self._context: ServiceContext | None = None
        self._own = OwnDescription(self.config.agent_version or default_agent_version(), self.config.protocol_version)
        self._audience = Audience()
        self._profiles = Profiles()
        self._pushes = PushIntake(self.config.push_concurrency, self.config.push_rates)
        self._unasked: dict[MuxedConnection, Handle] = {}
        self._push_timer: Handle | None = None
        self._rounds = PushRounds()

    async def start(self, context: ServiceContext) -> None:
        self._context = context
        context.handle(IDENTIFY_ID, self._serve, limits=StreamLimits(per_peer=self.config.requests_per_peer))
        context.handle(PUSH_ID, self._receive_push)
        context.watch(self)

    async def close(self) -> None:
        self._context = None
        self._unasked.clear()

    # Asking

    def connection_opened(self, connection: MuxedConnection) -> None:
        context = self._context
        if context is None:
            return
        self._audience.join(connection.remote_peer)
        if connection.is_outbound:
            # A tick later whoever dialled opens its stream, and both requests leave in one packet.
            asyncio.get_running_loop().call_soon(self._begin_asking, connection)
        else:
            # Most dialers ask first, and then our question rides with the answer.
            at = context.runtime.now() + ASK_AFTER_S
            self._unasked[connection] = context.call_at(at, lambda: self._begin_asking(connection))

    def connection_closed(self, connection: MuxedConnection, reason: str) -> None:
        timer = self._unasked.pop(connection, None)
        if timer is not None:
            timer.close()
        context, peer = self._context, connection.remote_peer
        if context is not None and not context.host.connections(peer) and self._audience.leave(peer):
            self._profiles.departed(context.peerstore, peer)

    def _begin_asking(self, connection: MuxedConnection) -> None:
        context = self._context
        timer = self._unasked.pop(connection, None)
        if timer is not None:
            timer.close()
        if context is not None and not connection.is_closed:
            context.spawn(self._ask_quietly(context, connection), f"identify {connection.remote_peer}")

    async def identify(self, target: Target) -> IdentifyResult:
        """Ask a peer who it is and what it speaks; connects first if need be.

        Raises TimeoutExpired when the answer is not complete in time, and ProtocolViolation when it is none, or when
        the key in it is not the peer's.
        """
        context = self._context
        if context is None:
            raise HostNotRunning("identify: the host is not running")
        return await self._ask(context, await context.host.connect(target, allow_limited=True))

    async def _ask_quietly(self, context: ServiceContext, connection: MuxedConnection) -> None:
        try:
            await self._ask(context, connection)
        except (Libp2pError, OSError) as error:
            logger.debug("could not identify %s: %s", connection.remote_peer, error)

    async def _ask(self, context: ServiceContext, connection: MuxedConnection) -> IdentifyResult:
        limit = self.config.timeout_s
        try:
            async with asyncio.timeout(limit) as timeout:
                # A few kilobytes, without which nobody would learn what a peer behind a relay speaks.
                stream = await context.host.new_stream_on(connection, IDENTIFY_ID, allow_limited=True)
                message = await _read(stream)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise TimeoutExpired(f"identify: no answer from {connection.remote_peer} within {limit:g} s") from error
        result = self._learn(context, connection, message)
        if self._audience.missed_a_change(connection.remote_peer, self._own.revision):
            # It was told before that, and we did not know yet whether it takes pushes.
            self._changed()
        return result

    # Answering

    async def _serve(self, stream: Stream) -> None:
        if self._context is None:
            stream.reset(StreamCode.SHUTDOWN)
            return
        if stream.connection in self._unasked:
            self._begin_asking(stream.connection)
        try:
            async with asyncio.timeout(self.config.timeout_s):
                await self._tell(self._context.host, stream)
        except TimeoutError:
            stream.reset()

    async def _tell(self, host: Host, stream: Stream) -> None:
        self._own.refresh(host)
        revision = self._own.revision
        await stream.write(delimit(self._own.parts_over(host, stream.connection)))
        await stream.close()
        self._audience.heard(stream.remote_peer, revision)

    async def _receive_push(self, stream: Stream) -> None:
        context = self._context
        if context is None:
            stream.reset(StreamCode.SHUTDOWN)
            return
        connection = stream.connection
        refusal = self._pushes.admit(connection.remote_address.ip, context.runtime.now())
        if refusal is not None:
            stream.reset(refusal)
            return
        try:
            async with asyncio.timeout(self.config.timeout_s):
                message = await _read(stream)
        except TimeoutError:
            return
        finally:
            self._pushes.done()
        self._learn(context, connection, message)

    # Telling of changes

    def protocols_changed(self, offered_elsewhere: bool) -> None:
        if offered_elsewhere:
            self._own.offers_changed()
        self._changed()

    def addresses_changed(self) -> None:
        self._changed()

    def _changed(self) -> None:
        """Tell every connected peer that takes pushes, once things are calm."""
        context = self._context
        if context is not None and self._push_timer is None:
            self._push_timer = context.call_at(context.runtime.now() + self.config.push_delay_s, self._begin_push)

    def _begin_push(self) -> None:
        self._push_timer = None
        context = self._context
        if context is not None and self._rounds.due():
            context.spawn(self._push_to_all(context.host), "identify: push")
            self._rounds.begin()

    async def _push_to_all(self, host: Host) -> None:
        try:
            while self._rounds.next():
                self._own.refresh(host)
                waiting = deque(self._audience.to_be_told(host.connections(), self._own.revision, host.peerstore))
                workers = min(len(waiting), self.config.push_concurrency)
                await asyncio.gather(*(self._push_in_turn(host, waiting) for _ in range(workers)))
        finally:
            self._rounds.end()

    async def _push_in_turn(self, host: Host, waiting: deque[MuxedConnection]) -> None:
        while waiting:
            connection = waiting.popleft()
            try:
                await self._push(host, connection)
            except (Libp2pError, OSError) as error:
                logger.debug("could not push to %s: %s", connection.remote_peer, error)

    async def _push(self, host: Host, connection: MuxedConnection) -> None:
        async with asyncio.timeout(self.config.timeout_s):
            stream = await host.new_stream_on(connection, PUSH_ID, allow_limited=True)
            try:
                await self._tell(host, stream)
            except BaseException:
                stream.reset()
                raise

    # Remembering

    def _learn(self, context: ServiceContext, connection: MuxedConnection, message: IdentifyMessage) -> IdentifyResult:
        peer = connection.remote_peer
        connected = bool(context.host.connections(peer))
        result = self._profiles.learn(context.peerstore, connection, message, connected=connected)
        if connected:
            self._audience.join(peer)
        told = PeerIdentified(
            peer, result.agent_version, result.protocols, result.listen_addresses, result.observed_address
        )
        context.identified(connection, told, message.observed_address)
        return result


async def _read(stream: Stream) -> IdentifyMessage:
    """Read a stream to its end. Resets it when that fails, for whatever reason."""
    reader = MessageReader()
    try:
        while chunk := await stream.read(READ_BYTES):
            reader.receive_data(chunk)
        message = reader.finish()
    except BaseException:
        stream.reset()
        raise
    await stream.close()
    return message
