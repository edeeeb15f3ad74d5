"""Limits of a host's UDP sockets."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.errors import ConfigError


@dataclass(frozen=True)
class UdpConfig:
    """Sizes are in bytes. Raises ConfigError for one that is not above 0."""

    kernel_buffer_bytes: int = 7 * 1024 * 1024
    """Asked of the kernel each way, as quic-go does: with 200 KiB, a usual default, bulk QUIC loses packets."""
    max_batch_datagrams: int = 128
    """Read in one wake-up before the loop gets a turn. At 20 us each, what QUIC takes in Python, that is 2.5 ms."""
    max_batch_bytes: int = 128 * 1024
    """What one wake-up reads at most, up to a last read of 64 KiB: two full reads where the kernel joins datagrams."""
    max_pending_bytes: int = 256 * 1024
    """May wait while the kernel's buffer is full, until it says it has room. What waits longer is delay, which QUIC
    would rather know as loss; it sends again by itself."""
    max_pending_datagrams: int = 1024
    """May wait then, however small: each costs some 100 bytes besides its own."""
    dont_fragment: bool = True
    """Have no router cut packets, and do not believe what routers say of sizes: QUIC finds the path's size by itself
    (RFC 9000, section 14). Only on Linux."""

    def __post_init__(self) -> None:
        for name in ("kernel_buffer_bytes", "max_batch_datagrams", "max_batch_bytes"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"UdpConfig.{name} is {getattr(self, name)}; it takes a number above 0")
        for name in ("max_pending_bytes", "max_pending_datagrams"):
            if getattr(self, name) < 0:
                raise ConfigError(f"UdpConfig.{name} is {getattr(self, name)}; it takes 0 or more")
