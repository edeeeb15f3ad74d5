"""Peers of other implementations, built once each into the user's cache.

A build lives in `<cache>/aiolibp2p/interop/<hash of sources and toolchain>/`; it appears there whole or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "interop"
BUILD_TIMEOUT_S = 1800.0


class ToolchainMissing(Exception):
    """A peer cannot be built here: its compiler or runtime is not installed."""


class BuildFailed(Exception):
    """The toolchain is there, but the build failed; the message holds what it printed."""


def cache_directory() -> Path:
    """Where builds are kept: under XDG_CACHE_HOME, else under ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "aiolibp2p" / "interop"


def build_key(toolchain: str, sources: Iterable[Path]) -> str:
    """Names a build: changes with the toolchain's version and with any source's name or bytes."""
    digest = hashlib.sha256(toolchain.encode())
    for path in sorted(sources):
        content = path.read_bytes()
        digest.update(f"\0{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:24]


def built_once(key: str, build: Callable[[Path], None]) -> Path:
    """The directory of the build named `key`; `build` fills an empty one if there is none yet.

    Processes that want the same build at the same time wait for the first.
    """
    directory = cache_directory() / key
    directory.parent.mkdir(parents=True, exist_ok=True)
    if directory.is_dir():
        return directory
    with locked(directory):
        if not directory.is_dir():
            sys.stderr.write(f"\nbuilding a peer into {directory}: once, and it takes a while\n")
            fresh = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=directory.parent))
            try:
                build(fresh)
                fresh.rename(directory)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    return directory


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process at a time works on that directory; others wait."""
    with open(directory.with_name(directory.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_tool(command: list[str], cwd: Path, environment: dict[str, str] | None = None) -> str:
    """What a build step prints on stdout; raises BuildFailed with both outputs."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"{' '.join(command)} in {cwd} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


_missing: dict[str, ToolchainMissing] = {}


def pip_installed(requirement: str, *options: str) -> Path:
    """A directory of its own into which pip has put one package and what it needs. Raises ToolchainMissing."""
    if requirement in _missing:  # no second attempt, that would be one in each test
        raise _missing[requirement]

    def build(target: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        run_tool([*pip, "--only-binary=:all:", "--no-compile", "--target", str(target), *options, requirement], SOURCES)

    try:
        return built_once(build_key(f"{requirement} {sys.version} {sys.platform} {platform.machine()}", []), build)
    except BuildFailed as failed:
        _missing[requirement] = ToolchainMissing(f"pip cannot install {requirement}: {str(failed).splitlines()[-1]}")
        raise _missing[requirement] from failed
