"""Where others see us: the address of a NAT in front of this host, believed once enough peers agree.

Spec: identify/README.md, r1 of 2021-08-09, `observedAddr`: "to infer the existence of a NAT and its public address";
how many must agree is left to us. The figures are go's: four observers, an IPv4 address or an IPv6 /56 being one;
three addresses for each one we listen on.

Limits: 1024 connections remembered, eight of one observer; an observer has one vote for each address we listen on.
An address that was believed stays 30 minutes after too few see it, so that peers who come and go do not make it
flicker; go drops it at once.
"""

from aiolibp2p.protocols.observed_addresses.observations import Observations, ObservedAddressesConfig
from aiolibp2p.protocols.observed_addresses.service import ObservedAddresses

__all__ = ["Observations", "ObservedAddresses", "ObservedAddressesConfig"]
