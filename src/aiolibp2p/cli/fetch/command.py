"""The command `p2p fetch`: ask a node for the value of a key."""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import TYPE_CHECKING

from aiolibp2p.cli import addresses, layers
from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.output import Output, shown

if TYPE_CHECKING:
    from aiolibp2p.host import HostOptions
    from aiolibp2p.multiformats.multiaddr import Multiaddr
    from aiolibp2p.peer.peer_id import PeerId

NAME = "fetch"
SUMMARY = "ask a node for the value of a key"
DESCRIPTION = """\
Connect to a node and ask for the value of a key with libp2p's fetch protocol. The value goes to stdout as it is, or
into a file. Exits with 1 if the node has no such key; p2p node --fetch KEY=FILE serves one.
"""
EXAMPLES = """\
examples:
  p2p fetch /ip4/127.0.0.1/tcp/4001 /notes/today
  p2p fetch /ip4/127.0.0.1/tcp/4001 /images/cat --out cat.jpg
  p2p fetch /dns/example.org/tcp/4001/p2p/12D3KooW... /notes/today --json
"""

DEFAULT_TIMEOUT_S = 10.0
"""The seconds to wait for an answer unless told otherwise, as the library and js have them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `p2p fetch`."""
    parser.add_argument("address", metavar="MULTIADDR", help="where the node listens, with or without /p2p/ID")
    parser.add_argument("key", metavar="KEY", help="the key, whole, as the node knows it")
    parser.add_argument("--out", metavar="FILE", help="write the value here; what the file held is replaced")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        help=f"how long to wait for the answer once connected (default: {DEFAULT_TIMEOUT_S:g})",
    )
    layers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask for the value, and print it or write it to a file."""
    if not 0 < arguments.timeout < math.inf:
        raise UsageError(f"--timeout takes seconds above 0, not {arguments.timeout:g}")
    if arguments.out is not None:
        _check_place(arguments.out)
    address = addresses.parse(arguments.address)
    options = layers.options(arguments)
    layers.warn(arguments, options)

    import logging

    from aiolibp2p.cli import session

    return session.run(_fetch(address, options, arguments), arguments.verbose, logging.CRITICAL)


def _check_place(path: str) -> None:
    """Refuse a place that cannot be written to before anybody is asked for what would go there."""
    folder = os.path.dirname(path) or "."
    if not path:
        raise UsageError("--out takes the name of a file, not an empty one")
    if os.path.isdir(path):
        raise UsageError(f"--out takes the name of a file, and {path!r} is a folder")
    if not os.path.isdir(folder):
        raise UsageError(f"--out: there is no folder {folder!r}")


async def _fetch(address: Multiaddr, options: HostOptions, arguments: argparse.Namespace) -> int:
    from aiolibp2p.cli import session
    from aiolibp2p.protocols.fetch import Fetch, FetchConfig

    fetch = Fetch(FetchConfig(timeout_s=arguments.timeout))
    options["services"] = [fetch]
    async with session.running_host(**options) as host:
        connection = await host.connect(address)
        peer = connection.remote_peer
        value = await fetch.fetch(peer, os.fsencode(arguments.key))
    if value is None:
        print(f"{arguments.prog}: peer {peer} has no value for '{shown(arguments.key)}'", file=sys.stderr)
        return 1
    _deliver(Output(arguments.json), value, peer, arguments)
    return 0


def _deliver(output: Output, value: bytes, peer: PeerId, arguments: argparse.Namespace) -> None:
    fields: dict[str, object] = {"peer_id": str(peer), "key": arguments.key, "bytes": len(value)}
    if arguments.out is not None:
        with open(arguments.out, "wb") as file:
            file.write(value)
        output.event("value", f"{len(value)} bytes in {arguments.out}", **fields, out=arguments.out)
    elif output.as_json:
        import base64

        output.event("value", "", **fields, value_base64=base64.b64encode(value).decode())
    else:
        _print(value)


def _print(value: bytes) -> None:
    if sys.stdout.isatty() and not _is_text(value):
        raise UsageError(f"the value, {len(value)} bytes, is not text that a terminal can show; --out FILE keeps it")
    sys.stdout.buffer.write(value)
    sys.stdout.buffer.flush()


def _is_text(value: bytes) -> bool:
    """Whether a terminal shows it and does nothing else: no escape sequences."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    return all(line.isprintable() for line in text.replace("\t", " ").split("\n"))
