"""How big a thing may be: files, functions, classes, indentation, parameters, folders."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeVar

from house import plan
from house.source import Source, Tree

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)


def file_lines(tree: Tree) -> Iterator[str]:
    """No file is longer than 500 lines."""
    for file in tree.handwritten:
        lines = len(file.text.splitlines())
        if lines > plan.MAX_FILE_LINES:
            yield file.problem(lines, f"{lines} lines of at most {plan.MAX_FILE_LINES}", "split it by noun")


def function_lines(tree: Tree) -> Iterator[str]:
    """No function is longer than 60 lines."""
    for file, node in _functions(tree):
        if (lines := _length(node)) > plan.MAX_FUNCTION_LINES:
            yield file.problem(
                node, f"{_name(node)} has {lines} lines of at most {plan.MAX_FUNCTION_LINES}", "name its steps"
            )


def class_lines(tree: Tree) -> Iterator[str]:
    """No class is longer than 250 lines."""
    for file, node in _nodes(tree, ast.ClassDef):
        if (lines := _length(node)) > plan.MAX_CLASS_LINES:
            yield file.problem(
                node,
                f"{_name(node)} has {lines} lines of at most {plan.MAX_CLASS_LINES}",
                "give a part its own class",
            )


def indent(tree: Tree) -> Iterator[str]:
    """No statement stands more than four levels in."""
    for file, node in _nodes(tree, ast.stmt):
        first = file.text.splitlines()[node.lineno - 1] if node.col_offset > 4 * plan.MAX_INDENT_LEVELS else ""
        if first and not first[: node.col_offset].strip():
            levels = node.col_offset // 4
            yield file.problem(
                node,
                f"{levels} levels of indent, of at most {plan.MAX_INDENT_LEVELS}",
                "return early or name the inner block",
            )


def parameters(tree: Tree) -> Iterator[str]:
    """No function of the package takes more than six parameters besides self."""
    for file, node in _functions(tree):
        if not file.in_package:
            continue
        arguments = node.args
        names = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        count = len(names) - (bool(names) and names[0] in {"self", "cls"})
        if count > plan.MAX_PARAMETERS:
            yield file.problem(
                node,
                f"{_name(node)} takes {count} parameters of at most {plan.MAX_PARAMETERS}",
                "hand them in as one frozen dataclass",
            )


def folders(tree: Tree) -> Iterator[str]:
    """A folder of the package has an `__init__.py` and at most twelve modules, at most three levels down."""
    modules: dict[str, list[Source]] = defaultdict(list)
    for file in tree.package:
        if len(file.parts) > plan.MAX_LEVELS:
            yield file.problem(1, f"{file.place} is {len(file.parts)} levels down", f"at most {plan.MAX_LEVELS}")
        if not file.is_init and file.parts != ("__main__",):
            modules[file.path.rpartition("/")[0]].append(file)
    packages = [file.path.rpartition("/")[0] for file in tree.package if file.is_init]
    for folder, files in sorted(modules.items()):
        if folder not in packages:
            yield files[0].problem(
                1, f"{folder} has no __init__.py", "add one, with a docstring that says what it holds"
            )
        if len(files) > plan.MAX_MODULES_PER_FOLDER:
            yield files[-1].problem(
                1,
                f"{folder} holds {len(files)} modules of at most {plan.MAX_MODULES_PER_FOLDER}",
                "what belongs together becomes a folder",
            )


def _nodes(tree: Tree, kind: type[Node]) -> Iterator[tuple[Source, Node]]:
    for file in tree.handwritten:
        for node in ast.walk(file.tree):
            if isinstance(node, kind):
                yield file, node


def _functions(tree: Tree) -> Iterator[tuple[Source, Function]]:
    yield from _nodes(tree, ast.FunctionDef)
    yield from _nodes(tree, ast.AsyncFunctionDef)


def _length(node: Function | ast.ClassDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _name(node: Function | ast.ClassDef) -> str:
    return node.name
