"""The hallway: the only place that knows implementations. `HostConfig` goes in, `Parts` come out."""

from aiolibp2p.assembly.assemble import Parts, assemble
from aiolibp2p.assembly.choices import MUXERS, SECURITIES, TRANSPORTS
from aiolibp2p.assembly.config import VERSION, HostConfig, HostOptions, HostParameters, Limits, Seams, configured
from aiolibp2p.security.pnet import PreSharedKey

__all__ = [
    "MUXERS",
    "SECURITIES",
    "TRANSPORTS",
    "VERSION",
    "HostConfig",
    "HostOptions",
    "HostParameters",
    "Limits",
    "Parts",
    "PreSharedKey",
    "Seams",
    "assemble",
    "configured",
]
