"""A sweep over a Ray cluster, which needs the extra `aiolibp2p[ray]`, here and on every machine of the cluster."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.scenario import RunOptions, RunResult
from aiolibp2p.simulator.sweep.runs import RunOne, Sweep, lost_run, run_one

LOCAL = "local"
"""The address that stands for a cluster of this machine's own, for as long as the sweep takes."""

REACH_TIMEOUT_S = 10.0
"""The seconds within which a cluster must answer: Ray itself tries for minutes."""
MAX_REASON_LENGTH = 2000
"""The most characters of an error that a lost run shows."""


def run_on_ray(sweep: Sweep, address: str, jobs: int = 0, run: RunOne = run_one) -> Iterator[RunResult]:
    """Yield the results as runs end, at most `jobs` at a time (0: one for each CPU of the cluster).

    `address` is as Ray takes it (HOST:PORT, ray://HOST:PORT, auto), or "local". Closing the iterator cancels what still
    runs. Raises ConfigError without the extra, ConnectionError when no cluster answers.
    """
    ray = _load()
    was_connected = ray.is_initialized()
    if not was_connected:
        _connect(ray, address)
    pending: dict[Any, RunOptions] = {}
    try:
        yield from _results(ray, sweep, jobs, run, pending)
    finally:
        for reference in pending:
            ray.cancel(reference, force=True)
        if not was_connected:
            ray.shutdown()


def _load() -> Any:
    try:
        import ray
    except ImportError:
        raise ConfigError("a sweep over Ray needs an extra: pip install 'aiolibp2p[ray]'") from None
    return ray


def _connect(ray: Any, address: str) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        # Its processes find what this one finds.
        paths = {"env_vars": {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}}
        ray.init(address=LOCAL, include_dashboard=False, runtime_env=paths, **quiet)
        return
    _reach(address)
    try:
        ray.init(address=address, **quiet)
    except (ValueError, RuntimeError) as error:
        # A ConnectionError passes as it is.
        raise ConfigError(f"no Ray cluster at {address!r}: {error}") from error


def _reach(address: str) -> None:
    """Raise ConnectionError when no cluster answers; Ray itself would try for minutes, and print a lot."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isascii() and port.isdigit()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"no Ray cluster answers at {address}: {error}") from error


def _results(ray: Any, sweep: Sweep, jobs: int, run: RunOne, pending: dict[Any, RunOptions]) -> Iterator[RunResult]:
    remote = ray.remote(num_cpus=1, max_retries=1)(run)
    # Fewer tasks than the cluster has room for would waste it, many more would only fill its queue.
    limit = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting = sweep.options()
    while True:
        while len(pending) < limit and (options := next(waiting, None)) is not None:
            pending[remote.remote(sweep.scenario, options, None)] = options
        if not pending:
            return
        ready, _ = ray.wait(list(pending), num_returns=1)
        for reference in ready:
            yield _result(ray, sweep, reference, pending.pop(reference))


def _result(ray: Any, sweep: Sweep, reference: Any, options: RunOptions) -> RunResult:
    try:
        result = ray.get(reference)
    except ray.exceptions.RayError as error:
        return lost_run(sweep, options, f"Ray lost it: {' '.join(str(error).split())[:MAX_REASON_LENGTH]}")
    assert isinstance(result, RunResult)
    return result
