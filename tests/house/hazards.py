"""What goes wrong quietly: swallowed errors, unbounded queues, lost tasks, hidden clocks, other objects' insides."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house import plan
from house.source import Source, Tree

BROAD = frozenset({"Exception", "BaseException"})
QUEUES = frozenset({f"asyncio.{name}" for name in ("Queue", "LifoQueue", "PriorityQueue", "queues.Queue")})
NAMED_TUPLE_METHODS = frozenset({"_replace", "_asdict", "_fields", "_make"})
CLOCKS = frozenset(
    {"datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"}
)
ENTROPY = frozenset({"os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4", "random.SystemRandom"})
ENVIRONMENT = frozenset({"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"})
TIME_THAT_IS_ARITHMETIC = frozenset({"gmtime", "strftime", "strptime", "struct_time"})
KEY_MAKERS = frozenset({"generate", "generate_key", "generate_private_key", "random_serial_number"})


def broad_except(tree: Tree) -> Iterator[str]:
    """Nobody catches Exception without raising again, outside the supervisor of tasks."""
    for file in tree.package:
        if file.place in plan.TASK_MODULES:
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises(node):
                yield file.problem(
                    node,
                    "catches everything and goes on",
                    "name the errors expected, or raise again; what a task raises is logged by io/tasks.py",
                )


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or ast.unparse(kind).rpartition(".")[2] in BROAD for kind in kinds)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for statement in handler.body for node in ast.walk(statement))


def unbounded_queue(tree: Tree) -> Iterator[str]:
    """Every asyncio queue has a limit."""
    for file in tree.package:
        for node in ast.walk(file.tree):
            if not isinstance(node, ast.Call):
                continue
            callee = node.func.value if isinstance(node.func, ast.Subscript) else node.func
            if file.resolve(callee) not in QUEUES:
                continue
            sizes = [*node.args, *[word.value for word in node.keywords if word.arg == "maxsize"]]
            if not sizes or (isinstance(sizes[0], ast.Constant) and sizes[0].value in {0, None}):
                yield file.problem(
                    node, "an asyncio queue without a limit", "give it a named maximum and a test past it"
                )


def bare_task(tree: Tree) -> Iterator[str]:
    """Only the supervisor of tasks starts tasks: a bare one loses its errors, and itself to the garbage collector."""
    for file in tree.package:
        if file.place in plan.TASK_MODULES:
            continue
        for node in ast.walk(file.tree):
            named = isinstance(node, ast.Attribute) and node.attr in {"create_task", "ensure_future"}
            imported = isinstance(node, ast.Name) and file.resolve(node) in {
                "asyncio.create_task",
                "asyncio.ensure_future",
            }
            if named or imported:
                yield file.problem(node, "starts a task nobody supervises", "use io/tasks.py, or the host's spawn")


def clock_and_random(tree: Tree) -> Iterator[str]:
    """Time and random bits come from the host's Runtime (or a parameter), nowhere else below floor 9."""
    for file in tree.package:
        if (plan.floor(file.parts) or 0) >= plan.SIMULATOR or file.place in plan.CLOCK_AND_RANDOM:
            continue
        for node in ast.walk(file.tree):
            if name := _world_read(file, node):
                yield file.problem(
                    node, f"{name} reads a clock or random bits", "take them from abc.runtime.Runtime or a parameter"
                )


def _world_read(file: Source, node: ast.AST) -> str | None:
    """The name of the clock or source of random bits that `node` reads."""
    if isinstance(node, ast.Name | ast.Attribute):
        name = file.resolve(node)
        return name if name is not None and _reads_world(name) else None
    name = file.resolve(node.func) if isinstance(node, ast.Call) else None
    if name is None or not isinstance(node, ast.Call):
        return None
    unseeded = name == "random.Random" and not node.args
    makes_keys = name.startswith("cryptography.") and name.rpartition(".")[2] in KEY_MAKERS
    may = {file.place, plan.room(file.parts)} & plan.OWN_RANDOMNESS.keys()
    return name if unseeded or (makes_keys and not may) else None


def _reads_world(name: str) -> bool:
    module, _, member = name.partition(".")
    if module == "time":
        return bool(member) and member not in TIME_THAT_IS_ARITHMETIC
    if module == "random":
        return bool(member) and not member.startswith("Random")
    if module == "secrets":
        return bool(member) and member != "compare_digest"
    return name in CLOCKS or name in ENTROPY


def environment(tree: Tree) -> Iterator[str]:
    """Only the command line reads the environment."""
    for file in tree.package:
        for node in ast.walk(file.tree) if file.parts[:1] != ("cli",) else ():
            if isinstance(node, ast.Name | ast.Attribute) and file.resolve(node) in ENVIRONMENT:
                yield file.problem(node, "reads the environment", "make it a field of a config; cli/ fills it in")


def foreign_private(tree: Tree) -> Iterator[str]:
    """Nobody reaches into another object's `_x`; a class may reach into another instance of itself."""
    for file in tree.package:
        for item in file.imports:
            names = item.target.split(".")
            if names[0] == "aiolibp2p" and any(_is_private(name) for name in names):
                yield file.problem(item.line, f"imports the private {item.target}", "make it public where it lives")
        yield from _foreign(file, file.tree, frozenset())


def _foreign(file: Source, node: ast.AST, own: frozenset[str]) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Attribute) and _is_private(child.attr) and child.attr not in own | NAMED_TUPLE_METHODS:
            base = ast.unparse(child.value)
            if base not in {"self", "cls", "super()", "type(self)"}:
                yield file.problem(child, f"reaches into {base}.{child.attr}", "ask the object by a public name")
        yield from _foreign(file, child, _private_names(child) if isinstance(child, ast.ClassDef) else own)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _private_names(owner: ast.ClassDef) -> frozenset[str]:
    """The `_x` a class defines: methods, fields, slots, and what its methods assign to self."""
    found: list[str] = []
    for node in ast.walk(owner):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            found.append(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return frozenset(name for name in found if _is_private(name))
