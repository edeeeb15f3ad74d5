"""Scopes refuse and count as a naive model does, for any sequence of calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aiolibp2p.errors import LimitExceeded
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.resource_manager import ResourceManager, ScopeLimits, TreeLimits, Usage
from aiolibp2p.resource_manager.lean_stream import LeanStream
from aiolibp2p.resource_manager.scopes import CountedConnection, CountedScope, CountedService, CountedStream

PEERS = tuple(PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n).peer_id for i in (1, 2))
NAMES = ("/a", "/b")
KINDS = tuple(kind.name for kind in fields(TreeLimits))


@dataclass(eq=False)
class Thing:
    """One scope as the model knows it."""

    scope: CountedScope
    number: int
    inbound: bool = True
    uses_fd: bool = False
    peer: PeerId | None = None
    connection: Thing | None = None
    protocol_id: str | None = None
    service: str | None = None
    held: int = 0

    def counts(self) -> Counter[str]:
        direction = "inbound" if self.inbound else "outbound"
        found = Counter(memory=self.held)
        if isinstance(self.scope, CountedConnection):
            found.update([f"{direction}_connections", "connections", *["descriptors"] * self.uses_fd])
        elif isinstance(self.scope, CountedStream | LeanStream):
            served = self.inbound and self.protocol_id is not None
            found.update([f"{direction}_streams", "streams", *["handlers"] * served])
        return found

    def groups(self) -> Iterator[tuple[str, object]]:
        """All scopes that it is counted in."""
        yield "system", None
        if isinstance(self.scope, CountedService):
            yield "service", self.service
            return
        owner = self.connection or self
        yield "connection", owner.number
        if owner.peer is not None:
            yield "peer", owner.peer
        if owner.peer is None or (self.connection is not None and self.protocol_id is None):
            yield "transient", None
        if self.connection is not None:
            yield "stream", self.number
        for kind, name in (("protocol", self.protocol_id), ("service", self.service)):
            if name is not None:
                yield kind, name
                yield f"{kind}_peer", (name, owner.peer)


@dataclass
class Model:
    """Everything that lives, and the limits."""

    limits: TreeLimits
    things: list[Thing] = field(default_factory=list)

    def counts(self) -> dict[tuple[str, object], Counter[str]]:
        found: dict[tuple[str, object], Counter[str]] = {}
        for thing in self.things:
            for group in thing.groups():
                found.setdefault(group, Counter()).update(thing.counts())
        return found

    def fits(self) -> bool:
        return all(self._fits(kind, counts) for (kind, _), counts in self.counts().items())

    def _fits(self, kind: str, counts: Counter[str]) -> bool:
        limits: ScopeLimits = getattr(self.limits, kind)
        return all(n <= getattr(limits, name) for name, n in counts.items() if getattr(limits, name) is not None)

    def fits_at(self, thing: Thing, priority: int) -> bool:
        counts = self.counts()
        limited = [(getattr(self.limits, kind).memory, counts[kind, key]["memory"]) for kind, key in thing.groups()]
        return all(n <= most * (priority + 1) // 256 for most, n in limited if most is not None)


COUNTED = tuple(limit.name for limit in fields(ScopeLimits) if limit.name not in {"memory", "options"})

scope_limits = st.builds(
    lambda memory, counts: ScopeLimits(memory, **counts),
    st.none() | st.integers(0, 60),
    st.dictionaries(st.sampled_from(COUNTED), st.integers(0, 3), max_size=2),
)
tree_limits = st.dictionaries(st.sampled_from(KINDS), scope_limits, min_size=1, max_size=2).map(
    lambda limits: TreeLimits(**limits)
)
"""Few limits at a time: where everything is limited, hardly anything comes to stand."""


class Counts(RuleBasedStateMachine):
    """Asks the manager and the model the same."""

    @initialize(limits=tree_limits)
    def begin(self, limits: TreeLimits) -> None:
        self.model = Model(limits)
        self.manager = ResourceManager(limits)
        self.opened: list[Thing] = []

    def _agree(self, do: Callable[[], object], expected: bool) -> bool:
        if not expected:
            with pytest.raises(LimitExceeded):
                do()
            return False
        do()
        return True

    def _open(self, thing: Thing, make: Callable[[], CountedScope]) -> None:
        self.model.things.append(thing)
        if not self.model.fits():
            self.model.things.pop()
            with pytest.raises(LimitExceeded):
                make()
            return
        thing.scope = make()
        self.opened.append(thing)

    def _living(
        self, kind: type[CountedScope], data: st.DataObject, fit: Callable[[Thing], bool] = lambda _: True
    ) -> Thing | None:
        found = [thing for thing in self.model.things if isinstance(thing.scope, kind) and fit(thing)]
        return found[data.draw(st.integers(0, len(found) - 1))] if found else None

    @rule(inbound=st.booleans(), uses_fd=st.booleans())
    def open_connection(self, inbound: bool, uses_fd: bool) -> None:
        blank = CountedConnection.__new__(CountedConnection)
        thing = Thing(blank, len(self.opened), inbound, uses_fd)
        self._open(thing, lambda: self.manager.open_connection(inbound, None, uses_fd))

    @rule(data=st.data(), inbound=st.booleans())
    def open_stream(self, data: st.DataObject, inbound: bool) -> None:
        connection = self._living(CountedConnection, data, lambda thing: thing.peer is not None)
        if connection is not None:
            scope = connection.scope
            assert isinstance(scope, CountedConnection)
            blank = CountedStream.__new__(CountedStream)
            thing = Thing(blank, len(self.opened), inbound, connection=connection)
            self._open(thing, lambda: scope.open_stream(inbound))

    @rule(name=st.sampled_from(NAMES))
    def open_service(self, name: str) -> None:
        blank = CountedService.__new__(CountedService)
        self._open(Thing(blank, len(self.opened), service=name), lambda: self.manager.service_scope(name))

    def _set(self, thing: Thing, attribute: str, value: object, do: Callable[[], None]) -> None:
        setattr(thing, attribute, value)
        if not self._agree(do, self.model.fits()):
            setattr(thing, attribute, None)

    @rule(data=st.data(), peer=st.sampled_from(PEERS))
    def set_peer(self, data: st.DataObject, peer: PeerId) -> None:
        thing = self._living(CountedConnection, data, lambda thing: thing.peer is None)
        if thing is not None:
            scope = thing.scope
            assert isinstance(scope, CountedConnection)
            self._set(thing, "peer", peer, lambda: scope.set_peer(peer))

    @rule(data=st.data(), inbound=st.booleans())
    def open_connection_with_peer(self, data: st.DataObject, inbound: bool) -> None:
        self.open_connection(inbound, True)
        self.set_peer(data, PEERS[0])
        self.open_stream(data, inbound)

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def set_protocol_or_service(self, data: st.DataObject, name: str) -> None:
        thing = self._living((CountedStream, LeanStream), data, lambda thing: thing.service is None)
        if thing is None:
            return
        scope = thing.scope
        assert isinstance(scope, CountedStream | LeanStream)
        if thing.protocol_id is None:
            self._set(thing, "protocol_id", name, lambda: scope.set_protocol(name))
        else:
            self._set(thing, "service", name, lambda: scope.set_service(name))

    @rule(data=st.data(), n=st.integers(0, 40), priority=st.integers(0, 255) | st.just(255))
    def reserve(self, data: st.DataObject, n: int, priority: int) -> None:
        thing = self._living(CountedScope, data)
        if thing is not None:
            thing.held += n
            # A reservation of nothing is refused too where more is held than its priority may use.
            if not self._agree(lambda: thing.scope.reserve(n, priority), self.model.fits_at(thing, priority)):
                thing.held -= n

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        thing = self._living(CountedScope, data)
        if thing is not None:
            n = data.draw(st.integers(0, thing.held))
            thing.held -= n
            thing.scope.release(n)

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        thing = self._living(CountedScope, data)
        if thing is not None:
            self.model.things.remove(thing)
            thing.scope.done()

    @precondition(lambda self: self.opened)
    @rule(data=st.data(), n=st.integers(0, 50))
    def late(self, data: st.DataObject, n: int) -> None:
        thing = data.draw(st.sampled_from(self.opened))
        if thing not in self.model.things:
            thing.scope.done()
            thing.scope.release(n)

    @invariant()
    def all_counts_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        statistics = self.manager.statistics()
        counts = self.model.counts()
        assert statistics.system == _usage(counts.get(("system", None), Counter()))
        assert statistics.transient == _usage(counts.get(("transient", None), Counter()))
        for kind, told in (
            ("peer", statistics.peers),
            ("protocol", statistics.protocols),
            ("service", statistics.services),
        ):
            assert told == {str(key): _usage(found) for (group, key), found in counts.items() if group == kind}

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        for thing in self.opened:
            thing.scope.done()
        assert len(self.manager) == 0
        assert self.manager.statistics().system == Usage()
        # All limits have their whole room again: an account that kept something would refuse the last of it.
        self._fill_up()

    def _fill_up(self) -> None:
        self.model.things.clear()
        self.opened.clear()
        for _ in range(5):
            self.open_connection(True, True)
            self.open_connection(False, False)
        for thing in self.opened:
            scope = thing.scope
            assert isinstance(scope, CountedConnection)
            self._set(thing, "peer", PEERS[0], lambda scope=scope: scope.set_peer(PEERS[0]))  # type: ignore[misc]


def _usage(counts: Counter[str]) -> Usage:
    return Usage(**{usage.name: counts[usage.name] for usage in fields(Usage)})


TestCounts = Counts.TestCase
TestCounts.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
