"""Dialling: takes requests, shares dials between those who ask for the same, and sends candidates into their races."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.errors import DialFailed, Gated, HostNotRunning, LimitExceeded
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.attempt import Attempt
from aiolibp2p.swarm.dialling.candidates import Selection
from aiolibp2p.swarm.dialling.config import DialerConfig
from aiolibp2p.swarm.dialling.race import Allowance, Race, RaceParts
from aiolibp2p.swarm.dialling.shared_dial import SharedDial, limited
from aiolibp2p.swarm.gates import Gates
from aiolibp2p.swarm.resolver import Resolver, starts_with_name

logger = logging.getLogger("aiolibp2p")

Key: TypeAlias = tuple[Hashable, ...]


@dataclass(frozen=True)
class DiallingParts:
    """The parts that dialling works with."""

    tasks: Tasks
    now: Callable[[], float]
    """The clock of the host, `Runtime.now`, in seconds."""
    gates: Gates
    selection: Selection
    resolver: Resolver
    attempt: Callable[[DialRequest, Multiaddr], Attempt]
    best: Callable[[PeerId, bool], Connection | None]
    """Answers which connection to a peer stands, be it (True) a limited one."""


@dataclass(frozen=True)
class _Dial:
    """One entry of the table of dials."""

    shared: SharedDial
    race: Race


class Dialling:
    """The dials in progress. A dial looks at the table of connections and at what its present callers know."""

    def __init__(self, parts: DiallingParts, config: DialerConfig) -> None:
        self._parts = parts
        self._config = config
        self._dials: dict[Hashable, dict[Key, _Dial]] = {}
        """The dials by whom they lead to (a peer, or addresses), then by all that makes requests share a dial."""
        self._closed = False

    def __len__(self) -> int:
        """Return how many dials are in progress, however many callers each has."""
        return sum(map(len, self._dials.values()))

    async def dial(self, request: DialRequest) -> Connection:
        """Return a connection as the request describes it: one that stands, or a new one.

        Raises DialFailed naming each address and its reason, HostNotRunning when the host is or gets closed.
        """
        if self._closed:
            raise HostNotRunning("the host is closed")
        if request.peer is not None and not request.fresh:
            standing = self._parts.best(request.peer, request.allow_limited)
            if standing is not None:
                return standing
        self._ask_for_peer(request.peer)
        dial = self._find_or_begin(request)
        timeout_s = self._config.timeout_s if request.deadline_s is None else request.deadline_s
        caller = dial.shared.join(timeout_s)
        self._send(dial.race, request)
        try:
            return await dial.shared.wait(caller)
        finally:
            # What is raised keeps this frame, and the caller what is raised: a circle that would keep the whole dial.
            del dial, caller

    def _ask_for_peer(self, peer: PeerId | None) -> None:
        if peer is None:
            return
        try:
            self._parts.gates.peer(peer)
        except Gated as error:
            raise DialFailed(peer, [(str(peer), error)]) from None

    # The table

    def _find_or_begin(self, request: DialRequest) -> _Dial:
        whom = request.peer if request.peer is not None else tuple(request.addresses)
        key = (request.role, request.fresh, request.allow_limited, request.simultaneous)
        dials = self._dials.setdefault(whom, {})
        if key in dials:
            logger.debug("dial %s: joined%s", whom, f" ({request.reason})" if request.reason else "")
            return dials[key]
        logger.debug("dial %s%s", whom, f" ({request.reason})" if request.reason else "")
        shared = SharedDial(request, lambda spare_upgrades: self._over(whom, key, spare_upgrades))
        race = Race(
            RaceParts(
                tasks=self._parts.tasks,
                now=self._parts.now,
                attempt=partial(self._parts.attempt, request),
                note=partial(self._note, request.peer),
                ended=partial(self._made, whom, key),
                max_parallel=self._config.max_parallel,
            )
        )
        shared.explain_by(race.failures)
        dial = dials[key] = _Dial(shared, race)
        return dial

    def _over(self, whom: Hashable, key: Key, spare_upgrades: bool) -> None:
        """Take a dial out of the table first: whatever the end of its race sets off, nobody joins it any more."""
        dials = self._dials[whom]
        dial = dials.pop(key)
        if not dials:
            del self._dials[whom]
        dial.race.finish(spare_upgrades)

    def _made(self, whom: Hashable, key: Key, connection: Connection | None) -> None:
        dial = self._dials[whom][key]
        if connection is None and not dial.shared.request.fresh and dial.shared.request.peer is not None:
            # Another dial, one as the responder perhaps, may have had more luck.
            connection = self._parts.best(dial.shared.request.peer, dial.shared.request.allow_limited)
        if connection is None or dial.shared.accepts(connection):
            dial.shared.made(connection)
        else:
            dial.race.note(connection.remote_address, limited(connection))

    def _note(self, peer: PeerId | None, address: Multiaddr, outcome: BaseException | None) -> None:
        self._parts.selection.history.note(peer, address, outcome, self._parts.now())

    # Who takes part

    def _send(self, race: Race, request: DialRequest) -> None:
        """Let the addresses of a request take part, names as soon as they are resolved."""
        allowance = Allowance(self._config.max_addresses)
        names = list(dict.fromkeys(filter(starts_with_name, request.addresses)))
        for name in names[: allowance.limit]:
            race.expect(name, partial(self._resolve, race, request.peer, name, allowance))
        for name in names[allowance.limit :]:
            race.note(name, LimitExceeded(f"past the {allowance.limit} names that are resolved for a request"))
        plain = [address for address in request.addresses if not starts_with_name(address)]
        race.add(self._parts.selection.select(request.peer, plain, self._parts.now()), allowance)

    async def _resolve(self, race: Race, peer: PeerId | None, name: Multiaddr, allowance: Allowance) -> None:
        """Let the addresses of a name join; without a peer asked for, each ends in the /p2p that its entry names."""
        found: Sequence[Multiaddr] = await self._parts.resolver.resolve(
            name if peer is None else name.with_p2p(peer.to_bytes())
        )
        bare = found if peer is None else [address.without_p2p() for address in found]
        candidates = self._parts.selection.select(peer, bare, self._parts.now())
        limit = self._config.max_resolved
        cut = len(candidates.ranked) - limit
        if cut > 0:
            race.note(name, LimitExceeded(f"{cut} of its addresses are past the limit of {limit} for a name"))
            candidates.ranked = candidates.ranked[:limit]
        race.add(candidates, allowance, name)

    # What ends dials

    def came_in(self, connection: Connection) -> None:
        """End dials to the peer of a connection from outside that stands, unless they want a fresh one."""
        for dial in list(self._dials.get(connection.remote_peer, {}).values()):
            if not dial.shared.request.fresh and dial.shared.accepts(connection):
                dial.shared.came_in(connection)

    def close(self) -> None:
        """End all dials; their callers get HostNotRunning."""
        self._closed = True
        for dials in list(self._dials.values()):
            for dial in list(dials.values()):
                dial.shared.close()
