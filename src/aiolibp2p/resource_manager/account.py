"""Accounts: the counters of one limited scope, and how several of them are charged together or not at all. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from aiolibp2p.abc.services.resources import ALWAYS
from aiolibp2p.errors import LimitExceeded
from aiolibp2p.resource_manager.limits import ScopeLimits
from aiolibp2p.wire.printable import printable

COUNTED = (
    "inbound_streams",
    "outbound_streams",
    "streams",
    "handlers",
    "inbound_connections",
    "outbound_connections",
    "connections",
    "descriptors",
)
"""What an account counts beside bytes of memory: fields of `ScopeLimits`, in the order of its counters."""

Need = tuple[int, ...]
"""Places in `COUNTED`, of each of which something needs one."""

STREAM: dict[bool, Need] = {True: (0, 2), False: (1, 2)}
"""What a stream needs, by whether it is inbound."""

HANDLERS = 3
"""The place of handlers in `COUNTED`."""

SERVED: Need = (HANDLERS,)
"""What a stream needs more when a handler runs for it."""

CONNECTION: dict[tuple[bool, bool], Need] = {
    (True, True): (4, 6, 7),
    (True, False): (4, 6),
    (False, True): (5, 6, 7),
    (False, False): (5, 6),
}
"""What a connection needs, by whether it is inbound and whether it has a file descriptor of its own."""

MAX_NAME_LENGTH = 120
"""The longest name of a scope in a message, in characters: room for an address and a peer id of 52. A protocol id may
come from a peer and be longer."""

_PER_STREAM = frozenset({"memory", "inbound_streams", "outbound_streams", "streams", "handlers"})
_PER_CONNECTION = frozenset({"memory", "inbound_connections", "outbound_connections", "connections", "descriptors"})


class Rule:
    """The limits that all scopes of one kind share, in the form that counting needs."""

    __slots__ = ("counts_connections", "counts_memory", "counts_streams", "kind", "limits", "most", "most_memory")

    def __init__(self, kind: str, limits: ScopeLimits) -> None:
        self.kind = kind
        self.limits = limits
        self.most: tuple[int | float, ...] = tuple(_most(limits, name) for name in COUNTED)
        self.counts_memory = limits.memory is not None
        self.most_memory = limits.memory or 0
        limited = [name for name in ("memory", *COUNTED) if getattr(limits, name) is not None]
        self.counts_streams = any(name in _PER_STREAM for name in limited)
        self.counts_connections = any(name in _PER_CONNECTION for name in limited)


class Account:
    """What one limited scope holds. `check` comes before `join` or `add`; it alone can refuse."""

    __slots__ = ("_holders", "_key", "_rule", "_table", "counts_memory", "memory", "most", "most_memory", "used")

    def __init__(self, rule: Rule, key: object = "", table: dict[object, Account] | None = None) -> None:
        """`table` holds the account under `key` for as long as any scope is charged to it; None keeps it out of any."""
        self.memory = 0
        self.most_memory = rule.most_memory
        self.counts_memory = rule.counts_memory
        self.used = [0] * len(COUNTED)
        self.most = rule.most
        self._rule = rule
        self._key = key
        self._table = table
        self._holders = 0

    def check(self, need: Need, memory: int = 0) -> None:
        """Raises LimitExceeded when there is no room for what is needed and `memory` bytes."""
        used, most = self.used, self.most
        for place in need:
            if used[place] >= most[place]:
                name = COUNTED[place]
                raise self._refusal(name, f"{used[place]} of {most[place]} {name.replace('_', ' ')} are in use")
        if memory and self.counts_memory and self.memory + memory > self.most_memory:
            raise self.no_memory(memory, ALWAYS)

    def add(self, need: Need) -> None:
        """Count what a scope that is charged here already needs more."""
        used = self.used
        for place in need:
            used[place] += 1

    def join(self, need: Need, memory: int) -> None:
        """A scope is charged here from now on, with all that it holds."""
        used = self.used
        for place in need:
            used[place] += 1
        if self.counts_memory:
            self.memory += memory
        self._holders += 1
        if self._holders == 1 and self._table is not None:
            self._table[self._key] = self

    def leave(self, need: Need, memory: int) -> None:
        """A scope is charged here no longer. With the last one the account leaves its table."""
        used = self.used
        for place in need:
            used[place] -= 1
        if self.counts_memory:
            self.memory -= memory
        self._holders -= 1
        if not self._holders and self._table is not None:
            del self._table[self._key]

    def no_memory(self, n: int, priority: int) -> LimitExceeded:
        """The refusal of `n` bytes."""
        share = f", at this priority {self.most_memory * (priority + 1) >> 8} of them" if priority < ALWAYS else ""
        most = f"{self.most_memory} bytes of memory{share}"
        return self._refusal("memory", f"{n} bytes more would pass its {most}; {self.memory} are in use")

    def _refusal(self, name: str, what: str) -> LimitExceeded:
        scope = printable(f"{self._rule.kind} {self._key}".rstrip(), MAX_NAME_LENGTH)
        option = self._rule.limits.options.get(name)
        hint = f"; ResourceLimits({option}=...) sets the limit" if option else ""
        return LimitExceeded(f"{scope}: {what}{hint}", self._rule.kind)


def join_all(accounts: Iterable[Account], need: Need, memory: int = 0) -> None:
    """Charge a scope to all these accounts, or to none. Raises LimitExceeded."""
    for account in accounts:
        account.check(need, memory)
    for account in accounts:
        account.join(need, memory)


def _most(limits: ScopeLimits, name: str) -> int | float:
    most: int | None = getattr(limits, name)
    return float("inf") if most is None else most
