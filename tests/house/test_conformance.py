"""The conformance page: what it reads out of tests, and what it refuses."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from house.source import ROOT

TEXT = """
import pytest
pytestmark = [pytest.mark.spec("NOI-1")]

@pytest.mark.spec("NOI-2", "NOI-3")
async def test_a(): ...

@pytest.mark.spec("NOI-4")
class TestB:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.spec("NOI-5"))])
    def test_c(self, x): ...
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance_script", ROOT / "scripts/conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_markers_name_items(script: ModuleType) -> None:
    ledger = script.read_ledger()
    assert len(ledger.items) == len({item.id for item in ledger.items})
    assert {item.prefix for item in ledger.items} == set(ledger.specs)
    assert ledger.problems() == []


def test_reads_every_kind_of_marker(script: ModuleType) -> None:
    claims = script.read_claims("tests/test_x.py", TEXT)
    assert {claim.item: claim.where for claim in claims} == {
        "NOI-1": "tests/test_x.py",
        "NOI-2": "tests/test_x.py::test_a",
        "NOI-3": "tests/test_x.py::test_a",
        "NOI-4": "tests/test_x.py::TestB",
        "NOI-5": "tests/test_x.py::TestB::test_c",
    }


def test_refuses_what_names_no_item(script: ModuleType) -> None:
    items = tuple(script.Item(f"NOI-{number}", "M", "text") for number in range(1, 5))
    claims = tuple(script.read_claims("tests/test_x.py", TEXT))
    declined = {"NOI-4": "out of scope", "NOI-9": "no such item", "NOI-1": " "}
    problems = script.Ledger({"NOI": "noise"}, items, declined, claims).problems()
    assert len(problems) == 5
    assert "tests/test_x.py:10: 'NOI-5' names no item" in problems[0]


def test_page_counts_and_lists(script: ModuleType) -> None:
    items = tuple(script.Item(f"NOI-{number}", "M", f"text {number}") for number in range(1, 4))
    claims = (script.Claim("NOI-2", "tests/test_x.py", 6, "test_a"),)
    ledger = script.Ledger({"NOI": "noise"}, items, {"NOI-3": "why"}, claims)
    page = script.render(ledger)
    assert "| noise | NOI | 3 | 1 | 1 | 1 |" in page
    assert "- [ ] **NOI-1** *must* text 1\n- [x] **NOI-2** *must* text 2 Proven by `tests/test_x.py::test_a`\n" in page
    assert "- [ ] **NOI-3** *must* text 3 **Declined:** why" in page
    assert page == script.render(ledger)
