"""Child processes that take their commands as JSON lines (interop/README.md), one command at a time."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class ProgramFailed(Exception):
    """A program ended, kept silent too long, or answered that it could not do it."""


class Program:
    """A running program; `listening` is its first line."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None, home: Path = ROOT
    ) -> None:
        self._name = name
        self._ids = itertools.count(1)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=home,
            env={**os.environ, **(environment or {})},
        )
        try:
            self.listening = self._next("start", START_TIMEOUT_S)
        except BaseException:
            self.close()
            raise

    def ask(self, command: str, timeout_s: float = 60.0, **fields: Any) -> dict[str, Any]:
        """Return the answer to one command. Raises ProgramFailed."""
        request = {"id": next(self._ids), "cmd": command, "timeout_ms": timeout_s * 1000, **fields}
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
        except OSError as error:
            raise ProgramFailed(f"{self._name} took no command {command}: {error}") from error
        answer = self._next(command, timeout_s + 10)
        if not answer["ok"]:
            raise ProgramFailed(f"{self._name} {command}: {answer['error']}")
        return answer

    def processor_s(self) -> float:
        """Processor time it has used so far, in seconds."""
        used = self.ask("usage")
        return float(used["user_seconds"] + used["system_seconds"])

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it: by the end of its input, and by force if that does not help."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next(self, what: str, timeout_s: float) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        watchdog = threading.Timer(timeout_s, self._process.kill)
        watchdog.start()
        try:
            line = stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise ProgramFailed(f"{self._name} gave no answer to {what} within {timeout_s:g} s, or ended")
        answer: dict[str, Any] = json.loads(line)
        return answer
