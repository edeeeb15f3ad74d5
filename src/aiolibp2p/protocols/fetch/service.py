"""Fetch: asking peers for values, and answering them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiolibp2p.abc.host import Host, Target
from aiolibp2p.abc.services.context import ServiceContext, StreamLimits
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.stream import MuxedConnection, Stream
from aiolibp2p.errors import (
    ConfigError,
    HostNotRunning,
    LimitExceeded,
    ProtocolViolation,
    RemoteError,
    StreamCode,
    TimeoutExpired,
)
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.protocols.fetch.lookups import Lookup, Lookups, key_bytes
from aiolibp2p.protocols.fetch.messages import (
    ENVELOPE_BYTES,
    FETCH_ID,
    MAX_KEY_BYTES,
    MAX_REASON_BYTES,
    MAX_VALUE_BYTES,
    FetchFailed,
    Response,
    Status,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from aiolibp2p.wire.printable import printable

MAX_SHOWN_KEY = 128
"""The most characters of a key that a message repeats: more would bury what it says."""

FAILED = Response(Status.ERROR, b"the lookup failed")
"""What a peer is told of a lookup that raised: why is this host's own affair, and in its log."""
TOOK_TOO_LONG = Response(Status.ERROR, b"the lookup took too long")
NO_MEMORY = Response(Status.ERROR, b"too busy")
MALFORMED = Response(Status.ERROR, b"the request is malformed")

logger = logging.getLogger("aiolibp2p.fetch")


@dataclass(frozen=True)
class FetchConfig:
    """Sizes in bytes, times in seconds, and streams at once."""

    timeout_s: float = 10.0
    """How long an answer may take, and, when serving, a request to come or an answer to be taken; as js and go have."""
    lookup_timeout_s: float = 8.0
    """How long a lookup may take; less than the ten seconds after which js and go no longer wait for the error."""
    max_key_bytes: int = MAX_KEY_BYTES
    max_value_bytes: int = MAX_VALUE_BYTES
    inbound_streams: int = 128
    """Requests of all peers that are served at once: four peers' worth, each answer up to `max_value_bytes`."""
    inbound_streams_per_peer: int = 32
    """Requests of one peer that are served at once, as many as js serves on a connection."""
    outbound_streams_per_peer: int = 32
    """Requests to one peer at once; further ones wait. js resets a 33rd stream."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ConfigError(f"fetch: {name} takes a number above 0, not {getattr(self, name)}")


@dataclass
class _Turns:
    """The requests to one peer, under way or waiting."""

    free: asyncio.Semaphore
    users: int = field(default=0)


class Fetch(Service):
    """The fetch service of a host: asks peers for the values of keys, and answers by the lookups registered here."""

    name = "fetch"

    def __init__(self, config: FetchConfig | None = None) -> None:
        self.config = config or FetchConfig()
        self._lookups = Lookups()
        self._turns: dict[PeerId, _Turns] = {}
        self._context: ServiceContext | None = None

    async def start(self, context: ServiceContext) -> None:
        self._context = context
        limits = StreamLimits(self.config.inbound_streams, self.config.inbound_streams_per_peer)
        context.handle(FETCH_ID, self._serve, limits=limits)

    async def close(self) -> None:
        self._context = None

    def register(self, prefix: str | bytes, lookup: Lookup) -> None:
        """Answer every key that begins with `prefix`, and with no longer one registered, by `await lookup(key, peer)`.

        Its result is the value, or None for "not found". One that raises is logged and answered as an error. The
        prefix "" takes all keys. May be called before the host starts. Raises ConfigError for a prefix that is taken.
        """
        self._lookups.add(key_bytes(prefix), lookup)

    def unregister(self, prefix: str | bytes) -> None:
        """Answer keys by this prefix no longer; lookups under way go on. Idempotent."""
        self._lookups.remove(key_bytes(prefix))

    # Asking

    async def fetch(self, target: Target, key: str | bytes) -> bytes | None:
        """Ask a peer for the value of a key; None when it has none. Connects first if need be.

        Raises FetchFailed when the peer's lookup failed, TimeoutExpired without an answer in time, ProtocolViolation
        for an answer that is none or is longer than `max_value_bytes`, LimitExceeded for a key that is longer than
        `max_key_bytes`, and what `connect` and `new_stream` raise.
        """
        context = self._context
        if context is None:
            raise HostNotRunning("fetch: the host is not running")
        wanted = key_bytes(key)
        if len(wanted) > self.config.max_key_bytes:
            raise LimitExceeded(f"fetch: a key of {len(wanted)} bytes; max_key_bytes is {self.config.max_key_bytes}")
        connection = await context.host.connect(target)
        peer = connection.remote_peer
        async with self._turn(peer):
            response = await self._ask(context.host, connection, wanted)
        if response.status is Status.ERROR:
            raise FetchFailed(peer, _shown(wanted), _reason(response))
        return response.data if response.status is Status.OK else None

    @contextlib.asynccontextmanager
    async def _turn(self, peer: PeerId) -> AsyncIterator[None]:
        turns = self._turns.get(peer)
        if turns is None:
            turns = self._turns[peer] = _Turns(asyncio.Semaphore(self.config.outbound_streams_per_peer))
        turns.users += 1
        try:
            async with turns.free:
                yield
        finally:
            turns.users -= 1
            if not turns.users:
                del self._turns[peer]

    async def _ask(self, host: Host, connection: MuxedConnection, key: bytes) -> Response:
        limit = self.config.timeout_s
        try:
            async with asyncio.timeout(limit) as timeout:
                return await self._exchange(await host.new_stream_on(connection, FETCH_ID), key)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            peer = connection.remote_peer
            raise TimeoutExpired(f"fetch: no answer from {peer} for {_shown(key)} within {limit:g} s") from error

    async def _exchange(self, stream: Stream, key: bytes) -> Response:
        most = self.config.max_value_bytes
        try:
            await stream.write_message(encode_request(key))
            # Our side is not closed before the answer came: js resets a stream whose end comes with its proposal.
            response = decode_response(await stream.read_message(most + ENVELOPE_BYTES))
            if len(response.data) > most:
                raise ProtocolViolation(f"fetch: a value of {len(response.data)} bytes; max_value_bytes is {most}")
        except BaseException:
            stream.reset()
            raise
        await stream.close()
        return response

    # Answering

    async def _serve(self, stream: Stream) -> None:
        """Answer one request; what comes behind it is not read.

        A peer that abandons it keeps its place until the lookup has ended: else it could start any number of them.
        """
        try:
            async with asyncio.timeout(self.config.timeout_s):
                request = await stream.read_message(self.config.max_key_bytes + ENVELOPE_BYTES)
        except TimeoutError:
            stream.reset()
            return
        context = self._context
        if context is None:
            stream.reset(StreamCode.SHUTDOWN)
            return
        response = await self._answer(context, request, stream.remote_peer)
        context.meter.count("fetch_requests", status=response.status.name.lower())
        try:
            async with asyncio.timeout(self.config.timeout_s):
                await self._reply(context, stream, response)
        except TimeoutError:
            stream.reset()

    async def _answer(self, context: ServiceContext, request: bytes, peer: PeerId) -> Response:
        try:
            key = decode_request(request)
        except ProtocolViolation as error:
            logger.debug("%s asked for nothing: %s", peer, error)
            return MALFORMED
        lookup = self._lookups.find(key) if len(key) <= self.config.max_key_bytes else None
        return Response(Status.NOT_FOUND) if lookup is None else await self._look_up(context, lookup, key, peer)

    async def _look_up(self, context: ServiceContext, lookup: Lookup, key: bytes, peer: PeerId) -> Response:
        outcome: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        # In a task of its own, what the lookup raises is logged once, and leaves the stream fit for an answer.
        task = context.spawn(self._settle(outcome, lookup, key, peer), f"fetch: the lookup of {_shown(key)} for {peer}")
        try:
            async with asyncio.timeout(self.config.lookup_timeout_s):
                return await outcome
        except TimeoutError:
            logger.warning(
                "fetch: the lookup of %s for %s took more than %g s", _shown(key), peer, self.config.lookup_timeout_s
            )
            return TOOK_TOO_LONG
        finally:
            task.close()

    async def _settle(self, outcome: asyncio.Future[Response], lookup: Lookup, key: bytes, peer: PeerId) -> None:
        response = FAILED
        try:
            value = await lookup(key, peer)
            size = 0 if value is None else memoryview(value).nbytes  # a TypeError if it is no bytes
            if size > self.config.max_value_bytes:
                raise LimitExceeded(f"fetch: a value of {size} bytes; max_value_bytes is {self.config.max_value_bytes}")
            response = Response(Status.NOT_FOUND) if value is None else Response(Status.OK, bytes(value))
        except RemoteError as error:
            # The task would log it as the fault of the peer that asks, where nobody looks.
            logger.warning("fetch: the lookup of %s for %s failed: %s", _shown(key), peer, error)
        finally:
            if not outcome.done():
                outcome.set_result(response)

    async def _reply(self, context: ServiceContext, stream: Stream, response: Response) -> None:
        held = len(response.data)
        try:
            context.scope.reserve(held)
        except LimitExceeded as error:
            logger.debug("fetch: %s", error)
            held, response = 0, NO_MEMORY
        try:
            await stream.write_message(encode_response(response))
            await stream.close()
        finally:
            context.scope.release(held)


def _shown(key: bytes) -> str:
    """Return a key as text fit for messages."""
    return f"'{printable(key[: 4 * MAX_SHOWN_KEY].decode('utf-8', errors='backslashreplace'), MAX_SHOWN_KEY)}'"


def _reason(response: Response) -> str:
    """Return the words that came with an error, fit for messages."""
    return printable(response.data[:MAX_REASON_BYTES].decode("utf-8", errors="replace"), MAX_REASON_BYTES)
