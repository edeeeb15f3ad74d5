"""The go peer: interop/go, and the toolchain that builds it and other programs in go."""

from __future__ import annotations

import functools
import re
import shutil
from pathlib import Path

from interop.builds import SOURCES, ToolchainMissing, build_key, built_once, run_tool
from interop.peers import Peer

HOME = SOURCES / "go"
INSTALLED_AT = "/usr/local/go/bin/go"  # where go's own installer puts it, on the path or not
OLDEST = (1, 26)
SETTINGS = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


class GoPeer(Peer):
    """go-libp2p, the peer that can everything: it differs from no default of Traits."""

    name = "go"

    @classmethod
    def program(cls) -> list[str]:
        """The binary, built once."""
        return [str(go_program(HOME))]


@functools.cache
def go_program(home: Path) -> Path:
    """The binary of a go module of ours, built once. Raises ToolchainMissing, BuildFailed."""
    go, version = _toolchain()

    def build(target: Path) -> None:
        run_tool([go, "build", "-ldflags=-s -w", "-o", str(target / "peer"), "."], home, SETTINGS)

    sources = [*home.glob("*.go"), home / "go.mod", home / "go.sum"]
    return built_once(build_key(version, sources), build) / "peer"


def _toolchain() -> tuple[str, str]:
    needed = f"the go peer needs Go {'.'.join(map(str, OLDEST))} or newer on the path"
    go = shutil.which("go") or shutil.which(INSTALLED_AT)
    if go is None:
        raise ToolchainMissing(needed)
    version = run_tool([go, "version"], HOME, SETTINGS).strip()
    number = re.search(r"go(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < OLDEST:
        raise ToolchainMissing(f"{needed}, not {version!r}")
    return go, version
