"""The code of the house as the laws see it: parsed files, their imports, their names."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGE = "aiolibp2p"
ROOT = Path(__file__).resolve().parents[2]
PYTHON_PLACES = ("src", "tests", "scripts", "bench", "examples", "interop")


@dataclass(frozen=True)
class Import:
    """One imported module or name: `from a.b import c` is `a.b.c`."""

    target: str
    line: int
    for_types_only: bool


@dataclass(frozen=True)
class Source:
    """One Python file. `path` is relative to the root of the repository, with slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def in_package(self) -> bool:
        return self.path.startswith(f"src/{PACKAGE}/")

    @property
    def generated(self) -> bool:
        return self.path.endswith(("_pb2.py", "_pb2.pyi"))

    @property
    def is_init(self) -> bool:
        return self.path.endswith("/__init__.py")

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """`("swarm", "dialer")`; a package stands for its `__init__`; `()` is the front door of the package itself."""
        inside = self.path.removeprefix(f"src/{PACKAGE}/").removesuffix(".py").split("/")
        return tuple(part for part in inside if part != "__init__")

    @cached_property
    def place(self) -> str:
        """The module's name in the tables of `plan.py`: `swarm/dialer`."""
        return "/".join(self.parts)

    @cached_property
    def dotted(self) -> str:
        """The module's importable name."""
        return ".".join((PACKAGE, *self.parts))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(self._imports(self.tree.body, for_types_only=False))

    def _imports(self, body: list[ast.stmt], *, for_types_only: bool) -> Iterator[Import]:
        for statement in body:
            if isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
                yield from self._imports(statement.body, for_types_only=True)
                yield from self._imports(statement.orelse, for_types_only=for_types_only)
                continue
            found = [(target, node) for node in ast.walk(statement) for target in self._targets(node)]
            for target, node in found:
                yield Import(target, getattr(node, "lineno", 0), for_types_only)

    def _targets(self, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                package = self.dotted.split(".")[: None if self.is_init else -1]
                kept = package[: len(package) - (node.level - 1)]
                origin = ".".join([*kept, *([origin] if origin else [])])
            return [f"{origin}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
            return [name for name in names if isinstance(name, str)]
        return []

    @cached_property
    def aliases(self) -> dict[str, str]:
        """What each imported name stands for: `{"aio": "asyncio", "monotonic": "time.monotonic"}`."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.asname: alias.name for alias in node.names if alias.asname}
                tops = [alias.name.split(".")[0] for alias in node.names if not alias.asname]
                found |= dict(zip(tops, tops, strict=True))
            elif isinstance(node, ast.ImportFrom):
                names = [alias.asname or alias.name for alias in node.names]
                found |= dict(zip(names, self._targets(node), strict=True))
        return found

    def resolve(self, node: ast.expr) -> str | None:
        """The imported thing an expression names: `asyncio.Queue` for `aio.Queue`; None for what is not imported."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id)
        if isinstance(node, ast.Attribute):
            origin = self.resolve(node.value)
            return f"{origin}.{node.attr}" if origin else None
        return None

    def problem(self, node: ast.AST | int, what: str, way_out: str) -> str:
        """One line of a law's verdict."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return f"{self.path}:{line}: {what}; {way_out}"


class Tree:
    """All Python files, and for the package which module a dotted name belongs to."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = [Source(path, text) for path, text in sorted(files.items())]
        self.package = [file for file in self.files if file.in_package and not file.generated]
        self.modules = {file.dotted: file for file in self.files if file.in_package}

    @classmethod
    def of_repository(cls) -> Tree:
        paths = [path for place in PYTHON_PLACES for path in (ROOT / place).rglob("*.py")]
        inside = [
            path for path in paths if not any(part.startswith(".") or part == "node_modules" for part in path.parts)
        ]
        return cls({path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in inside})

    @property
    def handwritten(self) -> list[Source]:
        return [file for file in self.files if not file.generated]

    def module_of(self, target: str) -> Source | None:
        """The module of the package that an import reaches: the longest known prefix of its dotted name."""
        name = target
        while name.startswith(PACKAGE):
            if name in self.modules:
                return self.modules[name]
            name = name.rpartition(".")[0]
        return None


def tracked_files() -> list[str]:
    """Paths that git tracks or would track, relative to the root; empty outside a work tree."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]
