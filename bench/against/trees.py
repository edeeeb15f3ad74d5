"""A checkout, measured with its own package and its own driver (`bench.ours`), however it has them organised."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.program import ROOT
from bench.rows import ROWS, Commands

CHECK = "import aiolibp2p; print(aiolibp2p.__file__)"
CHECK_TIMEOUT_S = 60.0
"""The seconds that one import may take, on a machine with much else to do."""


class TreeMissing(Exception):
    """There is no such checkout, or its package cannot be used; the message says why."""


@dataclass(frozen=True)
class Tree:
    """One checkout of the repository."""

    home: Path
    name: str
    """The checkout's name in the output."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its programs, in which they find the checkout's own modules before installed ones."""
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        paths = [str(self.home / "src"), str(self.home), *(path for path in given if path)]
        return {"PYTHONPATH": os.pathsep.join(paths)}

    def commands(self, row: str) -> Commands:
        """Return the commands that start this row of ours from this tree. Raises RowMissing."""
        return replace(ROWS[row](None), home=self.home, environment=self.environment)

    def check(self) -> None:
        """Raise TreeMissing unless its programs would import its own package."""
        environment = {**os.environ, **self.environment}
        command = [sys.executable, "-c", CHECK]
        try:
            done = subprocess.run(
                command, cwd=self.home, env=environment, capture_output=True, text=True, timeout=CHECK_TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            raise TreeMissing(f"importing the package of {self.name} took over {CHECK_TIMEOUT_S:g} s") from error
        if done.returncode:
            raise TreeMissing(f"the package of {self.name} cannot be imported: {last_line(done.stderr)}")
        if not Path(done.stdout.strip()).resolve().is_relative_to(self.home.resolve()):
            raise TreeMissing(f"{self.name} has no package of its own; {done.stdout.strip()} would be measured instead")


def here() -> Tree:
    """The checkout that this bench belongs to, as it stands, committed or not."""
    return _at(ROOT)


@contextlib.contextmanager
def opened(text: str, repository: Path = ROOT) -> Iterator[Tree]:
    """The checkout in a directory of that name, or else of that revision of the repository.

    A revision is written to a temporary directory, which goes when this ends; the repository and its index stay as
    they are. Raises TreeMissing.
    """
    if Path(text).is_dir():
        yield _at(Path(text).resolve())
        return
    commit = _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
    if commit is None:
        raise TreeMissing(f"{text} is neither a directory nor a revision of {repository}")
    with tempfile.TemporaryDirectory(prefix="bench-against-") as place:
        home = Path(place) / "tree"
        index = {"GIT_INDEX_FILE": str(Path(place) / "index")}
        read = _git(repository, "read-tree", commit, environment=index)
        if read is None or _git(repository, "checkout-index", "--all", f"--prefix={home}/", environment=index) is None:
            raise TreeMissing(f"{text} could not be checked out to {home}")
        yield Tree(home, commit[:12])


def last_line(text: str) -> str:
    """Return the last line that a failed program printed."""
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def _at(home: Path) -> Tree:
    commit = _git(home, "rev-parse", "HEAD") if (home / ".git").exists() else None
    if commit is None:
        return Tree(home, str(home))
    changed = _git(home, "status", "--porcelain", "--untracked-files=no")
    return Tree(home, f"{commit[:12]}{' with changes' if changed else ''}")


def _git(repository: Path, *arguments: str, environment: dict[str, str] | None = None) -> str | None:
    """Return git's output, or None when it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=repository,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
        )
    except OSError:
        return None
    return None if done.returncode else done.stdout.strip()
