"""Identify and identify/push: asking, answering, telling of changes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiolibp2p.errors import HostNotRunning, Libp2pError, TimeoutExpired
from aiolibp2p.events import MissedEvents, PeerDisconnected, PeerIdentified
from aiolibp2p.limits.peer_quota import PeerQuota
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.protocols.identify.audience import Audience, PushRounds
from aiolibp2p.protocols.identify.config import IdentifyConfig
from aiolibp2p.protocols.identify.description import OwnDescription, default_agent_version
from aiolibp2p.protocols.identify.intake import LIMIT_EXCEEDED_CODE, PushIntake
from aiolibp2p.protocols.identify.messages import IDENTIFY_ID, PUSH_ID, IdentifyMessage, MessageReader, delimit
from aiolibp2p.protocols.identify.profiles import IdentifyResult, Profiles

if TYPE_CHECKING:
    from aiolibp2p.abc.host import Host, Target
    from aiolibp2p.abc.stream import MuxedConnection, Stream

READ_BYTES = 16 * 1024

ASK_AFTER_S = 0.01
"""So long an inbound peer may ask first."""

logger = logging.getLogger("aiolibp2p.identify")


class Identify:
    """The identify service of a host.

    The host calls `connection_opened` for each new connection and `changed` when its addresses or handlers
    change. Every result goes to the peerstore and out as `PeerIdentified`; where a peer sees us, to `observe`.
    """

    def __init__(
        self,
        config: IdentifyConfig | None = None,
        observe: Callable[[MuxedConnection, Multiaddr], None] | None = None,
    ) -> None:
        self.config = config or IdentifyConfig()
        self._observe = observe
        self._host: Host | None = None
        self._own = OwnDescription(self.config.agent_version or default_agent_version(), self.config.protocol_version)
        self._audience = Audience()
        self._profiles = Profiles()
        self._requests = PeerQuota(self.config.requests_per_peer)
        self._pushes = PushIntake(self.config.push_concurrency, self.config.push_rates)
        self._unasked: dict[MuxedConnection, asyncio.TimerHandle] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rounds = PushRounds()

    async def start(self, host: Host) -> None:
        """Answer from now on."""
        self._host = host
        host.set_stream_handler(IDENTIFY_ID, self._serve)
        host.set_stream_handler(PUSH_ID, self._receive_push)
        departures = host.events(PeerDisconnected, MissedEvents)

        async def watch() -> None:
            async for event in departures:
                self._departed(host, [event.peer] if isinstance(event, PeerDisconnected) else self._audience.peers)

        host.spawn(watch(), "identify: departures")
        for connection in host.connections():
            self.connection_opened(connection)

    async def close(self) -> None:
        """Answer and push no more. Idempotent."""
        host, self._host = self._host, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for timer in self._unasked.values():
            timer.cancel()
        self._unasked.clear()
        if host is not None:
            host.remove_stream_handler(IDENTIFY_ID)
            host.remove_stream_handler(PUSH_ID)

    # Asking

    def connection_opened(self, connection: MuxedConnection) -> None:
        """A connection stands: find out, in the background, who its peer is and what it speaks."""
        host = self._host
        if host is None:
            return
        self._audience.join(connection.remote_peer)
        loop = asyncio.get_running_loop()
        if connection.is_outbound:
            # A tick later whoever dialled opens its stream, and both requests leave in one packet.
            loop.call_soon(self._begin_asking, connection)
        else:
            # Most dialers ask first, and then our question rides with the answer.
            self._unasked[connection] = loop.call_later(ASK_AFTER_S, self._begin_asking, connection)

    def _begin_asking(self, connection: MuxedConnection) -> None:
        host = self._host
        timer = self._unasked.pop(connection, None)
        if timer is not None:
            timer.cancel()
        if host is not None and not connection.is_closed:
            host.spawn(self._ask_quietly(host, connection), f"identify {connection.remote_peer}")

    async def identify(self, target: Target) -> IdentifyResult:
        """Ask a peer who it is; connects first if need be.

        Raises TimeoutExpired when the answer is not complete in time, ProtocolViolation when it is none, or its key
        is not the peer's, and what `connect` and `new_stream` raise.
        """
        host = self._host
        if host is None:
            raise HostNotRunning("identify: the host is not running")
        return await self._ask(host, await host.connect(target))

    async def _ask_quietly(self, host: Host, connection: MuxedConnection) -> None:
        try:
            await self._ask(host, connection)
        except (Libp2pError, OSError) as error:
            logger.debug("could not identify %s: %s", connection.remote_peer, error)

    async def _ask(self, host: Host, connection: MuxedConnection) -> IdentifyResult:
        limit = self.config.timeout_s
        try:
            async with asyncio.timeout(limit) as timeout:
                message = await _read(await host.new_stream_on(connection, IDENTIFY_ID))
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise TimeoutExpired(f"identify: no answer from {connection.remote_peer} within {limit:g} s") from error
        result = self._learn(host, connection, message)
        if self._audience.missed_a_change(connection.remote_peer, self._own.edition):
            # It was told before that, and we did not know yet whether it takes pushes.
            self.changed()
        return result

    # Answering

    async def _serve(self, stream: Stream) -> None:
        host = self._host
        peer = stream.remote_peer
        if host is None or not self._requests.take(peer):
            stream.reset(LIMIT_EXCEEDED_CODE)
            return
        if stream.connection in self._unasked:
            self._begin_asking(stream.connection)
        try:
            async with asyncio.timeout(self.config.timeout_s):
                await self._tell(host, stream)
        except TimeoutError:
            stream.reset()
        finally:
            self._requests.give_back(peer)

    async def _tell(self, host: Host, stream: Stream) -> None:
        self._own.refresh(host)
        edition = self._own.edition
        await stream.write(delimit(self._own.parts_over(host, stream.connection)))
        await stream.close()
        self._audience.told(stream.remote_peer, edition)

    async def _receive_push(self, stream: Stream) -> None:
        host = self._host
        if host is None:
            stream.reset(LIMIT_EXCEEDED_CODE)
            return
        connection = stream.connection
        refusal = self._pushes.admit(connection.remote_address.ip, host.runtime.now())
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
        self._learn(host, connection, message)

    # Telling of changes

    def changed(self) -> None:
        """Addresses or handlers have changed: tell every connected peer that takes pushes, once things are calm."""
        if self._host is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.config.push_delay_s, self._begin_push)

    def scopes_changed(self) -> None:
        """A protocol is offered on other connections than before; `changed` follows."""
        self._own.scopes_changed()

    def _begin_push(self) -> None:
        self._timer = None
        host = self._host
        if host is not None and self._rounds.due():
            host.spawn(self._push_to_all(host), "identify: push")
            self._rounds.begin()

    async def _push_to_all(self, host: Host) -> None:
        try:
            while self._rounds.next():
                self._own.refresh(host)
                waiting = deque(self._audience.to_be_told(host.connections(), self._own.edition, host.peerstore))
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
            stream = await host.new_stream_on(connection, PUSH_ID)
            try:
                await self._tell(host, stream)
            except BaseException:
                stream.reset()
                raise

    # Remembering

    def _learn(self, host: Host, connection: MuxedConnection, message: IdentifyMessage) -> IdentifyResult:
        peer = connection.remote_peer
        connected = bool(host.connections(peer))
        result = self._profiles.learn(host.peerstore, connection, message, connected=connected)
        if connected:
            self._audience.join(peer)
        if message.observed_address is not None and self._observe is not None:
            self._observe(connection, message.observed_address)
        host.emit(
            PeerIdentified(
                peer, result.agent_version, result.protocols, result.listen_addresses, result.observed_address
            )
        )
        return result

    def _departed(self, host: Host, peers: list[PeerId]) -> None:
        for peer in peers:
            if not host.connections(peer) and self._audience.leave(peer):
                self._profiles.departed(host.peerstore, peer)


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
