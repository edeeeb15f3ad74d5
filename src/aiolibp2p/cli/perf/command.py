"""The command `p2p perf` of libp2p's common benchmarks: how many bytes a second pass between two nodes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from aiolibp2p.cli import addresses, layers
from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.output import Output, typed_command
from aiolibp2p.cli.perf import sizes

if TYPE_CHECKING:
    from aiolibp2p.cli.perf.progress import Plan, Report
    from aiolibp2p.host import HostOptions
    from aiolibp2p.multiformats.multiaddr import Multiaddr
    from aiolibp2p.protocols.perf import PerfResult

NAME = "perf"
SUMMARY = "measure how fast bytes pass between two nodes"
DESCRIPTION = """\
Measure throughput with libp2p's perf protocol: one side runs the server, the other uploads, then downloads.
The client prints a JSON line a second ("type":"intermediary": what passed since the line before) and one at the end
("type":"final": all of it, connecting included); for people there are a bar and a summary on stderr.
The server sends as much as anybody asks for, under a peer id whose key everybody knows: stop it when you are done.
"""
EXAMPLES = """\
examples:
  p2p perf --run-server --server-address 0.0.0.0:4001
  p2p perf --server-address 192.0.2.7:4001 --upload-bytes 1GB --download-bytes 1GB
  p2p perf --server-address [2001:db8::7]:4001 --seconds 10        ten seconds up, ten down
"""

TRANSPORTS = ("tcp",)
SIZE_OPTIONS = ("--upload-bytes", "--download-bytes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `p2p perf`."""
    parser.add_argument("--run-server", action="store_true", help="be the server, until Ctrl-C")
    parser.add_argument(
        "--server-address",
        metavar="HOST:PORT",
        help="where the server listens; HOST is an IPv4 address, an IPv6 address in brackets, or a name",
    )
    parser.add_argument("--transport", default=TRANSPORTS[0], help=f"one of {', '.join(TRANSPORTS)} (the default)")
    for option, verb in zip(SIZE_OPTIONS, ("send", "have sent back"), strict=True):
        parser.add_argument(
            option, metavar="SIZE", help=f"how much to {verb}, as in 1000000, 1GB or 64MiB (default: 0)"
        )
    parser.add_argument(
        "--seconds",
        metavar="N",
        type=float,
        help="end each direction after so long, whatever is left; without sizes: as much as passes, both ways",
    )
    layers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve measurements to others, or measure against a peer."""
    if arguments.transport not in TRANSPORTS:
        raise UsageError(f"unknown --transport {arguments.transport!r}; known: {', '.join(TRANSPORTS)}")
    if arguments.server_address is None:
        raise UsageError(
            "--server-address HOST:PORT is missing: where the server listens, as in 127.0.0.1:4001"
            + ("" if arguments.run_server else " (and --run-server starts one)")
        )
    options = layers.options(arguments)
    if arguments.run_server:
        for option, given in zip(("--seconds", *SIZE_OPTIONS), _limits(arguments), strict=True):
            if given is not None:
                raise UsageError(f"{option} is for the client; the server does what clients ask: leave it out")
        address = addresses.parse_host_port("--server-address", arguments.server_address, lowest_port=0)
        work = _serve(address, options, layers.typed(arguments), Output(arguments.json))
    else:
        address = addresses.parse_host_port("--server-address", arguments.server_address)
        work = _measure(address, options, _plan(arguments), not arguments.json)
    layers.warn(arguments, options)

    import logging

    from aiolibp2p.cli import session

    return session.run(work, arguments.verbose, logging.CRITICAL)


def _limits(arguments: argparse.Namespace) -> tuple[float | None, str | None, str | None]:
    return arguments.seconds, arguments.upload_bytes, arguments.download_bytes


def _plan(arguments: argparse.Namespace) -> Plan:
    from aiolibp2p.cli.perf.progress import Plan

    seconds, *texts = _limits(arguments)
    if seconds is not None and not 0 < seconds < math.inf:
        raise UsageError(f"--seconds takes a time above 0, not {seconds:g}")
    if seconds is not None and texts == [None, None]:
        return Plan(sizes.MAX_SIZE_BYTES, sizes.MAX_SIZE_BYTES, seconds)
    upload_bytes, download_bytes = (
        0 if text is None else sizes.parse(option, text) for option, text in zip(SIZE_OPTIONS, texts, strict=True)
    )
    return Plan(upload_bytes, download_bytes, seconds)


# The server


async def _serve(address: Multiaddr, options: HostOptions, typed: str, output: Output) -> int:
    import asyncio

    from aiolibp2p.cli import session
    from aiolibp2p.peer.keys import PrivateKey
    from aiolibp2p.protocols.perf import Perf
    from aiolibp2p.swarm.resolver import Resolver

    options["listen"] = [str(one) for one in addresses.of_this_machine(await Resolver().resolve(address))]
    # The key that the common benchmarks agreed on: clients there know the server's id beforehand.
    options["key"] = PrivateKey.generate("ed25519", bytes)
    options["services"] = [Perf()]
    async with session.running_host(**options) as host:
        for one in host.addresses:
            output.event("listening", f"listening on {one}", address=str(one))
        for first in host.addresses[:1]:
            command = f"{typed_command()} perf --server-address {addresses.host_port(str(first))} --seconds 5"
            output.hint(f"try, in another terminal: {command}{typed}")
        if network := layers.network(options):
            output.hint(network)
        output.hint("Ctrl-C ends it")
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            output.hint("closing")
    return 0


# The client


async def _measure(address: Multiaddr, options: HostOptions, plan: Plan, for_people: bool) -> int:
    import asyncio

    from aiolibp2p.cli import session
    from aiolibp2p.cli.perf.progress import Report
    from aiolibp2p.protocols.perf import Perf, PerfConfig

    perf = Perf(PerfConfig(allowed_peers=()))
    options["services"] = [perf]
    async with session.running_host(**options) as host:
        report = Report(plan, for_people, host.runtime.now)
        measuring = perf.measure(
            address, plan.upload_bytes, plan.download_bytes, duration_s=plan.seconds, on_progress=report.moved
        )
        try:
            result = await _watched(measuring, report)
        except asyncio.CancelledError:
            report.stopped()
            raise
        report.finished(result)
    return 0


async def _watched(measuring: Coroutine[Any, Any, PerfResult], report: Report) -> PerfResult:
    """Return the result of a measurement, and let the report tick until it is there."""
    import asyncio

    from aiolibp2p.errors import Libp2pError
    from aiolibp2p.io.tasks import Tasks

    outcome: asyncio.Future[PerfResult] = asyncio.get_running_loop().create_future()

    async def settle() -> None:
        try:
            outcome.set_result(await measuring)
        except (Libp2pError, OSError) as error:
            outcome.set_exception(error)

    tasks = Tasks()
    tasks.spawn(settle(), "perf", outcome.set_exception)
    try:
        while not outcome.done():
            await asyncio.wait([outcome], timeout=report.next_tick_s())
            if not outcome.done():
                report.tick()
        return outcome.result()
    finally:
        await tasks.close()
        outcome.cancel()
