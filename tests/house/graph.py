"""How modules hang together: no circles, and nothing that only its own test knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from house import plan
from house.source import Source, Tree


def cycles(tree: Tree) -> Iterator[str]:
    """No module imports itself by way of others; imports for types alone do not count."""
    circle = _circle(tree, list(tree.modules.values()), with_types=False)
    if circle:
        yield tree.modules[circle[0]].problem(
            1, f"import cycle {' -> '.join(circle)}", "move what they share down a floor, or hand it in at construction"
        )


def type_cycles(tree: Tree) -> Iterator[str]:
    """Inside the ground floors not even imports for types alone close a circle."""
    for room in sorted(plan.NO_TYPE_CYCLES):
        circle = _circle(tree, [file for file in tree.modules.values() if file.parts[:1] == (room,)], with_types=True)
        if circle:
            yield tree.modules[circle[0]].problem(
                1,
                f"cycle of types {' -> '.join(circle)}",
                "let the one below know nothing of the one above: move the method that needs both into the upper one",
            )


def _circle(tree: Tree, files: list[Source], *, with_types: bool) -> list[str]:
    """Return the names of modules that import each other in a circle, among these files; [] when there is none."""
    inside = {file.dotted for file in files}
    edges: dict[str, list[str]] = {}
    for file in files:
        reached = [tree.module_of(item.target) for item in file.imports if with_types or not item.for_types_only]
        edges[file.dotted] = [
            there.dotted for there in reached if there is not None and there is not file and there.dotted in inside
        ]
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def unused_modules(tree: Tree) -> Iterator[str]:
    """Floors 0 to 8 hold no module that only its own test imports. A room is used when somebody opens its door."""
    used_by: dict[str, list[Source]] = {name: [] for name in tree.modules}
    for file in tree.modules.values():
        for name in _reaches(file, tree):
            used_by[name].append(file)
    for file in tree.package:
        number = plan.floor(file.parts)
        if (
            number is None
            or number >= plan.SIMULATOR
            or (file.is_init and len(file.parts) < 2 and file.parts[0] in plan.SHELVES)
        ):
            continue
        inside = f"{file.dotted}."
        names = [name for name in used_by if name == file.dotted or (file.is_init and name.startswith(inside))]
        users = [user for name in names for user in used_by[name] if user is not file]
        if file.is_init:
            users = [user for user in users if not user.dotted.startswith(inside)]
        if not users:
            yield file.problem(
                1, f"nothing imports {file.dotted}", "open its door in assembly.py or __init__, or remove it"
            )


def _reaches(file: Source, tree: Tree) -> list[str]:
    """Modules a file imports, or names in a string that is loaded on first use."""
    targets = [item.target for item in file.imports]
    strings = [node.value for node in ast.walk(file.tree) if isinstance(node, ast.Constant)]
    targets += [text for text in strings if isinstance(text, str) and text in tree.modules]
    found = [tree.module_of(target) for target in targets]
    return [there.dotted for there in found if there is not None]
