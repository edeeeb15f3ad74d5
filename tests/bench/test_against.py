"""Before and after: two checkouts measured by turns. The trees here are made up, and so is what they measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Line = dict[str, Any]

DRIVER = """
import json, os, sys
from pathlib import Path
import aiolibp2p
from aiolibp2p import {figures}
print(json.dumps({{"event": "listening", "addresses": ["/ip4/127.0.0.1/tcp/1"]}}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["cmd"] == "usage":
        answer = {{"ok": True, "user_seconds": 0, "system_seconds": 0}}
    elif request["cmd"] in figures:
        with Path(os.environ["BENCH_LOG"]).open("a") as log:
            print({name!r}, os.getpid(), file=log)
        value = figures[request["cmd"]]
        answer = {{"ok": True, "count": value, "seconds": 1.0, "p50_ms": value, "p99_ms": value}}
    else:
        answer = {{"ok": False, "error": "no such command"}}
    print(json.dumps({{"id": request["id"], **answer}}), flush=True)
"""

COMPARE = """
import sys
from pathlib import Path
from bench.against import comparison
from bench.against.trees import Tree
before, after, figures, rounds = sys.argv[1:]
both = {"before": Tree(Path(before), "before"), "after": Tree(Path(after), "after")}
figures = list(comparison.subjects(figures.split(","), ["ours-stdlib"], 0.01))
sys.exit(comparison.judged(comparison.printed(comparison.run(figures, both, int(rounds)))))
"""


def tree(home: Path, **figures: float) -> Path:
    """A checkout whose driver gives these values, whatever it is asked; organised as the repository is today."""
    (home / "src" / "aiolibp2p").mkdir(parents=True)
    (home / "src" / "aiolibp2p" / "__init__.py").write_text(f"figures = {figures}\n", encoding="utf-8")
    (home / "bench").mkdir()
    (home / "bench" / "__init__.py").write_text("", encoding="utf-8")
    driver = DRIVER.format(figures="figures", name=home.name)
    (home / "bench" / "ours.py").write_text(driver, encoding="utf-8")
    return home


def otherwise_organised(home: Path, **figures: float) -> Path:
    """Make a checkout with a package of another shape, without `src`, and with a driver that is a folder."""
    (home / "aiolibp2p" / "inner").mkdir(parents=True)
    (home / "aiolibp2p" / "__init__.py").write_text("", encoding="utf-8")
    (home / "aiolibp2p" / "inner" / "__init__.py").write_text(f"numbers = {figures}\n", encoding="utf-8")
    (home / "bench" / "ours").mkdir(parents=True)
    driver = DRIVER.format(figures="inner; from aiolibp2p.inner import numbers as figures", name=home.name)
    (home / "bench" / "ours" / "__main__.py").write_text(driver, encoding="utf-8")
    return home


def run(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code that may import the bench."""
    command, surroundings = [sys.executable, "-c", code, *arguments], {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=50, check=False)


def compare(before: Path, after: Path, figures: str, rounds: int = 5) -> tuple[int, list[Line], str]:
    """The exit code, the lines without those on the machine, and what was said."""
    log = str(before.parent / "log")
    done = run(COMPARE, str(before), str(after), figures, str(rounds), BENCH_LOG=log)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, [line for line in lines if "machine" not in line], done.stderr


def test_a_figure_worse_by_more_than_a_twentieth_fails_and_is_named(tmp_path: Path) -> None:
    before = tree(tmp_path / "before", pings_rate=1000, dials_rate=2.0, opens_rate=1000)
    after = tree(tmp_path / "after", pings_rate=940, dials_rate=2.2, opens_rate=950)
    code, lines, said = compare(before, after, "pings-1,dial,opens-1")
    assert [(line["figure"], line["ratio"], line["verdict"]) for line in lines] == [
        ("pings-1", 0.94, "worse"),
        ("dial", 0.9091, "worse"),
        ("opens-1", 0.95, "level"),
    ]
    assert code == 1
    assert "worse: pings-1 ours-stdlib: 0.940 times as good as before, 0.940 to 0.940" in said
    assert "worse: dial ours-stdlib: 0.909 times as good as before" in said
    assert "worse: opens-1" not in said
    assert "| pings, 1 stream, 1/s, ours-stdlib" in said


def test_what_is_level_or_better_passes(tmp_path: Path) -> None:
    before = tree(tmp_path / "before", pings_rate=1000, dials_rate=2.0)
    after = tree(tmp_path / "after", pings_rate=951, dials_rate=1.0)
    code, (pings, dial), _said = compare(before, after, "pings-1,dial")
    assert code == 0
    assert (pings["ratio"], pings["spread"], pings["verdict"]) == (0.951, [0.951, 0.951], "level")
    assert (dial["ratio"], dial["verdict"]) == (2.0, "better")
    assert dial["before"] == {"median": 2.0, "rounds": [2.0] * 5}
    assert dial["after"] == {"median": 1.0, "rounds": [1.0] * 5}


def test_trees_of_other_shapes_are_measured_with_their_own_package_and_driver(tmp_path: Path) -> None:
    before = otherwise_organised(tmp_path / "before", pings_rate=1000)
    after = tree(tmp_path / "after", pings_rate=1100)
    code, (pings,), said = compare(before, after, "pings-1")
    assert (code, pings["ratio"], pings["verdict"]) == (0, 1.1, "better"), said


def test_rounds_go_by_turns_whoever_is_first_and_processes_are_fresh_after_three(tmp_path: Path) -> None:
    trees = tree(tmp_path / "before", pings_rate=1000), tree(tmp_path / "after", pings_rate=1000)
    compare(*trees, "pings-1", rounds=4)
    log = [line.split() for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    warm_up = ["before", "after"]
    first = [*warm_up, "before", "after", "after", "before", "before", "after"]
    assert [side for side, _pid in log] == [*first, *warm_up, "after", "before"]
    pids = [{pid for side, pid in part if side == who} for part in (log[:8], log[8:]) for who in warm_up]
    assert [len(one) for one in pids] == [1, 1, 1, 1]
    assert len(frozenset[str]().union(*pids)) == 4


def test_too_few_rounds_judge_nothing(tmp_path: Path) -> None:
    trees = tree(tmp_path / "before", pings_rate=1000), tree(tmp_path / "after", pings_rate=500)
    code, (pings,), said = compare(*trees, "pings-1", rounds=4)
    assert (code, pings["ratio"], pings["verdict"]) == (0, 0.5, "unclear")
    assert "too few rounds" in said


def test_what_this_tree_cannot_do_any_more_fails_and_what_the_other_cannot_do_yet_is_told(tmp_path: Path) -> None:
    before = tree(tmp_path / "before", pings_rate=1000, opens_rate=1000)
    after = tree(tmp_path / "after", pings_rate=1000, dials_rate=2.0)
    code, lines, said = compare(before, after, "pings-1,opens-1,dial")
    assert code == 1
    assert {line["figure"]: line.get("lacking") for line in lines} == {
        "pings-1": None,
        "opens-1": "after",
        "dial": "before",
    }
    assert "cannot be measured any more: opens-1 ours-stdlib: after: ours-stdlib client opens_rate" in said
    assert "left out: dial of ours-stdlib: before: ours-stdlib client dials_rate: no such command" in said
    code, lines, said = compare(before, after, "pings-1,dial")
    assert code == 0, said


def test_nothing_compared_is_a_failure(tmp_path: Path) -> None:
    trees = tree(tmp_path / "before", opens_rate=1), tree(tmp_path / "after", pings_rate=1)
    code, _lines, said = compare(*trees, "pings-1")
    assert code == 1
    assert said.rstrip().endswith("nothing was compared")


VERDICTS = """
import json, sys
from bench.against import verdicts
found = []
for before, after, more_is_better in json.loads(sys.argv[1]):
    ratio = verdicts.ratio(before, after, more_is_better)
    found.append(ratio and [ratio.median, ratio.low, ratio.high, ratio.verdict])
print(json.dumps(found))
"""


def verdicts(*cases: tuple[list[float], list[float], bool]) -> list[Any]:
    """Median, least and greatest ratio, and verdict, of each pair of rounds."""
    done = run(VERDICTS, json.dumps(cases))
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def test_what_noise_may_explain_is_unclear_and_what_it_may_not_is_worse() -> None:
    before = [100.0] * 5
    assert verdicts(
        (before, [90.0, 91.0, 92.0, 93.0, 94.0], True),
        (before, [90.0, 91.0, 92.0, 93.0, 96.0], True),
        (before, [96.0, 97.0, 98.0, 99.0, 130.0], True),
        (before, [106.0, 107.0, 108.0, 109.0, 110.0], True),
    ) == [
        [0.92, 0.9, 0.94, "worse"],
        [0.92, 0.9, 0.96, "unclear"],
        [0.98, 0.96, 1.3, "level"],
        [1.08, 1.06, 1.1, "better"],
    ]


def test_nine_rounds_bear_one_stray_on_each_side() -> None:
    after = [10.0, *[90.0] * 7, 500.0]
    assert verdicts(([100.0] * 9, after, True), ([100.0] * 8, after[1:], True)) == [
        [0.9, 0.9, 0.9, "worse"],
        [0.9, 0.9, 5.0, "unclear"],
    ]


def test_neighbours_are_compared_so_that_a_drift_of_the_machine_falls_out() -> None:
    before = [100.0, 80.0, 60.0, 40.0, 20.0]
    assert verdicts((before, before, True), (before, [value * 2 for value in before], False)) == [
        [1.0, 1.0, 1.0, "level"],
        [0.5, 0.5, 0.5, "worse"],
    ]


def test_rounds_in_which_a_value_is_nothing_count_for_none() -> None:
    assert verdicts(([0.0, 1.0], [1.0, 1.0], True), ([0.0], [1.0], True), ([1.0], [-1.0], False)) == [
        [1.0, 1.0, 1.0, "unclear"],
        None,
        None,
    ]


CHECK = """
import sys
from pathlib import Path
from bench.against.trees import Tree, TreeMissing
try:
    Tree(Path(sys.argv[1]), "the other").check()
except TreeMissing as reason:
    sys.exit(str(reason))
"""


def test_a_tree_whose_package_would_not_be_the_one_measured_is_refused(tmp_path: Path) -> None:
    assert run(CHECK, str(tree(tmp_path / "good"))).returncode == 0
    (tmp_path / "empty").mkdir()
    done = run(CHECK, str(tmp_path / "empty"), PYTHONPATH=str(ROOT / "src"))
    assert "the other has no package of its own" in done.stderr
    broken = tree(tmp_path / "broken")
    (broken / "src" / "aiolibp2p" / "__init__.py").write_text("raise ValueError('half done')\n", encoding="utf-8")
    assert "cannot be imported: ValueError: half done" in run(CHECK, str(broken)).stderr


OPEN = """
import sys
from pathlib import Path
from bench.against.trees import TreeMissing, opened
try:
    with opened(sys.argv[2], Path(sys.argv[1])) as tree:
        tree.check()
        print((tree.home / "src" / "aiolibp2p" / "__init__.py").read_text(encoding="utf-8").strip())
    print(tree.home.exists(), tree.name)
except TreeMissing as reason:
    sys.exit(str(reason))
"""


def git(repository: Path, *arguments: str) -> str:
    """What git says."""
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True, timeout=30).stdout


def test_a_revision_is_checked_out_for_as_long_as_it_is_measured_and_the_repository_stays_as_it_is(
    tmp_path: Path,
) -> None:
    repository = tree(tmp_path / "repository", pings_rate=1)
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "first")
    commit = git(repository, "rev-parse", "HEAD").strip()
    (repository / "src" / "aiolibp2p" / "__init__.py").write_text("figures = {}\n", encoding="utf-8")
    status = git(repository, "status", "--porcelain")
    done = run(OPEN, str(repository), "HEAD")
    assert done.stdout.splitlines() == ["figures = {'pings_rate': 1}", f"False {commit[:12]}"], done.stderr
    assert git(repository, "status", "--porcelain") == status
    assert git(repository, "worktree", "list").count("\n") == 1
    named = run(OPEN, str(tmp_path), str(repository))
    assert named.stdout.splitlines() == ["figures = {}", f"True {commit[:12]} with changes"]
    assert "neither a directory nor a revision" in run(OPEN, str(repository), "no-such-branch").stderr


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m bench`."""
    command = [sys.executable, "-m", "bench", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


def test_this_tree_against_itself_end_to_end() -> None:
    options = ["--rounds", "1", "--seconds", "0.02", "--only", "pings-1,footprint", "--rows", "ours-stdlib"]
    done = bench("--against", str(ROOT), *options)
    assert done.returncode == 0, done.stderr
    about, *lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"processor", "before", "after"} <= set(about["about"])
    cells = {line["figure"]: line for line in lines if "verdict" in line}
    assert set(cells) >= {"pings-1", "import-time"}
    assert {cell["verdict"] for cell in cells.values()} == {"unclear"}
    assert all(cell["ratio"] > 0 and len(cell["after"]["rounds"]) == 1 for cell in cells.values())


def test_another_tree_that_is_not_there_is_refused_before_anything_runs() -> None:
    done = bench("--against", "no-such-tree", "--only", "pings-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no-such-tree is neither a directory nor a revision" in done.stderr


@pytest.mark.parametrize("option", [["--write-docs"], ["--from", "file"], ["--profile", "folder"]])
def test_a_comparison_goes_on_no_record(option: list[str]) -> None:
    done = bench("--against", ".", *option)
    assert done.returncode == 2
    assert "--against measures and prints alone" in done.stderr
