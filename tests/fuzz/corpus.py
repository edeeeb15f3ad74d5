"""The corpus: one JSON file a target, `corpus/<target>.json`, inputs as hexadecimal by name.

`seeds` are made by seeds.py from the vectors and from what our machines say, `recorded` by record.py from a go peer,
`found` holds what once broke a target: every entry is run before all mutants, so none comes back unnoticed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

FOLDER = Path(__file__).parent / "corpus"
PARTS = ("seeds", "recorded", "found")

Corpus: TypeAlias = dict[str, dict[str, bytes]]
"""The inputs of a target by part, then by name."""


def load(target: str) -> Corpus:
    """The corpus of a target; empty parts when there is none."""
    path = FOLDER / f"{target}.json"
    stored = json.loads(path.read_text()) if path.exists() else {}
    return {part: {name: bytes.fromhex(data) for name, data in stored.get(part, {}).items()} for part in PARTS}


def inputs(target: str) -> list[bytes]:
    """All inputs of a target, each once."""
    return list(dict.fromkeys(data for part in load(target).values() for data in part.values()))


def store(target: str, part: str, entries: Mapping[str, bytes]) -> None:
    """Replace one part of a target's corpus."""
    corpus = {**load(target), part: dict(entries)}
    stored = {part: {name: data.hex() for name, data in corpus[part].items()} for part in PARTS if corpus[part]}
    (FOLDER / f"{target}.json").write_text(json.dumps(stored, indent=1) + "\n")
