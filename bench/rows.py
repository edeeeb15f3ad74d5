"""Who is measured. Each row is measured against itself: its server and its client, two processes on this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.program import ROOT, Program

LISTEN = "/ip4/127.0.0.1/tcp/0"

GO_SETTINGS = {"GOGC": "400"}
"""As somebody would set it who wants speed from go and has memory to spare."""


class RowMissing(Exception):
    """This row cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Commands:
    """How to start a row's two programs."""

    server: Sequence[str]
    client: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """A row's server and client, running."""

    server: Program
    client: Program

    @property
    def address(self) -> str:
        """Where the server is."""
        return str(self.server.listening["addresses"][0])


def _raw(profiles: str | None) -> Commands:
    program = [sys.executable, "-m", "bench.raw"]
    return Commands([*program, "--listen"], program)


def _ours(loop: str, profiles: str | None) -> Commands:
    def program(side: str) -> list[str]:
        profile = ["--profile", f"{profiles}/ours-{loop}-{side}.prof"] if profiles else []
        return [sys.executable, "-m", "bench.ours", "--loop", loop, *profile]

    return Commands([*program("server"), "--listen", LISTEN], program("client"))


def _ours_uvloop(profiles: str | None) -> Commands:
    if importlib.util.find_spec("uvloop") is None:
        raise RowMissing("uvloop is not installed")
    return _ours("uvloop", profiles)


def _peer(name: str, environment: Mapping[str, str]) -> Commands:
    """A peer of another implementation, built if need be."""
    sys.path.append(str(ROOT / "tests"))
    try:
        from interop.builds import BuildFailed, ToolchainMissing
        from interop.kinds import KINDS
    except ImportError as error:
        raise RowMissing(f"the builder of the {name} peer is missing: {error}") from error
    finally:
        sys.path.pop()
    try:
        program = next(kind for kind in KINDS if kind.name == name).program()
    except (ToolchainMissing, BuildFailed) as error:
        raise RowMissing(str(error)) from error
    return Commands([*program, "--listen", LISTEN], program, environment)


ROWS: dict[str, Callable[[str | None], Commands]] = {
    "raw": _raw,
    "ours-stdlib": lambda profiles: _ours("stdlib", profiles),
    "ours-uvloop": _ours_uvloop,
    "go": lambda profiles: _peer("go", GO_SETTINGS),
    "rust": lambda profiles: _peer("rust", {}),
}


@contextlib.contextmanager
def running(name: str, profiles: str | None = None) -> Iterator[Pair]:
    """Start a row. `profiles`: a directory for what cProfile sees of ours. Raises RowMissing, ProgramFailed."""
    commands = ROWS[name](profiles)
    with (
        Program(f"{name} server", commands.server, commands.environment) as server,
        Program(f"{name} client", commands.client, commands.environment) as client,
    ):
        yield Pair(server, client)
