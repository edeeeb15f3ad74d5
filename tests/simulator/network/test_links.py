"""Links and interfaces: what datagrams meet."""

from __future__ import annotations

import statistics

import pytest

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import Interface, InterfaceConfig, LinkConfig
from simulated_network import Lab

MEGABIT = 1_000_000.0


async def _arrivals(lab: Lab, count: int, size: int = 100, every_s: float = 0.0) -> list[tuple[float, int]]:
    """When each datagram came from a to b after it was sent, and its number."""
    came: list[tuple[float, int]] = []

    def received(data: bytes, _source: tuple[str, int]) -> None:
        number = int.from_bytes(data[:4])
        came.append((lab.loop.time() - number * every_s, number))

    lab.b.bind_udp(9, received)
    sender = lab.a.bind_udp(0, received)
    for number in range(count):
        await lab.until(number * every_s)
        sender.send_to(number.to_bytes(4).ljust(size, b"x"), ("10.0.0.2", 9))
    await lab.wait(1000.0)
    return came


def _run(link: LinkConfig, count: int, a: InterfaceConfig | None = None, **options: float) -> list[tuple[float, int]]:
    async def main() -> list[tuple[float, int]]:
        return await _arrivals(Lab(link, a), count, int(options.get("size", 100)), options.get("every_s", 0.0))

    return run_virtual(main())


def test_latency_is_as_set() -> None:
    assert [came for came, _ in _run(LinkConfig(latency_s=0.08), 10)] == [pytest.approx(0.08)] * 10


def test_datagrams_at_the_same_instant_come_in_order() -> None:
    assert [number for _, number in _run(LinkConfig(latency_s=0.08), 1000)] == list(range(1000))


def test_loss_is_as_set() -> None:
    assert len(_run(LinkConfig(loss=0.2), 40_000)) == pytest.approx(32_000, rel=0.02)


@pytest.mark.parametrize(
    ("distribution", "mean_s", "deviation_s"),
    [("uniform", 0.1, 0.02 / 3**0.5), ("normal", 0.1, 0.02), ("exponential", 0.12, 0.02)],
)
def test_jitter_is_distributed_as_set(distribution: str, mean_s: float, deviation_s: float) -> None:
    link = LinkConfig(latency_s=0.1, jitter_s=0.02, distribution=distribution)  # type: ignore[arg-type]
    delays = [came for came, _ in _run(link, 20_000, every_s=1.0)]
    assert statistics.fmean(delays) == pytest.approx(mean_s, rel=0.02)
    assert statistics.stdev(delays) == pytest.approx(deviation_s, rel=0.03)


def test_a_share_of_datagrams_is_overtaken() -> None:
    came = _run(LinkConfig(latency_s=0.05, reorder=0.1, reorder_s=0.05), 10_000, every_s=0.01)
    late = [number for delay, number in came if delay > 0.09]
    assert len(late) == pytest.approx(1000, rel=0.1)
    assert [number for _, number in came] != sorted(number for _, number in came)


@pytest.mark.parametrize("slow", ["up", "down", "both"])
def test_throughput_is_that_of_the_slower_side(slow: str) -> None:
    async def main() -> float:
        up = InterfaceConfig(up_bits_per_s=8 * MEGABIT) if slow != "down" else None
        down = InterfaceConfig(down_bits_per_s=8 * MEGABIT) if slow != "up" else None
        came = await _arrivals(Lab(LinkConfig(latency_s=0.02), up, down), 1000, size=1000)
        assert len(came) == 1000
        return came[-1][0] - 0.02

    assert run_virtual(main()) == pytest.approx(1.0, rel=0.02)


def test_a_full_queue_drops_datagrams() -> None:
    config = InterfaceConfig(up_bits_per_s=MEGABIT, queue_bytes=50_000)
    assert len(_run(LinkConfig(), 1000, config, size=1000)) == 50


def test_a_full_queue_at_the_receiver_drops_datagrams() -> None:
    async def main() -> int:
        lab = Lab(b=InterfaceConfig(down_bits_per_s=MEGABIT, queue_bytes=50_000))
        return len(await _arrivals(lab, 1000, size=1000))

    assert run_virtual(main()) == 50


def test_the_config_of_an_interface_may_be_replaced() -> None:
    async def main() -> tuple[float, float]:
        lab = Lab()
        times: list[float] = []
        lab.b.bind_udp(9, lambda _data, _source: times.append(lab.loop.time()))
        sender = lab.a.bind_udp(0, lambda _data, _source: None)
        sender.send_to(bytes(1000), ("10.0.0.2", 9))
        lab.a.config = InterfaceConfig(up_bits_per_s=8000)
        sender.send_to(bytes(1000), ("10.0.0.2", 9))
        await lab.wait(10.0)
        return times[0], times[1]

    assert run_virtual(main()) == (0.0, pytest.approx(1.0))


def test_a_node_more_changes_nothing_for_the_others() -> None:
    async def trace(more: bool) -> str:
        lab = Lab(LinkConfig(latency_s=0.05, jitter_s=0.01, loss=0.1), seed=7)
        if more:
            lab.network.attach("c", "10.0.0.3").bind_udp(9, lambda _data, _source: None)
        await _arrivals(lab, 100, every_s=0.01)
        return lab.trace.sha256

    assert run_virtual(trace(False)) == run_virtual(trace(True))


def test_conditions_change_latency_and_loss() -> None:
    async def main() -> list[float]:
        lab = Lab(LinkConfig(latency_s=0.1))
        conditions = lab.network.conditions
        conditions.add_latency_s("a", None, 0.2)
        conditions.add_latency_s("a", "b", 0.4)
        first = (await _arrivals(lab, 1))[0][0]
        conditions.add_latency_s("a", None, -0.2)
        conditions.add_latency_s("a", "b", -0.4)
        assert not conditions.is_set
        conditions.set_loss(None, "b", 1.0)
        sender = lab.a.bind_udp(0, lambda _data, _source: None)
        sender.send_to(b"lost", ("10.0.0.2", 9))
        assert lab.network.lost == 1
        conditions.set_loss(None, "b", None)
        assert not conditions.is_set
        return [first]

    assert run_virtual(main()) == [pytest.approx(0.7)]


def test_interfaces_in_different_groups_do_not_hear_each_other() -> None:
    async def main() -> list[bytes]:
        lab = Lab()
        heard: list[bytes] = []
        interfaces: list[Interface] = [lab.a, lab.b, lab.network.attach("c", "10.0.0.3")]
        sockets = [one.bind_udp(9, lambda data, _source: heard.append(data)) for one in interfaces]
        lab.network.conditions.partition(["a"], ["b"])
        sockets[0].send_to(b"a>b", ("10.0.0.2", 9))
        sockets[0].send_to(b"a>c", ("10.0.0.3", 9))
        sockets[1].send_to(b"b>a", ("10.0.0.1", 9))
        await lab.wait(1.0)
        lab.network.conditions.heal()
        sockets[1].send_to(b"healed", ("10.0.0.1", 9))
        await lab.wait(1.0)
        return heard

    assert run_virtual(main()) == [b"a>c", b"healed"]


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"latency_s": -1.0}, {"reorder": -0.1}])
def test_a_link_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        LinkConfig(**wrong)  # type: ignore[arg-type]


def test_an_interface_without_speed() -> None:
    with pytest.raises(ConfigError):
        InterfaceConfig(up_bits_per_s=0.0)
