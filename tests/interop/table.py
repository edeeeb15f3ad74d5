"""The table of docs/interop.md: which layers were spoken with which peer, in which direction."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from interop.kinds import DIRECTIONS, LAYERED_KINDS, MUXER_IDS, SECURITY_IDS, layer_cells, psk_cells

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interop.md"
PSK = "psk"
COLUMNS = (*(f"{security} {muxer}" for security in SECURITY_IDS for muxer in MUXER_IDS), PSK)

HEADING = """\
# Interoperability

Every cell is a test against a real peer of another implementation, over TCP on loopback: both sides name the same
peer ids, security and muxer, and ping and echo each other (`tests/interop/test_layers.py`, `test_pnet.py`).
`make interop` runs them all and writes this page. "we dial" and "they dial" say who opened the connection; psk is a
private network below noise and yamux. What must not come about is tested both ways, too: a peer under another id,
nothing in common, another network's key or none (`test_refusals.py`, `test_pnet.py`).
"""

NOTES = """\
A dash: the peer does not have it. Kubo 0.22 has no plaintext; it serves no echo and asks for no ping, so we ping it
alone, and of its connections it tells the peer ids. go speaks mplex by a module of its own, go-libp2p-mplex 0.11.0.

Where peers differ:

- rust agrees on the muxer by multistream, all others inside the security handshake (TLS by ALPN, noise by its
  extension; plaintext has neither).
- The dialer's order of muxers counts, as the spec says. js takes the listener's when it dials over noise: if both
  sides have several and like another one best, that connection is lost, between two js peers as well. Hosts that
  speak mplex to js list it behind yamux, as js does.
- js resets an mplex stream whose reader leaves 4 MiB unread, where the others hold up the connection.
- A peer that hears another network's key may wait for sense, rust and js for ten seconds and more. We leave when the
  time for an upgrade is over.

SECIO has no row: no current peer speaks it. Ours is held to a second implementation of the spec, written apart from it,
in every combination of curve, cipher and hash (`tests/security/secio/second.py`).
"""

Cell = tuple[str, str, str]
"""Name of the peer, direction, column."""


def all_cells() -> list[Cell]:
    """Return the cells that the tests cover."""
    layers = [(kind.name, direction, f"{security} {muxer}") for kind, security, muxer, direction in layer_cells()]
    return layers + [(kind.name, direction, PSK) for kind, direction in psk_cells()]


@dataclass
class Outcomes:
    """The outcome of each cell in this run."""

    passed: dict[Cell, bool] = field(default_factory=dict)
    implementations: dict[str, str] = field(default_factory=dict)

    def record(self, report: pytest.TestReport) -> None:
        """Note the outcome of a test, if it is a cell's; the report may come from another process."""
        told = dict(report.user_properties)
        if report.when != "call" or "cell" not in told:
            return
        name, direction, column = map(str, told["cell"])
        self.passed[name, direction, column] = report.passed
        if "implementation" in told:
            self.implementations[name] = str(told["implementation"])

    @property
    def is_whole(self) -> bool:
        """Return whether no cell is missing."""
        return set(self.passed) == set(all_cells())

    def page(self) -> str:
        """The text of docs/interop.md."""
        return "\n".join([HEADING, *self.table(), "", NOTES])

    def table(self) -> list[str]:
        """Return the table of a peer."""
        lines = [row("", COLUMNS), row("---", ["---"] * len(COLUMNS))]
        for name, direction in itertools.product([kind.name for kind in LAYERED_KINDS], DIRECTIONS):
            title = f"{self.implementations.get(name, name)}, {direction}"
            lines += [row(title, [self._said(name, direction, column) for column in COLUMNS])]
        return lines

    def _said(self, name: str, direction: str, column: str) -> str:
        passed = self.passed.get((name, direction, column))
        return "–" if passed is None else "yes" if passed else "**no**"


def tell_cell(item: pytest.Item, report: pytest.TestReport) -> None:
    """Have the report of a cell's test say which cell it is, for `Outcomes.record`."""
    if hasattr(item, "callspec") and (cell := cell_of(item.name.partition("[")[0], item.callspec.params)):
        report.user_properties.append(("cell", list(cell)))


def cell_of(test: str, params: Mapping[str, object]) -> Cell | None:
    """The cell that a test is about."""
    name = getattr(params.get("kind"), "name", "")
    if test == "test_layers":
        return name, str(params["direction"]), f"{params['security']} {params['muxer']}"
    return (name, str(params["direction"]), PSK) if test == "test_private_network" else None


def row(first: str, rest: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join([first, *rest])} |"
