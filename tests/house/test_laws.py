"""The laws of the house, each over the whole tree. What they ask and why: CONTRIBUTING.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from house import plan, tracked
from house.laws import TRACKED_LAWS, TREE_LAWS, TrackedLaw, TreeLaw
from house.source import ROOT, Tree, tracked_files


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree.of_repository()


@pytest.fixture(scope="module")
def tracked_text() -> dict[str, str]:
    return tracked.read_tracked()


@pytest.mark.parametrize("law", TREE_LAWS, ids=lambda law: law.__name__)
def test_tree_keeps(law: TreeLaw, tree: Tree) -> None:
    assert tree.package, "no source found: the laws would hold of nothing"
    _hold(law(tree))


@pytest.mark.skipif(not tracked_files(), reason="not a git work tree")
@pytest.mark.parametrize("law", TRACKED_LAWS, ids=lambda law: law.__name__)
def test_tracked_files_keep(law: TrackedLaw, tracked_text: dict[str, str]) -> None:
    _hold(law(tracked_text))


def test_every_door_is_named_in_the_architecture() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    missing = [f"{here} -> {there}" for here, there in plan.DOORS if f"`{here} -> {there}`" not in page]
    assert not missing, f"docs/architecture.md does not name the doors {missing}"


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "src/aiolibp2p/py.typed").is_file()


def _hold(problems: Iterator[str]) -> None:
    found = sorted(dict.fromkeys(problems))
    if found:
        pytest.fail("\n".join(found), pytrace=False)
