"""The command `p2p identify`: ask a peer for its identity, its addresses and its protocols."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from aiolibp2p.cli import addresses, layers
from aiolibp2p.cli.output import Output, shown

if TYPE_CHECKING:
    from aiolibp2p.host import HostOptions
    from aiolibp2p.multiformats.multiaddr import Multiaddr

NAME = "identify"
SUMMARY = "ask a node who it is and what it speaks"
DESCRIPTION = "Connect to a node and print what it tells about itself with libp2p's identify protocol."
EXAMPLES = """\
examples:
  p2p identify /ip4/127.0.0.1/tcp/4001
  p2p identify --json /dns/example.org/tcp/4001/p2p/12D3KooW...
"""

_LABELS = {
    "peer_id": "peer id",
    "agent_version": "agent",
    "protocol_version": "protocol version",
    "key_type": "key",
    "address": "connected to",
    "security": "security",
    "muxer": "muxer",
    "observed_address": "sees us at",
    "signed_peer_record": "signed record",
    "listen_addresses": "listens on",
    "protocols": "speaks",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `p2p identify`."""
    parser.add_argument("address", metavar="MULTIADDR", help="where the node listens, with or without /p2p/ID")
    layers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask the peer to identify itself, and print its answer."""
    address = addresses.parse(arguments.address)
    options = layers.options(arguments)
    layers.warn(arguments, options)

    import logging

    from aiolibp2p.cli import session

    return session.run(_identify(address, options, Output(arguments.json)), arguments.verbose, logging.CRITICAL)


async def _identify(address: Multiaddr, options: HostOptions, output: Output) -> int:
    from aiolibp2p.cli import session

    async with session.running_host(**options) as host:
        connection = await host.connect(address)
        result = await host.identify(connection.remote_peer)
    observed = result.observed_address
    fields: dict[str, object] = {
        "peer_id": str(result.peer_id),
        "agent_version": result.agent_version,
        "protocol_version": result.protocol_version,
        "key_type": None if result.public_key is None else result.public_key.kind.name.lower(),
        "address": str(connection.remote_address),
        "security": connection.security,
        "muxer": connection.muxer,
        "observed_address": None if observed is None else str(observed),
        "signed_peer_record": result.signed_peer_record is not None,
        "listen_addresses": [str(one) for one in result.listen_addresses],
        "protocols": list(result.protocols),
    }
    output.record("\n".join(_lines(fields)), {"event": "identify", **fields})
    return 0


def _lines(fields: dict[str, object]) -> list[str]:
    width = max(map(len, _LABELS.values()))
    lines = []
    for name, value in fields.items():
        label = _LABELS[name]
        for one in value or ["nothing"] if isinstance(value, list) else [value]:
            lines.append(f"{label:{width}}  {_in_words(one)}")
            label = ""
    return lines


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(str(value)) if value else "not told"
