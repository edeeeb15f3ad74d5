"""The pages about the suites, run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiolibp2p.testing.muxer_suite.contract import MuxerUnderTest
from aiolibp2p.testing.security_suite.contract import SecurityUnderTest
from aiolibp2p.testing.service_suite.contract import ServiceUnderTest

pytest_plugins = ["pytester"]

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
every_page = pytest.mark.parametrize(
    ("layer", "contract"), [("security", SecurityUnderTest), ("muxer", MuxerUnderTest)]
)


def page(layer: str) -> str:
    return (PAGES / f"test-your-own-{layer}.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def written_service() -> list[str]:
    """The module and the program of the page about writing a service."""
    return blocks((PAGES / "write-a-service.md").read_text(encoding="utf-8"))


@every_page
def test_the_page_runs_as_printed(pytester: pytest.Pytester, layer: str, contract: type) -> None:
    pytester.makepyfile("\n\n".join(blocks(page(layer))))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    outcomes = result.parseoutcomes()
    assert {*outcomes} == {"passed"}
    assert outcomes["passed"] >= 35


def test_the_service_that_is_written_runs_as_printed(pytester: pytest.Pytester) -> None:
    module, program = written_service()
    pytester.makepyfile(noticeboard=module, main=program)
    result = pytester.runpython("main.py")
    assert (result.outlines, result.errlines) == (["['tea at four']"], [])


def test_the_service_that_is_written_passes_the_suite_as_printed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(noticeboard=written_service()[0], test_it="\n\n".join(blocks(page("service"))))
    outcomes = pytester.runpytest_subprocess("-p", "no:cacheprovider").parseoutcomes()
    assert {*outcomes} == {"passed"}
    assert outcomes["passed"] >= 29


@pytest.mark.parametrize(
    ("layer", "contract"),
    [("security", SecurityUnderTest), ("muxer", MuxerUnderTest), ("service", ServiceUnderTest)],
)
def test_the_page_names_every_attribute(layer: str, contract: type) -> None:
    named = re.findall(r"^\| `(\w+)`", page(layer), re.MULTILINE)
    assert sorted(named) == sorted(contract.__annotations__)


def test_a_failure_shows_what_was_compared(pytester: pytest.Pytester) -> None:
    """Assertions of the suites are rewritten, as those of one's own tests are."""
    pytester.makepyfile(
        """
        import os
        from aiolibp2p.security.noise import NoiseSecurity
        from aiolibp2p.testing.security_suite import SecuritySuite

        class Nameless(NoiseSecurity):
            protocol_id = "nameless"

        class TestNameless(SecuritySuite):
            def security(self, key):
                return Nameless(key, os.urandom)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-k", "protocol_id")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*where*'nameless'.startswith"])
