"""Which items of the specifications a test proves: reads the markers, writes docs/conformance.md.

    scripts/conformance.py            write the page and print its table
    scripts/conformance.py --check    fail when the page is not what the tests say

Fails, too, when a marker or a declined line names no item, or an item is both declined and proven.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ITEMS = "docs/conformance-items.toml"
DECLINED = "docs/conformance-declined.toml"
PAGE = "docs/conformance.md"
LEVELS = {"M": "must", "S": "should", "MAY": "may", "I": "normative", "X": "in practice"}
INTRO = """\
# Conformance

What the libp2p specifications ask, and which test proves it. Written by `make conformance` from the markers
`@pytest.mark.spec("NOI-7")` on the tests, from [the items](conformance-items.toml) and from
[what we decline](conformance-declined.toml).
Levels: *must*, *should*, *may*; *normative* is prose without such a word; *in practice* is what deployed peers require.
"""


@dataclass(frozen=True)
class Item:
    """One thing a specification asks."""

    id: str
    level: str
    text: str

    @property
    def prefix(self) -> str:
        """The specification it belongs to: `NOI` of `NOI-7`."""
        return self.id.rpartition("-")[0]


@dataclass(frozen=True)
class Claim:
    """A marker: `test` says that it proves `item`."""

    item: str
    path: str
    line: int
    test: str

    @property
    def where(self) -> str:
        """The test as pytest names it."""
        return f"{self.path}::{self.test}" if self.test else self.path


@dataclass(frozen=True)
class Ledger:
    """Everything known about the items, in the order of the digest."""

    specs: Mapping[str, str]
    items: tuple[Item, ...]
    declined: Mapping[str, str]
    claims: tuple[Claim, ...]

    def problems(self) -> list[str]:
        """Return what must be mended before the page can be trusted."""
        known = [item.id for item in self.items]
        found = [f"{c.path}:{c.line}: {c.item!r} names no item of {ITEMS}" for c in self.claims if c.item not in known]
        found += [f"{DECLINED}: {item!r} names no item of {ITEMS}" for item in self.declined if item not in known]
        found += [f"{DECLINED}: {item!r} has no reason" for item, reason in self.declined.items() if not reason.strip()]
        found += [f"{c.path}:{c.line}: {c.item} is declined and proven" for c in self.claims if c.item in self.declined]
        return found

    def proofs(self) -> dict[str, list[str]]:
        """The tests of each item that has any, sorted."""
        found: dict[str, dict[str, None]] = {}
        for claim in sorted(self.claims, key=lambda claim: claim.where):
            found.setdefault(claim.item, {})[claim.where] = None
        return {item: list(tests) for item, tests in found.items()}


class Row(NamedTuple):
    """A line of the table."""

    spec: str
    prefix: str
    items: int
    proven: int
    declined: int

    @property
    def not_yet(self) -> int:
        """The items that nobody has proven or declined."""
        return self.items - self.proven - self.declined


def read_ledger(root: Path = ROOT) -> Ledger:
    """Read the items, what is declined, and every marker under tests/."""
    listed = tomllib.loads((root / ITEMS).read_text(encoding="utf-8"))
    declined = tomllib.loads((root / DECLINED).read_text(encoding="utf-8"))["declined"]
    paths = sorted((root / "tests").rglob("*.py"))
    claims = [
        claim for path in paths for claim in read_claims(path.relative_to(root).as_posix(), path.read_text("utf-8"))
    ]
    items = tuple(Item(entry["id"], entry["level"], entry["text"]) for entry in listed["item"])
    return Ledger(listed["specs"], items, declined, tuple(claims))


def read_claims(path: str, text: str) -> list[Claim]:
    """The markers of one file: on functions, classes, parameters, and `pytestmark`."""
    return list(_claims(path, ast.parse(text, path), ()))


def _claims(path: str, node: ast.AST, names: tuple[str, ...]) -> Iterator[Claim]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        names = (*names, node.name)
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.spec"):
        for argument in node.args:
            item = argument.value if isinstance(argument, ast.Constant) else ast.unparse(argument)
            yield Claim(str(item), path, node.lineno, "::".join(names))
    for child in ast.iter_child_nodes(node):
        yield from _claims(path, child, names)


def table(ledger: Ledger) -> list[Row]:
    """One row a specification; the last is the sum."""
    proofs = ledger.proofs()
    rows = []
    for prefix, name in ledger.specs.items():
        mine = [item.id for item in ledger.items if item.prefix == prefix]
        proven = sum(item in proofs for item in mine)
        declined = sum(item in ledger.declined for item in mine)
        rows.append(Row(name, prefix, len(mine), proven, declined))
    return [*rows, Row("all", "", *(sum(counts) for counts in zip(*(row[2:] for row in rows), strict=True)))]


def render(ledger: Ledger) -> str:
    """The page as text."""
    lines = [INTRO, "| Specification | Prefix | Items | Proven | Declined | Not yet |", "|---|---|---:|---:|---:|---:|"]
    lines += [f"| {' | '.join(str(cell) for cell in (*row, row.not_yet))} |" for row in table(ledger)]
    proofs = ledger.proofs()
    for prefix, name in ledger.specs.items():
        lines += ["", f"## {name} ({prefix})", ""]
        lines += [_entry(item, proofs, ledger.declined) for item in ledger.items if item.prefix == prefix]
    return "\n".join(lines) + "\n"


def _entry(item: Item, proofs: Mapping[str, list[str]], declined: Mapping[str, str]) -> str:
    mark = "x" if item.id in proofs else " "
    line = f"- [{mark}] **{item.id}** *{LEVELS[item.level]}* {item.text}"
    if item.id in declined:
        return f"{line} **Declined:** {declined[item.id]}"
    tests = ", ".join(f"`{test}`" for test in proofs.get(item.id, []))
    return f"{line} Proven by {tests}" if tests else line


def main(arguments: list[str]) -> int:
    """Write or check the page; return the exit status."""
    ledger = read_ledger()
    if problems := ledger.problems():
        print("\n".join(problems), file=sys.stderr)
        return 1
    page, text = ROOT / PAGE, render(ledger)
    if "--check" in arguments:
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            print(f"{PAGE} is not what the tests say; run `make conformance` and commit it", file=sys.stderr)
            return 1
        total = table(ledger)[-1]
        counts = f"{total.proven} of {total.items} items proven, {total.declined} declined, {total.not_yet} not yet"
        print(f"conformance: {counts}; {PAGE} is current")
        return 0
    page.write_text(text, encoding="utf-8")
    print(f"{'specification':<26}{'items':>6}{'proven':>8}{'declined':>10}{'not yet':>9}")
    for row in table(ledger):
        print(f"{row.spec:<26}{row.items:>6}{row.proven:>8}{row.declined:>10}{row.not_yet:>9}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
