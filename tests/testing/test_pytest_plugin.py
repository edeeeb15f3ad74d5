"""The fixtures for protocols of one's own, used as a project would; and their page, as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "test-your-own-protocol.md"
OPTIONS = ("-p", "aiolibp2p.testing.pytest_plugin", "-p", "no:cacheprovider")


def run(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess(*OPTIONS, *options)


def test_the_page_runs_as_printed(pytester: pytest.Pytester) -> None:
    conftest, *blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    pytester.makeconftest(conftest)
    pytester.makepyfile("\n\n".join(blocks))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)


def test_a_failed_assertion_is_shown_with_the_way_to_replay_it(pytester: pytest.Pytester) -> None:
    source = """
        def test_it(host_pair):
            async def program(client, server):
                assert client.peer_id == server.peer_id
            host_pair(program, seed=5)
    """
    result = run(pytester, source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert*client*", "*seed 5, *", "*the last events:", "*--simulator-seed 5"])


def test_an_invariant_that_breaks_fails_the_test(pytester: pytest.Pytester) -> None:
    source = """
        def test_it(host_pair):
            async def fails(stream):
                raise RuntimeError("in the handler")
            async def program(client, server):
                server.set_stream_handler("/fails", fails)
                stream = await client.new_stream(server.peer_id, "/fails")
                await stream.write(b"x")
                try:
                    await stream.read()
                except Exception:
                    pass
            host_pair(program)
    """
    result = run(pytester, source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*log: handler of /fails failed*in the handler*", "*the last events:*"])


def test_an_exception_that_comes_of_a_violation_tells_it(pytester: pytest.Pytester) -> None:
    source = """
        def test_it(host_pair):
            async def fails(stream):
                await stream.read(1)
                raise RuntimeError("in the handler")
            async def program(client, server):
                server.set_stream_handler("/fails", fails)
                stream = await client.new_stream(server.peer_id, "/fails")
                await stream.write(b"x")
                await stream.read()
            host_pair(program)
    """
    result = run(pytester, source, "--show-capture=no")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*StreamReset: the peer reset the stream", "*seed 1, *", "* s  log: handler of /fails failed*in the handler"]
    )


def test_a_program_may_fail_skip_or_expect_to_fail(pytester: pytest.Pytester) -> None:
    source = """
        import pytest
        @pytest.mark.parametrize("end", [pytest.fail, pytest.skip, pytest.xfail])
        def test_it(simulated_network, end):
            async def program(simulation):
                end("in my own words")
            simulated_network(program, seed=5)
    """
    result = run(pytester, source, "-rsx")
    result.assert_outcomes(failed=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["*Failed: in my own words", "*--simulator-seed 5", "SKIPPED*: in my own words"])


def test_the_seed_can_be_chosen_and_decides(pytester: pytest.Pytester) -> None:
    source = """
        import pytest
        @pytest.mark.parametrize("fidelity", ["full", "fast"])
        def test_it(simulated_network, fidelity):
            async def program(simulation):
                one, other = simulation.add_node(), simulation.add_node()
                await simulation.start_nodes()
                await one.running.ping(other.address)
            traces = [simulated_network(program, fidelity=fidelity).trace_sha256 for _ in range(2)]
            assert traces[0] == traces[1]
            print("trace", fidelity, traces[0])
    """
    seen = []
    for seed in ("1", "1", "2"):
        result = run(pytester, source, "-s", "--simulator-seed", seed)
        result.assert_outcomes(passed=2)
        seen.append(re.findall(r"trace \w+ [0-9a-f]+", result.stdout.str()))
    assert seen[0] == seen[1]
    assert not {*seen[0]} & {*seen[2]}


def test_coroutine_tests_run_under_virtual_time_when_they_are_marked(pytester: pytest.Pytester) -> None:
    source = """
        import asyncio, time, pytest

        @pytest.mark.virtual_time
        async def test_marked():
            await asyncio.sleep(100_000)
            assert asyncio.get_running_loop().time() == 100_000

        async def test_not_marked():
            assert asyncio.get_running_loop().time() != 0
            assert type(asyncio.get_running_loop()).__name__ != "VirtualTimeLoop"
    """
    result = run(pytester, source, "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    result.assert_outcomes(passed=2)


def test_without_pytest_asyncio_the_fixtures_work(pytester: pytest.Pytester) -> None:
    source = """
        import asyncio

        def test_it(virtual_time):
            assert virtual_time(asyncio.sleep(1e6, "woken"), limit_s=None) == "woken"
    """
    result = run(pytester, source, "-p", "no:asyncio")
    result.assert_outcomes(passed=1)


def test_a_deadlock_names_who_waits(pytester: pytest.Pytester) -> None:
    source = """
        import asyncio

        def test_it(virtual_time):
            virtual_time(asyncio.Event().wait())
    """
    result = run(pytester, source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Deadlock: deadlock: nothing is scheduled*Task-*"])
