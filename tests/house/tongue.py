"""How docstrings speak: each one is understood by a stranger who does not see what stands above it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from house.source import Source, Tree

CONJUNCTIONS = "Of So And But Or Nor Then Also Too Likewise Ditto As Neither Not Yes See"
PRONOUNS = "It Its They Them Their Those That These Such Same Whoever Whatever Whichever Whom Told Yours Ours"
PREPOSITIONS = "For By From With Without Until At On In Up Down After Against Behind Past Between"
PHRASES = r"None of|Both of them|Each of them|One of them|The same|The others|The other[.,:;]|The rest\b"
WORDS = "|".join(f"{CONJUNCTIONS} {PRONOUNS} {PREPOSITIONS}".split())
LEANING = re.compile(rf"(?:(?:{WORDS})\b|{PHRASES})")
"""Beginnings that lean on a sentence which is not there: what they refer to stands in another docstring."""

RIDDLE = re.compile(r"\b[Ss]o (?:many|much|long|often|few|high|fast)\b(?! (?:as|that))|\bthe same as above\b")
"""Phrases that point at a number or a time which only the code shows."""

MIN_WORDS = 3
"""Words of the shortest docstring: two can name a thing, but not say what it is for or which unit it has."""

STOPS = (".", "?", "!", ":", ".)", '."', ".`")
"""Ends of a sentence. A colon is one where a table or a diagram follows."""

SETTINGS = ("Config", "Limits", "Bounds", "Rates")
"""Ends of the names of classes whose fields are settings, each a number that somebody has chosen."""

OPERATORS = (ast.operator, ast.unaryop, ast.expr_context)
"""Nodes that an expression of plain numbers has besides the numbers."""

IMPLEMENTS = re.compile(r"\b[Ii]mplements `(?:[\w.]*\.)?(\w+)")
"""What a docstring says instead of the bases of its class."""


@dataclass(frozen=True)
class Docstring:
    """One docstring: of a module, class or function, or behind an assignment. `owner` is what it describes."""

    node: ast.stmt
    owner: ast.AST
    text: str

    @property
    def summary(self) -> str:
        """The first paragraph in one line."""
        return " ".join(self.text.strip().split("\n\n")[0].split())


def docstrings_of(file: Source) -> Iterator[Docstring]:
    """Yield every docstring of a file, those behind assignments in modules, classes and functions too."""
    for node in ast.walk(file.tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _directly_in(node)


def _directly_in(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Docstring]:
    owners = [node, *node.body]
    for owner, statement in zip(owners, node.body, strict=False):
        text = _string(statement)
        if text is not None and (owner is node or isinstance(owner, (ast.Assign, ast.AnnAssign))):
            yield Docstring(statement, owner, text)


def _string(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value if isinstance(statement.value.value, str) else None
    return None


def _read(tree: Tree) -> Iterator[tuple[Source, Docstring]]:
    for file in tree.handwritten:
        for docstring in docstrings_of(file):
            yield file, docstring


def first_words(tree: Tree) -> Iterator[str]:
    """No docstring begins with a word that leans on something said before: "Of", "So", "It", "For", "The same"."""
    for file, docstring in _read(tree):
        found = LEANING.match(docstring.summary)
        if found:
            yield file.problem(
                docstring.node, f'a docstring begins with "{found[0]}"', "name the thing, for who sees only this"
            )


def riddles(tree: Tree) -> Iterator[str]:
    """No docstring leaves a number or a time to the code with "so" and "many" or "long"."""
    for file, docstring in _read(tree):
        found = RIDDLE.search(" ".join(docstring.text.split()))
        if found:
            yield file.problem(docstring.node, f'a docstring says "{found[0]}"', "name the number or the parameter")


def whole_sentences(tree: Tree) -> Iterator[str]:
    """Every docstring has three words at least, and its first paragraph ends as a sentence does."""
    for file, docstring in _read(tree):
        summary = docstring.summary
        if len(summary.split()) < MIN_WORDS:
            yield file.problem(docstring.node, f'"{summary}" says little', "name the thing and its unit, or drop it")
        elif not summary.endswith(STOPS):
            yield file.problem(docstring.node, f'"...{summary[-20:]}" is no end', "end the sentence with a full stop")


def constants(tree: Tree) -> Iterator[str]:
    """Every public number says why: constants of modules, and the defaults of configurations and limits."""
    for file in tree.package:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Module) or (isinstance(node, ast.ClassDef) and node.name.endswith(SETTINGS)):
                yield from _unexplained(file, node)


def _unexplained(file: Source, node: ast.Module | ast.ClassDef) -> Iterator[str]:
    for statement, behind in zip(node.body, [*node.body[1:], None], strict=True):
        name = _number(statement)
        if name is None or name.startswith("_") or (isinstance(node, ast.Module) and not name.isupper()):
            continue
        if behind is None or _string(behind) is None:
            yield file.problem(
                statement, f"{name} does not say why", "a docstring behind it: the unit, and a precedent"
            )


def _number(statement: ast.stmt) -> str | None:
    """Return the name that a statement gives to a number, or to several."""
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
        return None
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    parts = list(ast.walk(statement.value))
    numbers = [part.value for part in parts if isinstance(part, ast.Constant)]
    plain = all(isinstance(part, (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, *OPERATORS)) for part in parts)
    if not numbers or not plain or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers):
        return None
    return target.id if isinstance(target, ast.Name) else None


def contracts_subclassed(tree: Tree) -> Iterator[str]:
    """No class says that it implements a contract: it subclasses it, and then the type checker says so."""
    for file, docstring in _read(tree):
        if not isinstance(docstring.owner, ast.ClassDef):
            continue
        bases = {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in docstring.owner.bases}
        for name in IMPLEMENTS.findall(docstring.text):
            if name not in bases:
                yield file.problem(
                    docstring.node, f"{docstring.owner.name} says that it implements {name}", "subclass it, say no more"
                )
