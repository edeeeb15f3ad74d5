"""Runs must repeat: nothing may depend on the order of a set."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

from house.source import Source, Tree

SET_TYPES = frozenset({"set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet"})
SET_METHODS = frozenset({"union", "difference", "intersection", "symmetric_difference", "copy"})
SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
ORDER_FREE = frozenset({"sorted", "set", "frozenset", "any", "all", "len", "sum", "Counter"})
ORDER_TAKING = frozenset(
    {
        "list",
        "tuple",
        "iter",
        "enumerate",
        "zip",
        "map",
        "filter",
        "deque",
        "join",
        "extend",
        "fromkeys",
        "choice",
        "sample",
    }
)
WAY_OUT = "sort it, or keep a dict or a list; the order of a set differs from run to run"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def set_order(tree: Tree) -> Iterator[str]:
    """No iteration over a set, nor over what `asyncio.wait` returns."""
    for file in tree.package:
        yield from _Reader(file).problems()


def task_group(tree: Tree) -> Iterator[str]:
    """No asyncio.TaskGroup: it cancels its tasks in the order of a set."""
    for file in tree.package:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Name | ast.Attribute) and file.resolve(node) == "asyncio.TaskGroup":
                yield file.problem(node, "uses asyncio.TaskGroup", "io/tasks.py keeps tasks in order")


@dataclass
class _Names:
    """Names that hold sets, as far as one file tells, and names that hold something else."""

    sets: dict[str, None] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)

    def note(self, name: str, is_set: bool) -> None:
        (self.sets if is_set else self.others)[name] = None

    def __contains__(self, name: str) -> bool:
        return name in self.sets and name not in self.others


class _Reader:
    """Reads one file: which names are sets, then where their order shows."""

    def __init__(self, file: Source) -> None:
        self.file = file
        self.attributes = _Names()
        self.globals = _Names()
        self.locals = _Names()
        self.free: list[ast.expr] = []

    def problems(self) -> Iterator[str]:
        for node in ast.walk(self.file.tree):
            for statement in node.body if isinstance(node, ast.ClassDef) else ():
                self._note_statement(statement, self.attributes)
            self._note_self(node)
        for statement in self.file.tree.body:
            self._note_statement(statement, self.globals)
        yield from self._scope(self.file.tree)

    def _scope(self, scope: ast.AST) -> Iterator[str]:
        for node in ast.iter_child_nodes(scope):
            if isinstance(node, Function):
                outer, self.locals = self.locals, _Names(dict(self.locals.sets), dict(self.locals.others))
                self._note_function(node)
                yield from self._scope(node)
                self.locals = outer
                continue
            yield from self._showing(node)
            yield from self._scope(node)

    def _note_function(self, function: Function) -> None:
        arguments = function.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self.locals.sets.pop(argument.arg, None)
            self.locals.note(argument.arg, _annotates_set(argument.annotation))
        for node in ast.walk(function):
            self._note_statement(node, self.locals)

    def _note_statement(self, node: ast.AST, names: _Names) -> None:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.note(node.target.id, _annotates_set(node.annotation))
        elif isinstance(node, ast.Assign):
            waits = "asyncio.wait(" in ast.unparse(node.value)
            for target in node.targets:
                pair = target.elts if isinstance(target, ast.Tuple) and waits else [target]
                self._note_targets(pair, waits or self._is_set(node.value), names)

    def _note_targets(self, targets: list[ast.expr], is_set: bool, names: _Names) -> None:
        for target in targets:
            if isinstance(target, ast.Name):
                names.note(target.id, is_set)

    def _note_self(self, node: ast.AST) -> None:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute):
            self.attributes.note(node.target.attr, _annotates_set(node.annotation))
        elif isinstance(node, ast.Assign) and self._is_set(node.value):
            for name in [target.attr for target in node.targets if isinstance(target, ast.Attribute)]:
                self.attributes.note(name, is_set=True)

    def _is_set(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.Name):
            return node.id in self.locals or (node.id in self.globals and node.id not in self.locals.others)
        if isinstance(node, ast.Attribute):
            return node.attr in self.attributes
        if isinstance(node, ast.BinOp) and isinstance(node.op, SET_OPERATORS):
            return any(self._is_set(side) or _is_keys(side) for side in (node.left, node.right))
        if isinstance(node, ast.BoolOp):
            return any(self._is_set(value) for value in node.values)
        if isinstance(node, ast.IfExp):
            return self._is_set(node.body) or self._is_set(node.orelse)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                return node.func.attr in SET_METHODS and self._is_set(node.func.value)
            return isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}
        return False

    def _showing(self, node: ast.AST) -> Iterator[str]:
        """Where `node` lets the order of a set be seen."""
        shown: list[ast.expr] = []
        if isinstance(node, ast.For | ast.AsyncFor):
            shown.append(node.iter)
        elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp) and not any(
            node is argument for argument in self.free
        ):
            shown.extend(generator.iter for generator in node.generators)
        elif isinstance(node, ast.Starred | ast.YieldFrom) or _unpacks(node):
            shown.append(node.value)
        elif isinstance(node, ast.Call):
            shown.extend(self._shown_by_call(node))
        for expression in shown:
            if self._is_set(expression):
                yield self.file.problem(expression, f"the order of the set {ast.unparse(expression)} shows", WAY_OUT)

    def _shown_by_call(self, call: ast.Call) -> list[ast.expr]:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in {"min", "max"} and any(word.arg == "key" for word in call.keywords):
            return list(call.args)
        if name == "pop" and not call.args and isinstance(call.func, ast.Attribute):
            return [call.func.value]
        if name in ORDER_FREE:
            self.free.extend(call.args)
        return list(call.args) if name in ORDER_TAKING else []


def _annotates_set(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _annotates_set(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.BinOp):
        return _annotates_set(annotation.left) or _annotates_set(annotation.right)
    if isinstance(annotation, ast.Subscript):
        return _annotates_set(annotation.value)
    return annotation is not None and ast.unparse(annotation).rpartition(".")[2] in SET_TYPES


def _unpacks(node: ast.AST) -> TypeGuard[ast.Assign]:
    """Whether `node` is `a, b = ...`; `(a,) = ...` takes the only one there is."""
    return isinstance(node, ast.Assign) and any(
        isinstance(item, ast.Tuple) and len(item.elts) > 1 for item in node.targets
    )


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"keys", "items"}
