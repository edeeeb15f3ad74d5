"""docs/interop.md says what the tests cover, and nothing else."""

from __future__ import annotations

import json
import re

import pytest

from interop.builds import SOURCES
from interop.kinds import LAYERED_KINDS
from interop.table import COLUMNS, HEADING, NOTES, PAGE, PSK, Outcomes, all_cells


def test_the_committed_table_names_exactly_the_cells_that_are_tested() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(HEADING)
    assert text.endswith(NOTES)
    written = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert tuple(written[0]) == COLUMNS
    told = Outcomes(
        passed=dict.fromkeys(all_cells(), True),
        implementations={kind.name: written[2 + 2 * n][0].rpartition(", ")[0] for n, kind in enumerate(LAYERED_KINDS)},
    )
    assert text == told.page()


def test_outcomes_are_gathered_from_the_reports_of_several_processes() -> None:
    outcomes = Outcomes()
    for when, properties in [
        ("setup", [("cell", ["go", "we dial", PSK])]),
        ("call", []),
        ("call", [("implementation", "go-libp2p v1"), ("cell", ["go", "they dial", PSK])]),
    ]:
        sent = json.loads(json.dumps(properties))
        outcomes.record(pytest.TestReport("a test", ("file", 1, "it"), {}, "passed", None, when, user_properties=sent))
    assert outcomes.passed == {("go", "they dial", PSK): True}
    assert outcomes.implementations == {"go": "go-libp2p v1"}


def test_a_partial_run_is_no_table() -> None:
    outcomes = Outcomes(passed=dict.fromkeys(all_cells()[1:], True))
    assert not outcomes.is_whole
    outcomes.passed[all_cells()[0]] = False
    assert outcomes.is_whole
    assert outcomes.page().count("**no**") == 1


@pytest.mark.parametrize(
    ("pinned_in", "pin", "told_as"),
    [
        ("go/go.mod", r"/go-libp2p (v\S+)$", "| go-libp2p {}, we dial"),
        ("go/go.mod", r"/go-libp2p-mplex v(\S+)$", "go-libp2p-mplex {}."),
        ("rust/Cargo.toml", r'^libp2p = .*version = "=([^"]+)"', "| rust-libp2p v{}, we dial"),
        ("js/package.json", r'"libp2p": "([^"]+)"', "| js-libp2p {}, we dial"),
        ("kubo/peer.py", r'^IMPLEMENTATION = "(.+)"', "| {}, we dial"),
    ],
)
def test_the_committed_table_is_of_the_versions_that_are_pinned(pinned_in: str, pin: str, told_as: str) -> None:
    found = re.search(pin, (SOURCES / pinned_in).read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    assert told_as.format(found[1]) in PAGE.read_text(encoding="utf-8")
