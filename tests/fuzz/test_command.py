"""`make fuzz`, as a person or a nightly run uses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import corpus
from fuzz.__main__ import main
from fuzz.engine import Target

TESTS = Path(__file__).parents[1]


def fragile(data: bytes) -> object:
    if 0x80 in data:
        raise KeyError("planted")
    return len(data) % 2


FRAGILE = {"fragile": Target("fragile", fragile, ())}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(corpus, "FOLDER", tmp_path)
    return tmp_path


def test_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    healthy = {"healthy": Target("healthy", len, ())}
    assert main(["--seconds", "0.05", "--seed", "7"], healthy) == 0
    said = capsys.readouterr().out
    assert "seed 7" in said
    assert "\x1b" not in said, "progress is for terminals"


def test_a_finding_is_shown_kept_and_can_be_run_again(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seconds", "0.3", "--seed", "7"], FRAGILE) == 1
    said = capsys.readouterr().out
    assert "FINDING in fragile, seed 7, run " in said
    assert "(1 bytes): 80" in said
    (kept,) = (cache / "aiolibp2p" / "fuzz").iterdir()
    assert kept.read_bytes() == b"\x80"
    with pytest.raises(KeyError, match="planted"):
        main(["--target", "fragile", "--replay", str(kept), "--adopt", "a-name"], FRAGILE)
    assert corpus.load("fragile")["found"] == {"a-name": b"\x80"}


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-u", "-m", "fuzz", "--seconds", "500", "--target", "varint"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert "seed " in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    said, errors = running.communicate(timeout=20)
    assert (running.returncode, errors) == (130, "")
    assert "interrupted" in said
