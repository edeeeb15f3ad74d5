"""The errands in docs/architecture.md lead to files that are there."""

from __future__ import annotations

import re

from house.source import ROOT

PAGE = ROOT / "docs" / "architecture.md"


def test_every_file_that_an_errand_or_a_folder_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    tables = text[text.index("## Errands") : text.index("## Floors")]
    paths = [path for path in re.findall(r"`([\w./-]+)`", tables) if "/" in path]
    assert len(paths) > 30
    missing = [path for path in paths if not any((base / path).exists() for base in (ROOT / "src" / "aiolibp2p", ROOT))]
    assert missing == []


def test_every_floor_and_room_that_stands_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    plan = text[: text.index("## Errands")]
    rooms = [path.name for path in (ROOT / "src" / "aiolibp2p").iterdir() if (path / "__init__.py").exists()]
    assert [room for room in sorted(rooms) if not re.search(rf"\b{room}\b", plan)] == []
