"""The page keeps a record of each kind of machine; a run replaces that of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as Xml
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "explanation"
PAGE = """# Performance
<!-- what follows is written by: make bench -->
nothing yet
<!-- end of what is written -->
the rest
"""
Line = dict[str, Any]


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code that may import the bench."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


def lines(processor: str | None, calls: str | None, ours: float) -> str:
    """What a run on such a machine has printed: one-stream pings, ours at this many to go's 100."""
    about: Line = {"date": "2026-01-01"}
    about |= {"processor": processor} if processor else {}
    about |= {"system calls": calls} if calls else {}
    cells = [
        {"figure": "pings-1", "row": row, "unit": "1/s", "median": value, "best": value, "rounds": [value]}
        for row, value in (("ours-uvloop", ours), ("go", 100.0))
    ]
    ratio = {"figure": "pings-1", "ratio": "ours-uvloop/go", "of": "value", "value": ours / 100}
    said = [{"about": about}, *cells, ratio, {"about": {"load at the end": 0.1}}]
    return "".join(json.dumps(line) + "\n" for line in said)


WRITE = """
import pathlib, sys
from bench import records
home, *files = map(pathlib.Path, sys.argv[1:])
records.write(records.merged([file.read_text(encoding="utf-8").splitlines() for file in files]), home)
"""


def write(home: Path, *texts: str) -> dict[str, str]:
    """Put what runs printed on record; what stands in the folder then, by name."""
    files = [home / f"run-{number}" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    done = run(WRITE, str(home), *map(str, files))
    assert done.returncode == 0, done.stderr
    return contents(home)


def contents(home: Path) -> dict[str, str]:
    """The page, plots and lines of a folder, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in home.glob("performance.*")}


def sections(page: str) -> list[str]:
    """The titles of what is written between the marks."""
    return re.findall(r"^## (.*)$", page, re.MULTILINE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a page on which nothing is written yet."""
    (tmp_path / "performance.md").write_text(PAGE, encoding="utf-8")
    return tmp_path


def test_the_page_and_its_plots_are_what_the_committed_lines_make(tmp_path: Path) -> None:
    committed = contents(DOCS)
    for name in ("performance.md", *(name for name in committed if name.endswith(".jsonl"))):
        (tmp_path / name).write_text(committed[name], encoding="utf-8")
    runs = [text for name, text in committed.items() if name.endswith(".jsonl")]
    assert runs
    assert write(tmp_path, *runs) == committed
    for name, text in committed.items():
        if name.endswith(".svg"):
            Xml.fromstring(text)


def test_a_run_replaces_the_record_of_its_own_kind_of_machine_alone(home: Path) -> None:
    dear, cheap = lines("Xeon @ 2.10GHz", "dear", 50.0), lines("EPYC", "cheap", 80.0)
    first = write(home, dear)
    assert sections(first["performance.md"]) == ["Xeon @ 2.10GHz, dear system calls"]
    both = write(home, cheap)
    others = {"performance.xeon-2-10ghz-dear.jsonl", "performance.xeon-2-10ghz-dear.svg"}
    own = {"performance.epyc-cheap.jsonl", "performance.epyc-cheap.svg"}
    assert set(both) == {"performance.md", *own, *others}
    titles = ["Machines side by side", "EPYC, cheap system calls", "Xeon @ 2.10GHz, dear system calls"]
    assert sections(both["performance.md"]) == titles
    again = write(home, lines("EPYC", "cheap", 90.0))
    assert sections(again["performance.md"]) == titles
    assert {name for name in both if both[name] != again[name]} == {"performance.md", *own}
    assert both["performance.md"].rpartition("## Xeon")[2] == again["performance.md"].rpartition("## Xeon")[2]
    assert again["performance.md"].endswith("<!-- end of what is written -->\nthe rest\n")


def test_one_processor_with_dear_and_with_cheap_system_calls_is_two_kinds(home: Path) -> None:
    page = write(home, lines("EPYC", "cheap", 80.0), lines("EPYC", "dear", 50.0), lines("EPYC", None, 70.0))
    assert sections(page["performance.md"])[1:] == [
        "EPYC, cheap system calls",
        "EPYC, dear system calls",
        "EPYC, cost of system calls not recorded",
    ]


def test_ratios_of_machines_stand_side_by_side(home: Path) -> None:
    page = write(home, lines("EPYC", "cheap", 80.0), lines("Xeon", "dear", 50.0))["performance.md"]
    beside = page.partition("## EPYC")[0]
    assert "1. EPYC, cheap system calls\n2. Xeon, dear system calls" in beside
    assert "| pings, 1 stream, ours-uvloop | 0.80 · 0.50 |" in beside


def test_what_a_run_does_not_say_of_its_machine_is_called_not_recorded(home: Path) -> None:
    found = write(home, lines(None, None, 80.0))
    assert sections(found["performance.md"]) == ["processor not recorded, cost of system calls not recorded"]
    assert "performance.not-recorded-not-recorded.jsonl" in found


def test_a_file_with_lines_of_two_machines_is_refused_and_nothing_is_written(home: Path) -> None:
    (home / "both").write_text(lines("EPYC", "cheap", 80.0) + lines("Xeon", "dear", 50.0), encoding="utf-8")
    done = run(WRITE, str(home), str(home / "both"))
    assert done.returncode == 1
    assert "several machines in one file: EPYC, cheap system calls; Xeon, dear system calls" in done.stderr
    assert contents(home) == {"performance.md": PAGE}


def test_a_page_without_marks_is_refused_and_nothing_is_written(home: Path) -> None:
    (home / "performance.md").write_text("# Performance\n", encoding="utf-8")
    (home / "one").write_text(lines("EPYC", "cheap", 80.0), encoding="utf-8")
    done = run(WRITE, str(home), str(home / "one"))
    assert "the page has no marks to write between" in done.stderr
    assert contents(home) == {"performance.md": "# Performance\n"}


def test_a_wake_up_of_thirty_microseconds_is_dear() -> None:
    done = run("from bench import probe; print(probe.cost(29.9), probe.cost(30.0))")
    assert done.stdout.split() == ["cheap", "dear"]


PROBE = """
import json, os
from bench import probe
before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
about = probe.about()
assert before is None or before == os.sched_getaffinity(0)
print(json.dumps(about))
"""


def test_a_run_says_what_machine_it_is_on_and_may_use_all_its_cores_afterwards() -> None:
    done = run(PROBE)
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)
    assert about["processor"]
    if sys.platform == "linux":
        assert about["system calls"] in {"dear", "cheap"}
        assert about["wake-up us"] > 0
        assert about["system call ns"] > 0
