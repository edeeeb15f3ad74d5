"""The examples and the README's program run as a reader would run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(program: list[str]) -> str:
    done = subprocess.run([sys.executable, *program], capture_output=True, text=True, timeout=50, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_echo() -> None:
    assert "echoed: hello, libp2p" in run(["examples/01_echo.py"])


def test_identify() -> None:
    output = run(["examples/02_identify.py"])
    assert "peer id: 16Uiu2HA" in output
    assert "signed record: True" in output
    assert "the server has identified 12D3KooW" in output


def test_inside_fastapi() -> None:
    pytest.importorskip("fastapi")
    assert "answer: HELLO" in run(["examples/03_inside_fastapi.py"])


def test_simulate() -> None:
    output = run(["examples/04_simulate.py"])
    assert "violations: []" in output
    assert "the same again: True" in output


def test_fetch() -> None:
    output = run(["examples/05_fetch.py"])
    assert "today: b'tea at four'\nrules: b''\ntomorrow: None\nguests: b'welcome, 12D3KooW" in output


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


def test_readme_program(tmp_path: Path) -> None:
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    program = tmp_path / "readme.py"
    program.write_text(block[1])
    assert run([str(program)]) == "b'hello'\n"
