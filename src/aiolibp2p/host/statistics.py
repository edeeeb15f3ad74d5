"""Counters of a host at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.assembly import Parts
from aiolibp2p.host.service_runner import ServiceRunner


@dataclass(frozen=True)
class HostStatistics:
    """Counters at one moment."""

    peers: int
    """Peers with a connection."""
    connections: int
    inbound_connections: int
    outbound_connections: int
    streams: int
    half_open: int
    """Inbound connections that are being set up."""
    tasks: int
    """Handlers, dials and background work of the host and its services."""


def count(parts: Parts, services: ServiceRunner) -> HostStatistics:
    """Look at the parts of a host."""
    swarm = parts.swarm
    connections = swarm.connections()
    outbound = sum(connection.is_outbound for connection in connections)
    return HostStatistics(
        peers=len(swarm.peers),
        connections=len(connections),
        inbound_connections=len(connections) - outbound,
        outbound_connections=outbound,
        streams=sum(connection.stream_count for connection in connections),
        half_open=swarm.half_open,
        tasks=len(swarm.tasks) + services.task_count,
    )
