"""Limits of a host's UDP sockets."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.errors import ConfigError


@dataclass(frozen=True)
class UdpConfig:
    """Limits of a host's UDP sockets, sizes in bytes. Raises ConfigError for a number out of range."""

    kernel_buffer_bytes: int = 7 * 1024 * 1024
    """Bytes of buffer asked of the kernel each way, as by quic-go: with 200 KiB, a usual default, QUIC has losses."""
    max_batch_datagrams: int = 128
    """Datagrams read in one wake-up. At 20 us each, as QUIC takes in Python, the loop has its turn after 2.5 ms."""
    max_batch_bytes: int = 128 * 1024
    """Bytes after which a wake-up reads no more: two full reads where the kernel joins datagrams."""
    max_pending_bytes: int = 256 * 1024
    """Bytes that may wait while the kernel's buffer is full, until it says it has room. More would be delay, which QUIC
    would rather know as loss; it sends again by itself."""
    max_pending_datagrams: int = 1024
    """Datagrams that may wait while the kernel's buffer is full: each costs some 100 bytes besides its own."""
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
