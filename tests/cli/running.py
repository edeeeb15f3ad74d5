"""The command `p2p`, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "LIBP2P_FORCE_PNET"} | dict(extra)


def p2p(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """The command with these arguments and environment variables, to its end."""
    command = [sys.executable, "-m", "aiolibp2p", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        env=environment(extra),
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def listening(*arguments: str) -> Iterator[str]:
    """The address of a node (or a server of `p2p perf`) that runs meanwhile."""
    command = [sys.executable, "-m", "aiolibp2p", *arguments, "--json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment({})
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def complaint(done: subprocess.CompletedProcess[str], status: int) -> str:
    """Return the one line on stderr of a command that ended with this status."""
    assert done.returncode == status, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    return line
