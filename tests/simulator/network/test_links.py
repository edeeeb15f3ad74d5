"""A link does what its settings say, within two per cent."""

from __future__ import annotations

import itertools
import math
from typing import Literal

import pytest

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import InterfaceConfig, LinkConfig
from simulator.network.lines import PORT, Datagrams, Line
from simulator.waiting import after

MANY = 20_000


def sent(
    link: LinkConfig, interface: InterfaceConfig | None = None, n: int = MANY, every_s: float = 0.01
) -> list[float]:
    """How long each of `n` datagrams took that arrived, in the order they arrived."""

    async def main() -> list[float]:
        line = Line(link, interface)
        inbox, outbox = Datagrams(line.b, PORT), Datagrams(line.a)
        for number in range(n):
            outbox.socket.send_to(number.to_bytes(4), (line.b.ip, PORT))
            await after(every_s)
        await after(10)
        return [at - int.from_bytes(data) * every_s for (data, _), at in zip(inbox.came, inbox.times, strict=True)]

    return run_virtual(main())


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_latency() -> None:
    assert sent(LinkConfig(latency_s=0.1), n=100) == pytest.approx([0.1] * 100, rel=0.02)


@pytest.mark.parametrize(("distribution", "expected_s"), [("uniform", 0.12), ("normal", 0.1), ("exponential", 0.14)])
def test_jitter(distribution: Literal["uniform", "normal", "exponential"], expected_s: float) -> None:
    jitter_s = 0.01 if distribution == "normal" else 0.04
    took = sent(LinkConfig(latency_s=0.1, jitter_s=jitter_s, distribution=distribution), every_s=1.0)
    assert mean(took) == pytest.approx(expected_s, rel=0.02)
    assert len({round(value, 9) for value in took}) > MANY / 10


def test_loss() -> None:
    assert len(sent(LinkConfig(loss=0.2))) == pytest.approx(MANY * 0.8, rel=0.02)


def test_throughput_of_datagrams() -> None:
    async def main() -> float:
        line = Line(LinkConfig(latency_s=0.05), InterfaceConfig(8e6, 8e6, queue_bytes=10_000_000))
        inbox, outbox = Datagrams(line.b, PORT), Datagrams(line.a)
        for _ in range(2000):
            outbox.socket.send_to(bytes(1000), (line.b.ip, PORT))
        await after(10)
        assert len(inbox.came) == 2000
        return inbox.times[-1] - inbox.times[0]

    assert run_virtual(main()) == pytest.approx(1999 * 1000 * 8 / 8e6, rel=0.02)


def test_the_slower_of_the_two_interfaces_counts() -> None:
    async def main() -> float:
        line = Line()
        slow = line.network.attach("slow", "10.0.0.3", InterfaceConfig(math.inf, 1e6, 10_000_000))
        inbox, outbox = Datagrams(slow, PORT), Datagrams(line.a)
        for _ in range(100):
            outbox.socket.send_to(bytes(1000), (slow.ip, PORT))
        await after(10)
        return inbox.times[-1]

    assert run_virtual(main()) == pytest.approx(100 * 8000 / 1e6, rel=0.02)


def test_a_full_queue_drops() -> None:
    async def main() -> tuple[int, int]:
        line = Line(interface=InterfaceConfig(1e6, 1e6, queue_bytes=10_000))
        inbox, outbox = Datagrams(line.b, PORT), Datagrams(line.a)
        for _ in range(100):
            outbox.socket.send_to(bytes(1000), (line.b.ip, PORT))
        await after(10)
        return len(inbox.came), line.network.lost

    came, lost = run_virtual(main())
    assert 10 <= came <= 12
    assert came + lost == 100


def test_datagrams_overtake_one_another() -> None:
    took = sent(LinkConfig(latency_s=0.1, reorder=0.1, reorder_s=0.05), n=5000, every_s=0.02)
    late = [value for value in took if value > 0.12]
    assert len(late) == pytest.approx(500, rel=0.2)
    assert late == pytest.approx([0.15] * len(late), rel=0.02)


def test_without_reordering_they_stay_in_order() -> None:
    async def main() -> list[bytes]:
        line = Line(LinkConfig(latency_s=0.1), InterfaceConfig(1e6, 1e6))
        inbox, outbox = Datagrams(line.b, PORT), Datagrams(line.a)
        for number in range(200):
            outbox.socket.send_to(bytes([number]), (line.b.ip, PORT))
        await after(10)
        return [data for data, _ in inbox.came]

    assert run_virtual(main()) == [bytes([number]) for number in range(200)]


def test_the_same_seed_the_same_trace() -> None:
    async def main(seed: int) -> str:
        line = Line(LinkConfig(latency_s=0.1, jitter_s=0.1, loss=0.1), seed=seed)
        outbox = Datagrams(line.a)
        for _ in range(200):
            outbox.socket.send_to(b"x", (line.b.ip, PORT))
        await after(10)
        return line.trace.sha256

    traces = [run_virtual(main(seed)) for seed in (1, 1, 2)]
    assert traces[0] == traces[1] != traces[2]


def test_settings_that_make_no_sense() -> None:
    for settings in ({"latency_s": -1.0}, {"loss": 1.0}, {"loss": -0.1}, {"reorder": 1.5}, {"jitter_s": -1.0}):
        with pytest.raises(ConfigError):
            LinkConfig(**settings)
    for rates in itertools.product((0.0, -1.0), repeat=2):
        with pytest.raises(ConfigError):
            InterfaceConfig(*rates)


def test_a_datagram_too_long_is_refused() -> None:
    async def main() -> None:
        Datagrams(Line().a).socket.send_to(bytes(70_000), ("10.0.0.2", PORT))

    with pytest.raises(OSError, match="too long"):
        run_virtual(main())
