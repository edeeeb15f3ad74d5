"""The corpus is what its scripts make, small, and about targets that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import corpus, seeds
from fuzz.registry import TARGETS

MAX_FILE_BYTES = 32 * 1024


def test_the_seeds_are_what_the_script_makes() -> None:
    stored = {name: corpus.load(name)["seeds"] for name in TARGETS}
    assert stored == dict(seeds.all_seeds()), "run: PYTHONPATH=tests .venv/bin/python -m fuzz.seeds"


def test_every_file_belongs_to_a_target_and_is_small() -> None:
    files = sorted(corpus.FOLDER.iterdir())
    assert [path.stem for path in files] == sorted(TARGETS)
    assert max(path.stat().st_size for path in files) < MAX_FILE_BYTES


def test_parts_are_replaced_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "FOLDER", tmp_path)
    assert corpus.inputs("some") == []
    corpus.store("some", "seeds", {"one": b"\x01", "two": b""})
    corpus.store("some", "found", {"three": b"\x01", "four": b"\xff"})
    corpus.store("some", "seeds", {"two": b""})
    assert corpus.load("some") == {"seeds": {"two": b""}, "recorded": {}, "found": {"three": b"\x01", "four": b"\xff"}}
    assert corpus.inputs("some") == [b"", b"\x01", b"\xff"]
