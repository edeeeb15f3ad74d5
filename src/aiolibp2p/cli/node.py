"""The command `p2p node`: a node that answers ping and identify, and prints what happens to it."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiolibp2p.cli import addresses, layers
from aiolibp2p.cli.fetch import files
from aiolibp2p.cli.output import Output, shown, typed_command

if TYPE_CHECKING:
    from aiolibp2p.events import ConnectionClosed, ConnectionOpened, Event, PeerIdentified
    from aiolibp2p.host import Host, HostOptions
    from aiolibp2p.peer.keys import PrivateKey

NAME = "node"
SUMMARY = "run a node until Ctrl-C"
DESCRIPTION = """\
Run a node that answers ping and identify. It prints a line "listening on ADDRESS" for each of its addresses,
then what happens to it: who connects, who that is, who leaves. Ctrl-C or SIGTERM ends it.
"""
EXAMPLES = """\
examples:
  p2p node                                        this machine only, a free port
  p2p node --listen /ip4/0.0.0.0/tcp/4001         others can reach it, too
  p2p node --listen /ip4/127.0.0.1/tcp/4001 --listen /ip6/::1/tcp/4001
  p2p node --identity me.key                      the same peer id every time
  p2p node --psk swarm.key                        for members of a private network alone
  p2p node --fetch /notes/today=notes.txt         and answer p2p fetch ADDRESS /notes/today
"""

DEFAULT_LISTEN = "/ip4/127.0.0.1/tcp/0"
MAX_SHOWN_PROTOCOLS = 5
"""The most protocols of a peer that a line for people names; `--json` has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `p2p node`."""
    parser.add_argument(
        "--listen",
        metavar="MULTIADDR",
        action="append",
        help=f"listen here; may be given several times, port 0 takes a free one (default: {DEFAULT_LISTEN})",
    )
    parser.add_argument(
        "--identity",
        metavar="FILE",
        help="the identity to use; a new one is made and kept there if there is no such file (default: a fresh one)",
    )
    files.add_argument(parser)
    layers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run a node until a signal comes."""
    listen = [addresses.parse_listen(text) for text in arguments.listen or [DEFAULT_LISTEN]]
    options = layers.options(arguments)
    options["listen"] = [str(address) for address in listen]
    served = files.parse(arguments.fetch or ())
    if served:
        options["services"] = [files.service(served)]
    options["key"] = None if arguments.identity is None else _identity(arguments.identity)

    import logging

    from aiolibp2p.cli import session

    return session.run(
        _serve(Output(arguments.json), options, served, layers.typed(arguments)), arguments.verbose, logging.WARNING
    )


def _identity(path: str) -> PrivateKey:
    from aiolibp2p.cli import identity
    from aiolibp2p.peer.keys import PrivateKey

    if os.path.lexists(path):
        return identity.load(path)
    key = PrivateKey.generate()
    key.save(path)
    print(f"p2p node: made a new identity, {key.peer_id}, and kept it in {path!r}", file=sys.stderr)
    return key


async def _serve(output: Output, options: HostOptions, served: Mapping[str, str], typed: str) -> int:
    import asyncio

    from aiolibp2p.cli import session
    from aiolibp2p.events import ConnectionClosed, ConnectionOpened, MissedEvents, PeerIdentified

    async with session.running_host(**options) as host:
        events = host.events(ConnectionOpened, ConnectionClosed, PeerIdentified, MissedEvents)
        for address in host.addresses:
            output.event("listening", f"listening on {address}", address=str(address))
        for key, path in served.items():
            output.event("serving", f"serving {shown(key)} from {path}", key=key, file=path)
        _say_what_next(output, host, options, served, typed)
        try:
            async for event in events:
                _tell(output, host, event)
        except asyncio.CancelledError:
            output.hint("closing")
    return 0


def _say_what_next(output: Output, host: Host, options: HostOptions, served: Mapping[str, str], typed: str) -> None:
    if output.as_json or not host.addresses:
        return
    output.hint(f"try, in another terminal: {typed_command()} ping {host.addresses[0]}{typed}")
    for key in list(served)[:1]:
        output.hint(f"or: {typed_command()} fetch {host.addresses[0]} {shlex.quote(key)}{typed}")
    if all(address.is_loopback for address in host.addresses):
        output.hint("only this machine can reach it; --listen /ip4/0.0.0.0/tcp/4001 lets others in")
    if network := layers.network(options):
        output.hint(network)
    output.hint("Ctrl-C ends it")


def _tell(output: Output, host: Host, event: Event) -> None:
    from aiolibp2p.events import ConnectionClosed, ConnectionOpened, MissedEvents, PeerIdentified

    if isinstance(event, ConnectionOpened):
        _tell_opened(output, host, event)
    elif isinstance(event, ConnectionClosed):
        _tell_closed(output, event)
    elif isinstance(event, PeerIdentified):
        _tell_identified(output, event)
    elif isinstance(event, MissedEvents):
        output.event("missed", f"missed {event.count} events: they came too fast", count=event.count)


def _tell_opened(output: Output, host: Host, event: ConnectionOpened) -> None:
    connection = next((c for c in host.connections(event.peer) if c.remote_address == event.remote_address), None)
    layers = {} if connection is None else {"security": connection.security, "muxer": connection.muxer}
    stack = f" ({', '.join(layers.values())})" if layers else ""
    output.event(
        "connected",
        f"connected {event.peer} {'to' if event.is_outbound else 'from'} {event.remote_address}{stack}",
        peer_id=str(event.peer),
        address=str(event.remote_address),
        direction="outbound" if event.is_outbound else "inbound",
        **layers,
    )


def _tell_closed(output: Output, event: ConnectionClosed) -> None:
    output.event(
        "disconnected",
        f"disconnected {event.peer} at {event.remote_address}: {shown(event.reason)}",
        peer_id=str(event.peer),
        address=str(event.remote_address),
        reason=event.reason,
    )


def _tell_identified(output: Output, event: PeerIdentified) -> None:
    more = len(event.protocols) - MAX_SHOWN_PROTOCOLS
    protocols = ", ".join(shown(one) for one in event.protocols[:MAX_SHOWN_PROTOCOLS])
    output.event(
        "identified",
        f"identified {event.peer} as {shown(event.agent_version) or '(no name)'}, "
        f"speaking {protocols or 'nothing'}{f' and {more} more' if more > 0 else ''}",
        peer_id=str(event.peer),
        agent_version=event.agent_version,
        protocols=list(event.protocols),
        listen_addresses=[str(address) for address in event.listen_addresses],
        observed_address=None if event.observed_address is None else str(event.observed_address),
    )
