"""What things are called, and whether they say what they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from house import plan
from house.source import Source, Tree

Function = ast.FunctionDef | ast.AsyncFunctionDef
UNFINISHED = re.compile(r"#.*\b(?:TO" + "DO|FIX" + "ME|XX" + "X|HAC" + r"K)\b")  # in pieces: this line is not one


def module_names(tree: Tree) -> Iterator[str]:
    """No module or folder bears a name that says nothing."""
    for file in tree.handwritten:
        for part in file.path.removesuffix(".py").split("/"):
            bare = part.removeprefix("test_")
            if bare in plan.FORBIDDEN_NAMES:
                yield file.problem(1, f"{part} is a name for anything", "name it after the noun it holds")


def class_names(tree: Tree) -> Iterator[str]:
    """No class is called just Protocol: in this field everything is one."""
    for file in tree.package:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ClassDef) and node.name == "Protocol":
                yield file.problem(
                    node, "a class called Protocol", "say which part of it: machine, service, router ..."
                )


def unfinished(tree: Tree) -> Iterator[str]:
    """No note to oneself stays in the code."""
    for file in tree.handwritten:
        for number, line in enumerate(file.text.splitlines(), 1):
            if UNFINISHED.search(line):
                yield file.problem(
                    number, "a note of something unfinished", "do it, or write it down where work is planned"
                )


def docstrings(tree: Tree) -> Iterator[str]:
    """Every public module, class, function and method says what it is."""
    documented = _documented_methods(tree)
    for file in tree.package:
        if file.parts and file.parts[-1].startswith("_") and file.parts != ("__main__",):
            continue
        if not ast.get_docstring(file.tree):
            yield file.problem(1, "the module has no docstring", "say in a line what it holds")
        for node in file.tree.body:
            if isinstance(node, Function) and _needs(node) and not ast.get_docstring(node):
                yield _undocumented(file, node, node.name)
            elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from _in_class(file, node, documented)


def _in_class(file: Source, owner: ast.ClassDef, documented: dict[str, tuple[list[str], list[str]]]) -> Iterator[str]:
    if not ast.get_docstring(owner):
        yield _undocumented(file, owner, owner.name)
    is_contract = "Protocol" in _bases(owner)
    for node in owner.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _in_class(file, node, documented)
        if not isinstance(node, Function) or not _needs(node) or ast.get_docstring(node):
            continue
        if is_contract and any(ast.unparse(item) == "property" for item in node.decorator_list):
            continue
        if not _inherited(owner.name, node.name, documented):
            yield _undocumented(file, node, f"{owner.name}.{node.name}")


def _undocumented(file: Source, node: ast.AST, name: str) -> str:
    return file.problem(node, f"{name} has no docstring", "shapes, units, errors raised, spec section")


def _needs(node: Function) -> bool:
    decorators = [ast.unparse(item).rpartition(".")[2] for item in node.decorator_list]
    return not node.name.startswith("_") and not {"overload", "setter", "deleter"}.intersection(decorators)


def _bases(owner: ast.ClassDef) -> list[str]:
    return [ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in owner.bases]


def _documented_methods(tree: Tree) -> dict[str, tuple[list[str], list[str]]]:
    """Return for every class of the package by name its bases, and its methods that have a docstring."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for file in tree.package:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ClassDef):
                methods = [item.name for item in node.body if isinstance(item, Function) and ast.get_docstring(item)]
                # A class may bear its contract's name, as `Host` does.
                bases, documented = found.setdefault(node.name, ([], []))
                bases += _bases(node)
                documented += methods
    return found


def _inherited(owner: str, method: str, documented: dict[str, tuple[list[str], list[str]]]) -> bool:
    """Whether a base documents the method: an override need not say it again."""
    bases, methods = documented.get(owner, ([], []))
    return method in methods or any(_inherited(base, method, documented) for base in bases if base != owner)
