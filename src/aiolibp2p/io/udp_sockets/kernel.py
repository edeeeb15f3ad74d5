"""Options asked of a kernel: buffers, whole packets, datagrams cut and joined by the kernel itself."""

from __future__ import annotations

import errno
import os
import socket
import sys

from aiolibp2p.abc.layers.datagrams import Endpoint
from aiolibp2p.io.udp_sockets.config import UdpConfig
from aiolibp2p.io.udp_sockets.endpoints import family_of

IS_LINUX = sys.platform == "linux"

# Linux's numbers: Python's socket module does not have them all.
SOL_UDP = 17
"""The level of UDP's options: the number of the protocol."""
UDP_SEGMENT = 103
"""The option by which the kernel cuts what it is given into datagrams (linux/udp.h)."""
UDP_GRO = 104
"""The option by which the kernel joins datagrams of one sender (linux/udp.h)."""
IP_MTU_DISCOVER = 10
"""The option that says who finds the size of an IPv4 path (linux/in.h)."""
IPV6_MTU_DISCOVER = 23
"""The option that says who finds the size of an IPv6 path (linux/in6.h)."""
PMTUDISC_PROBE = 3
"""The program finds the size of the path itself: packets are not cut, routers not believed (linux/in.h, in6.h)."""

NO_OPTION = (errno.ENOPROTOOPT, errno.EINVAL, errno.EOPNOTSUPP)
"""The errors by which a kernel says that it does not know an option."""


def open_socket(local: Endpoint, config: UdpConfig) -> socket.socket:
    """Return a bound socket that never waits. Raises OSError."""
    family = family_of(local)
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        if family is socket.AF_INET6:
            # IPv4 has a socket of its own, on the same port number if need be.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if os.name == "nt":
            # Windows would let another program bind the same port.
            made.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", -5), 1)
        ask_for_buffers(made, config.kernel_buffer_bytes)
        if config.dont_fragment and IS_LINUX:
            _forbid_fragments(made, family)
        made.bind(local)
    except BaseException:
        made.close()
        raise
    return made


def ask_for_buffers(made: socket.socket, size: int) -> None:
    """Have both buffers as large as the kernel allows, up to `size` bytes, and never smaller than they are."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        # Linux gives what it allows; BSD and macOS refuse to give too much, and stay at what it was.
        while size > buffer_bytes(made, option):
            try:
                made.setsockopt(socket.SOL_SOCKET, option, size)
            except OSError:
                size //= 2
            else:
                break


def buffer_bytes(made: socket.socket, option: int) -> int:
    """Return the bytes of a buffer; `option` is SO_RCVBUF or SO_SNDBUF."""
    return made.getsockopt(socket.SOL_SOCKET, option)


def _forbid_fragments(made: socket.socket, family: socket.AddressFamily) -> None:
    if family is socket.AF_INET6:
        set_if_known(made, socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
    else:
        set_if_known(made, socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)


def set_if_known(made: socket.socket, level: int, option: int, value: int) -> bool:
    """Set an option, and return False when the kernel does not have it."""
    try:
        made.setsockopt(level, option, value)
    except OSError as error:
        if error.errno not in NO_OPTION:
            raise
        return False
    return True


def joins_received(made: socket.socket) -> bool:
    """Have the kernel hand over several datagrams of one sender at once (GRO), and return whether it does."""
    return IS_LINUX and hasattr(made, "recvmsg_into") and set_if_known(made, SOL_UDP, UDP_GRO, 1)


def cuts_sent(made: socket.socket) -> bool:
    """Return whether the kernel cuts what it is given into datagrams (GSO)."""
    if not IS_LINUX or not hasattr(made, "sendmsg"):
        return False
    try:
        made.getsockopt(SOL_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return True


def source_ip(remote: Endpoint) -> str | None:
    """Return the address of this machine that a datagram to `remote` would leave from; None without a way there.

    Nothing is sent: connecting a datagram socket only asks the routing table.
    """
    with socket.socket(family_of(remote), socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(remote if remote[1] else (remote[0], 1, *remote[2:]))
        except OSError:
            return None
        ip = asking.getsockname()[0]
    return ip if isinstance(ip, str) else None
