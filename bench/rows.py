"""The rows that are measured, each against itself: its server and its client, two processes on this machine."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from bench.program import ROOT, Program, ProgramFailed

LISTEN = "/ip4/127.0.0.1/tcp/0"
PY_HOME = ROOT / "interop" / "py"

GO_SETTINGS = {"GOGC": "400"}
"""The settings of somebody who wants speed from go and has memory to spare."""


class RowMissing(Exception):
    """This row cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Commands:
    """The commands that start a row's two programs."""

    server: Sequence[str]
    client: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    home: Path = ROOT
    """The directory in which they are started."""

    def over(self, flags: Sequence[str]) -> Commands:
        """Return the same programs with more arguments."""
        return replace(self, server=[*self.server, *flags], client=[*self.client, *flags])


@dataclass(frozen=True)
class Pair:
    """A row's server and client, running."""

    name: str
    commands: Commands
    server: Program
    client: Program
    stack: contextlib.ExitStack
    """The stack that ends with the pair."""
    others: dict[tuple[str, ...], Pair] = field(default_factory=dict)
    """The pairs of the same programs over other layers, by flags."""

    @property
    def address(self) -> str:
        """The address of the server."""
        return str(self.server.listening["addresses"][0])

    @property
    def running(self) -> bool:
        """Whether neither program of the pair has ended."""
        return self.server.running and self.client.running

    def used_s(self) -> float:
        """Processor time so far, in seconds, other layers included; a pair that has ended counts nothing here."""
        others = sum(pair.used_s() for pair in self.others.values())
        with contextlib.suppress(ProgramFailed):
            return self.server.processor_s() + self.client.processor_s() + others
        return others

    def over(self, flags: tuple[str, ...]) -> Pair:
        """Return a pair of the same two programs with these flags of interop/README.md, too.

        The pair is started when first asked for, and ended with this pair. Raises ProgramFailed where a program does
        not have the flags.
        """
        if not flags:
            return self
        if (pair := self.others.get(flags)) is None or not pair.running:
            pair = self.stack.enter_context(started(f"{self.name} {' '.join(flags)}", self.commands.over(flags)))
            self.others[flags] = pair
        return pair

    @contextlib.contextmanager
    def again(self) -> Iterator[Pair]:
        """Start the same two programs once more, fresh."""
        with started(self.name, self.commands) as pair:
            yield pair


def _raw(profiles: str | None) -> Commands:
    program = [sys.executable, "-m", "bench.raw"]
    return Commands([*program, "--listen"], program)


def _noise(profiles: str | None) -> Commands:
    program = [sys.executable, "-m", "bench.raw", "--sealed"]
    return Commands([*program, "--listen"], program)


def _ours(loop: str, profiles: str | None) -> Commands:
    def program(side: str) -> list[str]:
        profile = ["--profile", f"{profiles}/ours-{loop}-{side}"] if profiles else []
        return [sys.executable, "-m", "bench.ours", "--loop", loop, *profile]

    return Commands([*program("server"), "--listen", LISTEN], program("client"))


def _ours_uvloop(profiles: str | None) -> Commands:
    if importlib.util.find_spec("uvloop") is None:
        raise RowMissing("uvloop is not installed")
    return _ours("uvloop", profiles)


def _interop(module: str) -> ModuleType:
    """A module of tests/interop, which knows how peers are built."""
    sys.path.append(str(ROOT / "tests"))
    try:
        return importlib.import_module(f"interop.{module}")
    except ImportError as error:
        raise RowMissing(f"what builds it is missing: {error}") from error
    finally:
        sys.path.pop()


def _peer(name: str, environment: Mapping[str, str]) -> Commands:
    """A peer of another implementation, built if need be."""
    builds, kinds = _interop("builds"), _interop("kinds")
    kind = next((kind for kind in kinds.KINDS if kind.name == name), None)
    if kind is None:
        raise RowMissing(f"nothing here builds a {name} peer")
    try:
        program = kind.program()
    except (builds.ToolchainMissing, builds.BuildFailed) as error:
        raise RowMissing(str(error)) from error
    return Commands([*program, "--listen", LISTEN], program, environment)


def py_python() -> Path:
    """The Python of a virtual environment that has py-libp2p, made if need be. Raises RowMissing."""
    builds = _interop("builds")
    requirements = PY_HOME / "requirements.txt"

    def build(target: Path) -> None:
        builds.run_tool([sys.executable, "-m", "venv", str(target)], PY_HOME)
        pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        builds.run_tool([*pip, "--requirement", str(requirements)], PY_HOME)

    try:
        home: Path = builds.built_once(builds.build_key(f"Python {sys.version}", [requirements]), build)
    except builds.BuildFailed as error:
        raise RowMissing(str(error)) from error
    return home / "bin" / "python"


def _py(profiles: str | None) -> Commands:
    program = [str(py_python()), str(PY_HOME / "peer.py")]
    return Commands([*program, "--listen", LISTEN], program)


ROWS: dict[str, Callable[[str | None], Commands]] = {
    "raw": _raw,
    "noise": _noise,
    "ours-stdlib": lambda profiles: _ours("stdlib", profiles),
    "ours-uvloop": _ours_uvloop,
    "go": lambda profiles: _peer("go", GO_SETTINGS),
    "rust": lambda profiles: _peer("rust", {}),
    "js": lambda profiles: _peer("js", {}),
    "py": _py,
}


@contextlib.contextmanager
def started(name: str, commands: Commands) -> Iterator[Pair]:
    """A server and a client of these commands, which end with the context. Raises ProgramFailed."""
    with (
        Program(f"{name} server", commands.server, commands.environment, commands.home) as server,
        Program(f"{name} client", commands.client, commands.environment, commands.home) as client,
        contextlib.ExitStack() as stack,
    ):
        yield Pair(name, commands, server, client, stack)


def running(name: str, profiles: str | None = None) -> contextlib.AbstractContextManager[Pair]:
    """Start a row. `profiles`: a directory for what cProfile sees of ours. Raises RowMissing, ProgramFailed."""
    return started(name, ROWS[name](profiles))
