"""The front door: `Host`."""

from aiolibp2p.assembly import HostOptions
from aiolibp2p.host.host import Host
from aiolibp2p.host.statistics import HostStatistics

__all__ = ["Host", "HostOptions", "HostStatistics"]
