"""How tests behave: no waiting by the clock, no patched insides."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house.source import Tree


def sleeps(tree: Tree) -> Iterator[str]:
    """No test sleeps. `asyncio.sleep(0)` lets others run and is allowed."""
    for file in tree.handwritten:
        if not file.path.startswith("tests/"):
            continue
        for node in ast.walk(file.tree):
            if not isinstance(node, ast.Call) or file.resolve(node.func) not in {"asyncio.sleep", "time.sleep"}:
                continue
            if [ast.unparse(argument) for argument in node.args] != ["0"]:
                yield file.problem(
                    node, "a test that sleeps", "wait for an event, or give the code a clock of the test's own"
                )


def mocks(tree: Tree) -> Iterator[str]:
    """No test uses unittest.mock."""
    for file in tree.handwritten:
        for item in file.imports:
            if item.target.startswith("unittest.mock") or item.target == "mock":
                yield file.problem(item.line, "a mock", "use a fake from aiolibp2p.testing, or write a small one")


def init_files(tree: Tree) -> Iterator[str]:
    """Test folders have no `__init__.py`: they mirror rooms called io and abc."""
    for file in tree.files:
        if file.path.startswith("tests/") and file.is_init:
            yield file.problem(1, "a package among the tests", "remove the file; pytest imports tests by path")
