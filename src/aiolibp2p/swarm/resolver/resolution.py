"""The questions that resolve one address, and the addresses that the answers make of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from aiolibp2p.errors import FormatError, Libp2pError, Unreachable
from aiolibp2p.multiformats.multiaddr import Component, Multiaddr

MAX_DEPTH = 4
"""The most /dnsaddr links that may follow one another: the public bootstrap names take two."""

MAX_LOOKUPS = 32
"""The most questions asked for one address, so that nobody's records make a host flood name servers."""

MAX_RESULTS = 100
"""The most addresses that one resolves to, names that wait to be asked for, and entries taken of one answer."""

NameKind: TypeAlias = Literal["dns", "dns4", "dns6", "dnsaddr"]

_KINDS = ("dns", "dns4", "dns6", "dnsaddr")
_PREFIX = b"dnsaddr="


@dataclass(frozen=True)
class Question:
    """`dns`, `dns4` and `dns6` ask for IP addresses as text, `dnsaddr` for the TXT records of _dnsaddr.<name>."""

    kind: NameKind
    name: str


def starts_with_name(address: Multiaddr) -> bool:
    """Return whether an address has to be resolved before it can be dialled."""
    protocols = address.protocols()
    return bool(protocols) and protocols[0] in _KINDS


class Resolution:
    """The way from one address to those it stands for.

    Ask `questions`, give the answers to `answer`, until there are no more; then `results`.
    """

    def __init__(self, address: Multiaddr) -> None:
        self._address = address
        self._found: dict[Multiaddr, None] = {}
        self._seen: dict[Multiaddr, Question] = {}
        self._open: dict[Multiaddr, Question] = {}
        self._lookups = 0
        self._depth = 0
        self._failure: Libp2pError | None = None
        self._sort([address])

    def questions(self) -> list[Question]:
        """Return what to ask now, each question once; empty at the end."""
        return list(dict.fromkeys(self._open.values()))

    def answer(self, answers: Sequence[Sequence[str] | Sequence[bytes] | Libp2pError]) -> None:
        """Take the answers to the last `questions`, in their order: IP addresses, TXT records, or an error."""
        pending, self._open = self._open, {}
        found = dict(zip(dict.fromkeys(pending.values()), answers, strict=True))
        self._lookups += len(found)
        self._depth += 1
        following: list[Multiaddr] = []
        for address, question in pending.items():
            answer = found[question]
            if isinstance(answer, Libp2pError):
                self._fail(answer)
            elif question.kind == "dnsaddr":
                following += self._follow(address, question, cast("Sequence[bytes]", answer))
            else:
                following += _with_ips(address, cast("Sequence[str]", answer))
        self._sort(following)

    def results(self) -> list[Multiaddr]:
        """Return what was found, in the order of the answers. Raises Unreachable or TimeoutExpired for nothing."""
        if not self._found:
            raise self._failure or Unreachable(f"{self._address} resolves to nothing")
        return list(self._found)

    def _fail(self, reason: Libp2pError) -> None:
        self._failure = self._failure or reason

    def _sort(self, addresses: Sequence[Multiaddr]) -> None:
        """Keep what is resolved, note what has to be asked for the rest."""
        for address in addresses:
            if starts_with_name(address):
                self._plan(address)
            elif len(self._found) < MAX_RESULTS:
                self._found[address] = None

    def _plan(self, address: Multiaddr) -> None:
        first = address.components()[0]
        question = Question(cast(NameKind, first.name), first.value or "")
        planned = dict.fromkeys(self._open.values())
        if address in self._seen:
            self._fail(Unreachable(f"{address} leads back to itself"))
        elif question.kind == "dnsaddr" and self._depth >= MAX_DEPTH:
            self._fail(Unreachable(f"{self._address} leads through more than {MAX_DEPTH} /dnsaddr links"))
        elif len(self._open) >= MAX_RESULTS:
            self._fail(Unreachable(f"{self._address} leads to more than {MAX_RESULTS} names"))
        elif question not in planned and self._lookups + len(planned) >= MAX_LOOKUPS:
            self._fail(Unreachable(f"{self._address} takes more than {MAX_LOOKUPS} look-ups"))
        else:
            self._open[address] = self._seen[address] = question

    def _follow(self, address: Multiaddr, question: Question, records: Sequence[bytes]) -> list[Multiaddr]:
        """Return the addresses in the records of a link that lead where it says."""
        relay, tail = _split(address)
        listed = [entry for record in records if (entry := _entry(record)) is not None]
        if not listed:
            self._fail(Unreachable(f"_dnsaddr.{question.name} lists no address"))
            return []
        wanted = [one for entry in listed[:MAX_RESULTS] if (one := _agreeing(entry, relay)) is not None]
        if not wanted:
            self._fail(Unreachable(f"_dnsaddr.{question.name} lists no address that agrees with {relay}"))
        return [whole for one in wanted if (whole := _joined(one, tail)) is not None]


def _split(address: Multiaddr) -> tuple[Multiaddr, bytes]:
    """Return the relay's part of an address and the rest, or all of it and nothing."""
    circuit = address.split_circuit()
    if circuit is None:
        return address, b""
    relay = circuit[0].to_bytes()
    return circuit[0], address.to_bytes()[len(relay) :]


def _entry(record: bytes) -> Multiaddr | None:
    if not record.startswith(_PREFIX):
        return None
    try:
        return Multiaddr(record[len(_PREFIX) :].decode())
    except ValueError:
        return None


def _agreeing(entry: Multiaddr, link: Multiaddr) -> Multiaddr | None:
    """Return the entry with the link's peer at its end; None if it names another, or lacks what follows the name."""
    peer, listed = _last_peer(link), _last_peer(entry)
    if peer is not None and listed is not None and listed != peer:
        return None
    behind = link.without_p2p().components()[1:]
    if not _ends_in(entry.without_p2p().components(), behind):
        return None
    try:
        return entry if peer is None else entry.with_p2p(peer)
    except FormatError:
        return None


def _last_peer(address: Multiaddr) -> bytes | None:
    return address.p2p_bytes if address.protocols()[-1:] == ("p2p",) else None


def _ends_in(components: Sequence[Component], end: Sequence[Component]) -> bool:
    return not end or list(components[-len(end) :]) == list(end)


def _joined(address: Multiaddr, tail: bytes) -> Multiaddr | None:
    try:
        return address.encapsulate(tail) if tail else address
    except FormatError:
        return None


def _with_ips(address: Multiaddr, ips: Sequence[str]) -> list[Multiaddr]:
    """Return the address with each of the IP addresses in place of its name, IPv6 first."""
    name = address.components()[0]
    rest = address.to_bytes()[len(Multiaddr(f"/{name.name}/{name.value}").to_bytes()) :]
    ordered = sorted(dict.fromkeys(ips), key=lambda ip: ":" not in ip)
    heads = [head for ip in ordered if (head := _ip_address(ip)) is not None]
    return [whole for head in heads if (whole := _joined(head, rest)) is not None]


def _ip_address(ip: str) -> Multiaddr | None:
    """Parse an IP address as systems write it: IPv6 may end in %zone. None for anything else."""
    host, _, zone = ip.partition("%")
    kind = "ip6" if ":" in host else "ip4"
    try:
        return Multiaddr(f"/ip6zone/{zone}/ip6/{host}" if zone else f"/{kind}/{host}")
    except FormatError:
        return None
