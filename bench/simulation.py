"""What a simulated network costs: `python -m bench.simulation` prints a JSON line for each fidelity.

Each run has a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

SCENARIO = "connect-identify-ping"
RUNS = (("fast", 1000), ("full", 50))
CPU_GOAL_S = 60.0
MEMORY_GOAL_BYTES = 2_000_000_000


def main() -> None:
    """Run each, print each, say which missed its goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulation", description=main.__doc__)
    parser.add_argument("--fidelity", choices=[fidelity for fidelity, _ in RUNS], help="this one only, in this process")
    parser.add_argument("--nodes", type=int, help="how many nodes it has")
    arguments = parser.parse_args()
    if arguments.fidelity:
        nodes = arguments.nodes or dict(RUNS)[arguments.fidelity]
        print(json.dumps(measure(arguments.fidelity, nodes)), flush=True)
        return
    for fidelity, nodes in RUNS:
        command = [sys.executable, "-m", "bench.simulation", "--fidelity", fidelity, "--nodes", str(nodes)]
        subprocess.run(command, check=True)


def measure(fidelity: str, nodes: int) -> dict[str, object]:
    """One run: its processor time, its events a second of that, its memory a node."""
    from aiolibp2p.simulator.run import run_scenario
    from aiolibp2p.simulator.scenario import RunOptions
    from aiolibp2p.simulator.scenarios import find

    scenario = find(SCENARIO)
    before = _peak_bytes()
    began_s = time.process_time()
    result = run_scenario(scenario, RunOptions(1, nodes, "fast" if fidelity == "fast" else "full"))
    cpu_s = time.process_time() - began_s
    peak = _peak_bytes()
    return {
        "figure": f"simulate-{fidelity}",
        "nodes": nodes,
        "virtual_s": result.virtual_s,
        "cpu_s": round(cpu_s, 2),
        "events": result.events,
        "events_per_cpu_s": round(result.events / cpu_s),
        "peak_bytes": peak,
        "bytes_per_node": round((peak - before) / nodes),
        "violations": len(result.violations),
        "met": cpu_s < CPU_GOAL_S and peak < MEMORY_GOAL_BYTES and not result.violations,
    }


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
