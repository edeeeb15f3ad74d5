"""The results of `p2p simulate`: each as its run ends, in the order of the seeds, and all of them at the end."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from aiolibp2p.cli.output import Output, shown, typed_command
from aiolibp2p.cli.simulate import table
from aiolibp2p.cli.simulate.progress import Progress
from aiolibp2p.simulator.report.figures import thinned

if TYPE_CHECKING:
    from aiolibp2p.simulator.scenario import RunResult, Scenario
    from aiolibp2p.simulator.sweep.runs import Sweep

MAX_SHOWN_VIOLATIONS = 10
"""The most violations of one run that people are shown."""
MAX_SHOWN_EVENTS = 20
"""The last events of a failed run that people are shown, about a screen; with -v all that were kept."""

MAX_SHOWN_FAILURES = 5
"""Failed runs whose violations people are shown in full."""


class Outcome:
    """The results of a sweep, printed as they come."""

    def __init__(self, sweep: Sweep, scenario: Scenario, output: Output, verbose: int = 0) -> None:
        self.results: list[RunResult] = []
        """The results printed already, in the order of the seeds."""
        self._sweep = sweep
        self._scenario = scenario
        self._output = output
        self._verbose = verbose
        self._held: dict[int, RunResult] = {}
        self._failed: list[RunResult] = []
        self._progress = Progress(len(sweep.seeds), not output.as_json, time.monotonic)
        self._began_at = time.monotonic()

    @property
    def has_failed(self) -> bool:
        """Whether a run has broken an invariant."""
        return bool(self._failed)

    def moved(self, seed: int, virtual_s: float) -> None:
        """Show how far the run of this seed is, in virtual seconds."""
        self._progress.moved(seed, virtual_s)

    def ended(self, result: RunResult) -> None:
        """Take the result of a run; it is printed when all before it have been."""
        self._progress.ended(bool(result.violations))
        self._held[result.options.seed] = thinned(result, len(self._sweep.seeds))
        while len(self.results) < len(self._sweep.seeds):
            following = self._held.pop(self._sweep.seeds[len(self.results)], None)
            if following is None:
                return
            self._tell(following)

    def finished(self) -> None:
        """Print the summary, after all runs have ended."""
        self._progress.clear()
        self._conclude()

    def stopped(self) -> None:
        """Print the results that are held back of a sweep that was stopped, and the summary of the runs that ended."""
        self._progress.clear()
        for seed in sorted(self._held):
            self._tell(self._held[seed])
        self._held.clear()
        self._output.hint(f"stopped: {len(self.results)} of {len(self._sweep.seeds)} runs had ended")
        if self.results:
            self._conclude()

    def reported(self, page: str) -> None:
        """Print where the report was written."""
        self._output.hint(f"report: {page}")

    def replay(self, result: RunResult) -> str:
        """Return the command line that shows this run again."""
        options = result.options
        words = ["simulate", self._sweep.scenario, "--seed", str(options.seed)]
        if options.nodes is not None:
            words += ["--nodes", str(options.nodes)]
        if options.fidelity is not None:
            words += ["--fidelity", options.fidelity]
        return f"{typed_command()} {shlex.join(words)}"

    def _tell(self, result: RunResult) -> None:
        self.results.append(result)
        if result.violations:
            self._failed.append(result)
        if self._output.as_json:
            self._output.record("", self._summary(result))
        elif result.violations and len(self._failed) <= MAX_SHOWN_FAILURES:
            self._progress.clear()
            for line in self._failure(result):
                self._output.hint(line)

    def _conclude(self) -> None:
        if self._output.as_json:
            # Whoever reads the last line alone learns of the first failure.
            if self._failed and self._failed[0] is not self.results[-1]:
                self._output.record("", self._summary(self._failed[0]))
            return
        for line in table.lines(self.results):
            self._output.hint(line)
        self._output.hint(table.verdict(self.results, time.monotonic() - self._began_at))
        if self._failed:
            self._output.hint(f"replay the first failure: {self.replay(self._failed[0])}")

    def _summary(self, result: RunResult) -> dict[str, object]:
        fields: dict[str, object] = {
            "event": "summary",
            "scenario": result.scenario,
            "seed": result.options.seed,
            "nodes": result.nodes,
            "fidelity": result.fidelity,
            "virtual_s": round(result.virtual_s, 9),
            "wall_s": round(result.wall_s, 3),
            "events": result.events,
            "trace_sha256": result.trace_sha256,
            "violations": [{"at_s": one.at_s, "checker": one.checker, "what": one.what} for one in result.violations],
        }
        if result.violations:
            fields["replay"] = self.replay(result)
            fields["last_events"] = list(result.last_events[-MAX_SHOWN_EVENTS:])
        return fields

    def _failure(self, result: RunResult) -> list[str]:
        many = len(result.violations)
        lines = [f"seed {result.options.seed}: {many} violation{'s' if many > 1 else ''}"]
        kept = many if self._verbose else MAX_SHOWN_VIOLATIONS
        lines += [f"  at {one.at_s:.6f} s  {one.checker}: {shown(one.what)}" for one in result.violations[:kept]]
        if many > kept:
            lines.append(f"  and {many - kept} more (-v shows them)")
        events = result.last_events if self._verbose else result.last_events[-MAX_SHOWN_EVENTS:]
        if events:
            lines += ["  the last events:", *(f"    {shown(event)}" for event in events)]
        return [*lines, f"  replay: {self.replay(result)}", ""]
