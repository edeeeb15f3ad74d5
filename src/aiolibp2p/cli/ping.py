"""The command `p2p ping`: whether a peer answers, and how long a round trip takes."""

from __future__ import annotations

import argparse
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiolibp2p.cli import addresses, layers
from aiolibp2p.cli.failures import UsageError, explain
from aiolibp2p.cli.output import Output

if TYPE_CHECKING:
    from aiolibp2p.host import Host, HostOptions
    from aiolibp2p.multiformats.multiaddr import Multiaddr
    from aiolibp2p.peer.peer_id import PeerId

NAME = "ping"
SUMMARY = "measure the round trip to a node"
DESCRIPTION = """\
Connect to a node and measure round trips with libp2p's ping protocol; then a summary. Ctrl-C ends it early,
with the summary. Exits with 0 if any answer came, with 1 if none did or the connection broke.
"""
EXAMPLES = """\
examples:
  p2p ping /ip4/127.0.0.1/tcp/4001                        whoever answers there
  p2p ping /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW...        this peer or nobody
  p2p ping -c 0 /dns/example.org/tcp/4001                 until Ctrl-C
"""

DEFAULT_COUNT = 4
"""The pings that are sent unless told otherwise, as Windows's ping has it: a command ends by itself."""
DEFAULT_INTERVAL_S = 1.0
"""The seconds between two pings, as every system's ping has them."""


@dataclass
class Tally:
    """The pings so far: how many were sent and lost, and their round trips in seconds."""

    peer: PeerId
    sent: int = 0
    round_trips: list[float] = field(default_factory=list)

    def tell(self, output: Output) -> None:
        """Print the summary of all pings."""
        received = len(self.round_trips)
        text = f"{self.sent} sent, {received} answered"
        fields: dict[str, object] = {"peer_id": str(self.peer), "sent": self.sent, "received": received}
        if received:
            mean = sum(self.round_trips) / received
            deviation = math.sqrt(sum((one - mean) ** 2 for one in self.round_trips) / received)
            figures = (min(self.round_trips), mean, max(self.round_trips), deviation)
            text += "; min/avg/max/mdev " + "/".join(f"{one * 1000:.3f}" for one in figures) + " ms"
            names = ("min_ms", "avg_ms", "max_ms", "mdev_ms")
            fields.update(zip(names, map(_milliseconds, figures), strict=True))
        output.event("summary", text, **fields)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `p2p ping`."""
    parser.add_argument("address", metavar="MULTIADDR", help="where the node listens, with or without /p2p/ID")
    parser.add_argument(
        "-c",
        "--count",
        metavar="N",
        type=int,
        default=DEFAULT_COUNT,
        help=f"how many pings; 0 goes on until Ctrl-C (default: {DEFAULT_COUNT})",
    )
    parser.add_argument(
        "-i",
        "--interval",
        metavar="SECONDS",
        type=float,
        default=DEFAULT_INTERVAL_S,
        help=f"time from one answer to the next ping (default: {DEFAULT_INTERVAL_S:g})",
    )
    layers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ping a peer, as often as asked."""
    if arguments.count < 0:
        raise UsageError(f"-c takes a number of pings from 0 (no end) up, not {arguments.count}")
    if not 0 <= arguments.interval < math.inf:
        raise UsageError(f"-i takes seconds from 0 up, not {arguments.interval:g}")
    address = addresses.parse(arguments.address)
    options = layers.options(arguments)
    layers.warn(arguments, options)

    import logging

    from aiolibp2p.cli import session

    return session.run(_ping(address, options, arguments), arguments.verbose, logging.CRITICAL)


async def _ping(address: Multiaddr, options: HostOptions, arguments: argparse.Namespace) -> int:
    import asyncio

    from aiolibp2p.cli import session

    output = Output(arguments.json)
    async with session.running_host(**options) as host:
        connection = await host.connect(address)
        tally = Tally(connection.remote_peer)
        output.hint(f"ping {connection.remote_peer} at {connection.remote_address}")
        try:
            await _ping_on(host, tally, output, arguments)
        except asyncio.CancelledError:
            pass  # Ctrl-C: the summary, and an end like any other
        finally:
            tally.tell(output)
    return 0 if tally.round_trips else 1


async def _ping_on(host: Host, tally: Tally, output: Output, arguments: argparse.Namespace) -> None:
    import asyncio

    from aiolibp2p.errors import TimeoutExpired

    pings: AsyncIterator[float] | None = None
    while True:
        if pings is None:
            pings = host.pings(tally.peer)
        tally.sent += 1
        try:
            round_trip = await anext(pings)
        except TimeoutExpired as error:
            pings = None
            output.event("lost", f"seq={tally.sent} {explain(error)}", seq=tally.sent, reason=explain(error))
        else:
            tally.round_trips.append(round_trip)
            took = _milliseconds(round_trip)
            output.event("ping", f"seq={tally.sent} time={took:.3f} ms", seq=tally.sent, rtt_ms=took)
        if tally.sent == arguments.count:
            return
        await asyncio.sleep(arguments.interval)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
