"""Who may import whom: floors, rooms, third parties, asyncio."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator

from house import plan
from house.source import PACKAGE, ROOT, Import, Source, Tree


def floors(tree: Tree) -> Iterator[str]:
    """A floor imports only what lies below it, and rooms of one floor never one another."""
    for file in tree.package:
        if not file.parts:
            continue
        if plan.floor(file.parts) is None:
            yield file.problem(1, f"{file.place} is on no floor", "give it one in tests/house/plan.py")
            continue
        for item in file.imports:
            if item.target.split(".")[0] == PACKAGE and not _allowed(file, item, tree):
                yield file.problem(
                    item.line,
                    f"{plan.room(file.parts)} may not import {item.target}",
                    "move the piece both need down a floor, or hand it in through a contract of abc",
                )


def _allowed(file: Source, item: Import, tree: Tree) -> bool:
    target = tree.module_of(item.target)
    there = target.parts if target is not None else tuple(item.target.split(".")[1:3])
    here_floor, there_floor = plan.floor(file.parts), plan.floor(there)
    here_room, there_room = plan.room(file.parts), plan.room(there)
    assert here_floor is not None
    if here_room == there_room or (here_room, there_room) in plan.DOORS:
        return True
    if not there or there_floor is None:
        return here_floor >= plan.SIMULATOR
    if here_floor == plan.HANDS and there_floor == plan.ROOMS:
        return there[0] in plan.FROM_ROOMS[file.parts[0]]
    if here_floor == plan.HOST:
        return there_floor < plan.ROOMS or there_floor == plan.ASSEMBLY
    return there_floor < here_floor


def front_door(tree: Tree) -> Iterator[str]:
    """The package's own `__init__` is for users: it names what floors 0 to 8 offer."""
    for file in tree.package:
        for item in [] if file.parts else file.imports:
            parts = tuple(item.target.split(".")[1:])
            if item.target.startswith(f"{PACKAGE}.") and (plan.floor(parts) or 0) > plan.HOST:
                yield file.problem(item.line, f"the front door imports {item.target}", "name only floors 0 to 8 there")


def third_parties(tree: Tree) -> Iterator[str]:
    """Each library is known to the rooms the plan names, and the ground floor knows none."""
    for file in tree.package:
        for item in file.imports:
            library = item.target.split(".")[0]
            if library == PACKAGE or library in sys.stdlib_module_names or _may_use(file, library):
                continue
            yield file.problem(
                item.line,
                f"{file.place or 'the front door'} imports {library}",
                "ask the room that owns the library, or name it in tests/house/plan.py with a decision",
            )


def _may_use(file: Source, library: str) -> bool:
    number = plan.floor(file.parts)
    if number is None or number == 0:
        return False
    if library in plan.THIRD_PARTIES_FROM_PEER_UP:
        return number in {1, plan.ROOMS, plan.HANDS} or number >= plan.SIMULATOR
    if library in plan.OUTER_THIRD_PARTIES.get(file.parts[0], ()):
        return True
    owner = plan.THIRD_PARTY_ROOMS.get(library)
    return owner is not None and owner == plan.room(file.parts)


def declared(tree: Tree) -> Iterator[str]:
    """Every library that the package imports is among its dependencies or extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    names = [
        re.split(r"[^A-Za-z0-9_-]", line)[0].lower().replace("-", "_") for line in [*project["dependencies"], *extras]
    ]
    distribution = {"google": "protobuf", "OpenSSL": "pyopenssl", "dns": "dnspython", "Cryptodome": "pycryptodomex"}
    for file in tree.files:
        for item in file.imports if file.in_package else ():
            library = item.target.split(".")[0]
            if library == PACKAGE or library in sys.stdlib_module_names:
                continue
            if distribution.get(library, library).lower() not in names:
                yield file.problem(item.line, f"{library} is not declared", "add its distribution to pyproject.toml")


def asyncio_in_cores(tree: Tree) -> Iterator[str]:
    """Cores are pure: only shells import asyncio. Importing it for types alone is allowed."""
    for file in tree.package:
        if not plan.is_core(file.parts, is_init=file.is_init):
            continue
        for item in file.imports:
            if item.target.split(".")[0] in {"asyncio", "uvloop"} and not item.for_types_only:
                yield file.problem(
                    item.line,
                    f"the core {file.place} imports {item.target.split('.')[0]}",
                    "return what it caused and let the room's service.py do the waiting",
                )
