"""The scopes of connections, streams and services: what each holds, and which accounts it is charged to. Pure.

    open_connection ──▶ transient, system ──set_peer──▶ peer, system          (a connection)
    open_stream ──▶ connection, peer, transient, system
        ──set_protocol──▶ connection, peer, protocol, protocol with the peer, system
        ──set_service──▶ the same, service, service with the peer             (a stream)

Each arrow charges all that the scope holds to the accounts it gains, or raises LimitExceeded and changes nothing.
"""

from __future__ import annotations

from typing import NoReturn

from aiolibp2p.abc.services.resources import ALWAYS, ConnectionScope, Scope, StreamScope
from aiolibp2p.errors import LimitExceeded
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.resource_manager.account import CONNECTION, SERVED, STREAM, Account, Need, join_all
from aiolibp2p.resource_manager.lean_stream import LeanStream
from aiolibp2p.resource_manager.tree import Accounts, AccountTree


class CountedScope(Scope):
    """A scope that reserves memory from its accounts, and gives all of it back when it is done.

    A scope that is done refuses whatever is asked of it, and takes a late `release` without a word: a reader may
    still be emptying a stream whose scope has given everything back.
    """

    __slots__ = ("_accounts", "_memory", "_need", "held", "is_done")

    def __init__(self, accounts: Accounts, need: Need) -> None:
        """Raises LimitExceeded when one of the accounts has no room for what the scope needs."""
        join_all(accounts, need)
        self._accounts = accounts
        self._memory = _with_memory(accounts)
        self._need = need
        self.held = 0
        """Bytes reserved here and not released."""
        self.is_done = False

    def reserve(self, n: int, priority: int = ALWAYS) -> None:
        # On the data path. Accounts without a limit on memory are not even looked at; two loops, for all or none.
        if self.is_done or n < 0:
            self._misused(n)
        for account in self._memory:
            if account.memory + n > account.most_memory * (priority + 1) >> 8:
                raise account.no_memory(n, priority)
        for account in self._memory:
            account.memory += n
        self.held += n

    def release(self, n: int) -> None:
        if not 0 <= n <= self.held:
            if self.is_done:
                return
            raise ValueError(f"{n} bytes released of {self.held} that {self} holds")
        for account in self._memory:
            account.memory -= n
        self.held -= n

    def done(self) -> None:
        if self.is_done:
            return
        self.is_done = True
        for account in self._accounts:
            account.leave(self._need, self.held)
        self.held = 0
        # A scope that somebody keeps does not keep its accounts.
        self._accounts = self._memory = ()

    def _must_stand(self) -> None:
        if self.is_done:
            raise LimitExceeded(f"{self} has ended and may hold nothing more")

    def _misused(self, n: int) -> NoReturn:
        self._must_stand()
        raise ValueError(f"{n} bytes cannot be reserved")

    def _move(self, gained: Accounts, lost: Accounts, more: Need = ()) -> None:
        """Be charged to other accounts, and for more; raises LimitExceeded, and then nothing has changed."""
        kept = self._accounts
        if lost:
            kept = tuple(account for account in kept if account not in lost)
        for account in kept if more else ():
            account.check(more)
        join_all(gained, self._need + more, self.held)
        for account in kept if more else ():
            account.add(more)
        for account in lost:
            account.leave(self._need, self.held)
        self._need += more
        if gained or lost:
            self._accounts = kept + gained
            self._memory = _with_memory(self._accounts)


class ConnectionName:
    """What a connection is called in refusals and reports. Made into text only when somebody reads it."""

    __slots__ = ("_inbound", "_number", "_remote", "peer")

    def __init__(self, number: int, inbound: bool, remote: Multiaddr | None) -> None:
        self._number = number
        self._inbound = inbound
        self._remote = remote
        self.peer: PeerId | None = None

    def __str__(self) -> str:
        place = "an unknown address" if self._remote is None else self._remote
        who = "" if self.peer is None else f", {self.peer}"
        return f"{self._number} {'from' if self._inbound else 'to'} {place}{who}"


class CountedConnection(CountedScope, ConnectionScope):
    """The scope of one connection. It stays in its table until its streams are done, too."""

    __slots__ = ("_live", "_of_streams", "_own", "_tree", "inbound", "name", "streams", "uses_fd")

    def __init__(
        self,
        tree: AccountTree,
        live: dict[CountedConnection, None],
        name: ConnectionName,
        inbound: bool,
        uses_fd: bool,
    ) -> None:
        """Raises LimitExceeded when there are too many connections already. `live` is the table it stands in."""
        self._own = Account(tree.connection, name)
        super().__init__(
            (self._own, *tree.transient_of_connections, *tree.system_of_connections), CONNECTION[inbound, uses_fd]
        )
        self.inbound = inbound
        self.uses_fd = uses_fd
        self.name = name
        self.streams: dict[CountedStream | LeanStream, None] = {}
        """The streams of this connection that are not done."""
        self._of_streams: Accounts = ()
        self._tree = tree
        self._live = live
        live[self] = None

    def __str__(self) -> str:
        return f"connection {self.name}"

    def set_peer(self, peer: PeerId) -> None:
        self._must_stand()
        if self.name.peer is not None:
            raise ValueError(f"the peer of {self} is known already")
        account = self._tree.peer(peer)
        peers = () if account is None else (account,)
        self._move(peers, self._tree.transient_of_connections)
        self.name.peer = peer
        self._of_streams = (self._own, *peers, *self._tree.system_of_streams)

    def open_stream(self, inbound: bool) -> CountedStream | LeanStream:
        if self.is_done:
            self._must_stand()
        peer = self.name.peer
        if peer is None:
            raise ValueError(f"the peer of {self} must be known before a stream is opened")
        stream: CountedStream | LeanStream
        if self._tree.only_connections:
            stream = LeanStream(self, self._own, inbound)
        else:
            stream = CountedStream(self._tree, self, peer, self._of_streams, inbound)
        self.streams[stream] = None
        return stream

    def done(self) -> None:
        if not self.is_done:
            super().done()
            self._of_streams = ()
            self._leave_table()

    def forget(self, stream: CountedStream | LeanStream) -> None:
        """One of its streams is done."""
        del self.streams[stream]
        if self.is_done:
            self._leave_table()

    def _leave_table(self) -> None:
        if not self.streams:
            del self._live[self]


class CountedStream(CountedScope, StreamScope):
    """The scope of one stream. It may outlive its connection, while a handler or unread bytes are left of it."""

    __slots__ = ("_connection", "_peer", "_tree", "inbound", "protocol_id", "service")

    def __init__(
        self, tree: AccountTree, connection: CountedConnection, peer: PeerId, above: Accounts, inbound: bool
    ) -> None:
        """Raises LimitExceeded when there are too many streams already. `above` is what its connection adds up in."""
        if tree.transient_of_streams:
            above += tree.transient_of_streams
        if tree.limits_stream:
            above = (Account(tree.stream, connection.name), *above)
        super().__init__(above, STREAM[inbound])
        self.inbound = inbound
        self.protocol_id: str | None = None
        self.service: str | None = None
        self._tree = tree
        self._connection = connection
        self._peer = peer

    def __str__(self) -> str:
        what = f" of {self.protocol_id}" if self.protocol_id is not None else ""
        return f"stream{what} on {self._connection}"

    def set_protocol(self, protocol_id: str) -> None:
        self._must_stand()
        if self.protocol_id is not None:
            raise ValueError(f"the protocol of {self} is known already")
        tree = self._tree
        self._move(tree.protocol(protocol_id, self._peer), tree.transient_of_streams, SERVED if self.inbound else ())
        self.protocol_id = protocol_id

    def set_service(self, name: str) -> None:
        self._must_stand()
        if self.protocol_id is None or self.service is not None:
            raise ValueError(f"the service of {self} is set once, after its protocol")
        self._move(self._tree.service(name, self._peer), ())
        self.service = name

    def done(self) -> None:
        if not self.is_done:
            super().done()
            self._connection.forget(self)


class CountedService(CountedScope):
    """The scope of what a service reserves for itself."""

    __slots__ = ("_live", "name")

    def __init__(self, tree: AccountTree, live: dict[CountedService, None], name: str) -> None:
        """`live` is the table it stands in until it is done."""
        super().__init__(tree.memory_of_service(name), ())
        self.name = name
        self._live = live
        live[self] = None

    def __str__(self) -> str:
        return f"service {self.name}"

    def done(self) -> None:
        if not self.is_done:
            super().done()
            del self._live[self]


def _with_memory(accounts: Accounts) -> Accounts:
    return tuple([account for account in accounts if account.counts_memory])
