"""Scopes that count, record and refuse on demand, for unit tests of muxers, connections and services. No asyncio.

    resources = FakeResources()
    connection = resources.open_connection(inbound=True, remote=None)
    ...                                                # the code under test reserves, releases, opens streams
    with resources.refusing("open_stream"):
        ...                                            # and here is refused each stream
    resources.assert_done()

What breaks the contract of `abc.services.resources` raises AssertionError at once, and again from `assert_done` and
`assert_balanced`, for the case that the code under test swallowed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiolibp2p.abc.services.resources import ALWAYS, ConnectionScope, Resources, StreamScope
from aiolibp2p.errors import LimitExceeded
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

ASKS = ("open_connection", "set_peer", "open_stream", "set_protocol", "set_service", "reserve")
"""The calls that a scope may refuse."""


class FakeResources(Resources):
    """Hands out `FakeScope`s, and remembers all of them."""

    def __init__(self) -> None:
        self.scopes: list[FakeScope] = []
        """All that were opened, in that order."""
        self.calls: list[str] = []
        """What was asked of all scopes, refused or not, as `"stream 2: reserve 100"`."""
        self.broken: list[str] = []
        """How the contract was broken."""
        self._refused: dict[str, int] = {}

    def open_connection(self, inbound: bool, remote: Multiaddr | None, uses_fd: bool = True) -> FakeScope:
        self.ask("resources", "open_connection")
        return self.opened("connection", inbound)

    def service_scope(self, name: str) -> FakeScope:
        return self.opened(f"service {name}")

    @contextmanager
    def refusing(self, *asks: str, after: int = 0) -> Iterator[None]:
        """Inside, each of these calls (of `ASKS`) is refused, once it was granted `after` times."""
        unknown = [ask for ask in asks if ask not in ASKS]
        assert not unknown, f"{unknown} cannot be refused, only {', '.join(ASKS)}"
        before = dict(self._refused)
        self._refused.update(dict.fromkeys(asks, after))
        try:
            yield
        finally:
            self._refused = before

    def assert_done(self) -> None:
        """Every scope was opened, used as the contract says, and done exactly once."""
        open_still = [scope.name for scope in self.scopes if not scope.is_done]
        assert not self.broken, "; ".join(self.broken)
        assert not open_still, f"never done: {', '.join(open_still)}"

    def assert_balanced(self) -> None:
        """All bytes that were reserved were released, too, and none was left for `done` to give back."""
        held = [f"{scope.held or scope.held_at_end} by {scope.name}" for scope in self.scopes]
        held = [text for text in held if not text.startswith("0 ")]
        assert not self.broken, "; ".join(self.broken)
        assert not held, f"bytes never released: {', '.join(held)}"

    def opened(self, kind: str, inbound: bool = True) -> FakeScope:
        """A new scope, named by its kind and number."""
        scope = FakeScope(self, f"{kind} {len(self.scopes) + 1}", inbound)
        self.scopes.append(scope)
        return scope

    def ask(self, who: str, ask: str, what: object = "") -> None:
        """Record a call. Raises LimitExceeded when such calls are to be refused."""
        self.calls.append(f"{who}: {ask} {what}".rstrip())
        left = self._refused.get(ask)
        if left is None:
            return
        if left == 0:
            raise LimitExceeded(f"{who}: the test refuses {ask}")
        self._refused[ask] = left - 1

    def broke(self, how: str) -> None:
        """Raises AssertionError, and keeps it for later."""
        self.broken.append(how)
        raise AssertionError(how)


class FakeScope(ConnectionScope, StreamScope):
    """A scope of any kind."""

    def __init__(self, resources: FakeResources, name: str, inbound: bool) -> None:
        self.name = name
        self.inbound = inbound
        self.held = 0
        """Bytes reserved and not released; 0 when done."""
        self.held_at_end = 0
        """Bytes that `done` gave back."""
        self.is_done = False
        self.peer: PeerId | None = None
        self.protocol_id: str | None = None
        self.service: str | None = None
        self._resources = resources

    def __repr__(self) -> str:
        return f"<FakeScope {self.name} holds {self.held}>"

    def reserve(self, n: int, priority: int = ALWAYS) -> None:
        self._ask("reserve", n)
        if n < 0:
            self._resources.broke(f"{self.name}: reserved {n} bytes")
        self.held += n

    def release(self, n: int) -> None:
        self._resources.calls.append(f"{self.name}: release {n}")
        if self.is_done:
            # A reader may still be emptying what is left; done has given it back.
            return
        if not 0 <= n <= self.held:
            self._resources.broke(f"{self.name}: released {n} bytes of {self.held}")
        self.held -= n

    def done(self) -> None:
        self._resources.calls.append(f"{self.name}: done")
        if self.is_done:
            self._resources.broke(f"{self.name}: done twice")
        self.is_done = True
        self.held_at_end, self.held = self.held, 0

    def set_peer(self, peer: PeerId) -> None:
        self._ask("set_peer", peer)
        self._once("peer", self.peer)
        self.peer = peer

    def open_stream(self, inbound: bool) -> FakeScope:
        self._ask("open_stream", "in" if inbound else "out")
        if self.peer is None:
            self._resources.broke(f"{self.name}: a stream before the peer is known")
        return self._resources.opened("stream", inbound)

    def set_protocol(self, protocol_id: str) -> None:
        self._ask("set_protocol", protocol_id)
        self._once("protocol", self.protocol_id)
        self.protocol_id = protocol_id

    def set_service(self, name: str) -> None:
        self._ask("set_service", name)
        self._once("service", self.service)
        if self.protocol_id is None:
            self._resources.broke(f"{self.name}: a service before the protocol is known")
        self.service = name

    def _ask(self, ask: str, what: object) -> None:
        self._resources.ask(self.name, ask, what)
        if self.is_done:
            self._resources.broke(f"{self.name}: {ask} after done")

    def _once(self, what: str, known: object) -> None:
        if known is not None:
            self._resources.broke(f"{self.name}: the {what} is {known} already")
