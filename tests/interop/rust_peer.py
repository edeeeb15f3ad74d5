"""The rust peer: interop/rust, and the toolchain that builds it."""

from __future__ import annotations

import functools
import re
import shutil
from pathlib import Path

from interop.builds import (
    SOURCES,
    BuildFailed,
    ToolchainMissing,
    build_key,
    built_once,
    cache_directory,
    locked,
    run_tool,
)
from interop.peers import Peer, Traits

HOME = SOURCES / "rust"
INSTALLED_AT = Path.home() / ".cargo" / "bin" / "cargo"  # where rustup puts it, on the path or not
OLDEST = (1, 88)
SETTINGS = {"RUSTUP_AUTO_INSTALL": "0", "CARGO_TERM_COLOR": "never"}


class RustPeer(Peer):
    """The peer of rust-libp2p."""

    name = "rust"
    traits = Traits(
        early_muxer=False,  # it agrees on the muxer by multistream only
        reset_codes=False,  # its yamux has none
        hears_resets=False,  # to its reader a stream that was reset is one that ended
        reads_record=False,  # its identify drops all records but those of its older format
    )

    @classmethod
    def program(cls) -> list[str]:
        """The binary, built once."""
        return [str(_binary())]


@functools.cache
def _binary() -> Path:
    cargo, version = _toolchain()
    sources = sorted((HOME / "src").glob("*.rs"))
    manifest = HOME / "Cargo.toml"
    dependencies = cache_directory() / f"cargo-{build_key(version, [manifest])}"

    def build(target: Path) -> None:
        """Where dependencies compile once for all versions of our sources, and where the lock file may lie."""
        with locked(dependencies):
            shutil.rmtree(dependencies / "src", ignore_errors=True)
            (dependencies / "src").mkdir(parents=True)
            for source in sources:
                shutil.copyfile(source, dependencies / "src" / source.name)
            shutil.copyfile(manifest, dependencies / manifest.name)
            settings = {**SETTINGS, "CARGO_TARGET_DIR": str(dependencies / "target")}
            run_tool([cargo, "build", "--release", "--quiet"], dependencies, settings)
            shutil.copy(dependencies / "target" / "release" / "peer", target / "peer")

    return built_once(build_key(version, [manifest, *sources]), build) / "peer"


def _toolchain() -> tuple[str, str]:
    needed = f"the rust peer needs Rust {'.'.join(map(str, OLDEST))} or newer, with cargo, on the path"
    cargo = shutil.which("cargo") or shutil.which(INSTALLED_AT)
    if cargo is None:
        raise ToolchainMissing(needed)
    try:
        version = run_tool([cargo, "--version"], HOME, SETTINGS).strip()
    except BuildFailed as failed:  # rustup is there, but no toolchain
        raise ToolchainMissing(f"{needed}: {failed}") from failed
    number = re.search(r"cargo (\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < OLDEST:
        raise ToolchainMissing(f"{needed}, not {version!r}")
    return cargo, version
