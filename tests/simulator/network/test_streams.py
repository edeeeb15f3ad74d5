"""Stream sockets: in order, at the speed of the link, and what cuts, crashes and slow readers do to them."""

from __future__ import annotations

import asyncio
import random

import pytest

from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import InterfaceConfig, LinkConfig, StreamSocket
from aiolibp2p.simulator.network.window import RECEIVE_WINDOW_BYTES
from simulated_network import Collector, Ends, Lab

MEGABIT = 1_000_000.0


def test_connecting_takes_a_round_trip_and_rtt_is_one() -> None:
    async def main() -> tuple[float, float | None, float | None]:
        lab = Lab(LinkConfig(latency_s=0.1))
        lab.b.listen(1, lambda _socket: None)
        socket = await lab.a.connect("10.0.0.2", 1)
        connected_s = lab.loop.time()
        ends = await lab.connect()
        return connected_s, socket.rtt(), ends.server.rtt()

    assert run_virtual(main()) == (pytest.approx(0.2), pytest.approx(0.2), pytest.approx(0.2))


@pytest.mark.parametrize(
    "link",
    [
        LinkConfig(latency_s=0.02),
        LinkConfig(latency_s=0.02, jitter_s=0.02),
        LinkConfig(latency_s=0.02, loss=0.05),
        LinkConfig(latency_s=0.02, jitter_s=0.02, distribution="exponential", loss=0.1, reorder=0.3),
    ],
)
def test_bytes_come_whole_and_in_order(link: LinkConfig) -> None:
    data = random.Random(1).randbytes(1_000_000)

    async def main() -> tuple[bytes, bytes, list[str]]:
        lab = Lab(link)
        ends = await lab.connect()
        for at in range(0, len(data), 100_000):
            ends.client.send(data[at : at + 100_000], 100_000)
            ends.server.send(data[at : at + 1000], 1000)
        ends.client.close()
        await lab.wait(60.0)
        return ends.at_server.data, ends.at_client.data, ends.at_server.said

    at_server, _, said = run_virtual(main())
    assert at_server == data
    assert said == ["eof"]


@pytest.mark.parametrize("slow", ["up", "down", "both"])
def test_throughput_is_that_of_the_slower_side(slow: str) -> None:
    async def main() -> float:
        up = InterfaceConfig(up_bits_per_s=80 * MEGABIT) if slow != "down" else None
        down = InterfaceConfig(down_bits_per_s=80 * MEGABIT) if slow != "up" else None
        lab = Lab(LinkConfig(latency_s=0.01), up, down)
        ends = await lab.connect()
        ends.client.send(bytes(40_000_000), 40_000_000)
        await lab.wait(10.0)
        times = ends.at_server.times
        half = len(times) // 2
        return (len(times) - 1 - half) * 16_384 * 8 / (times[-1] - times[half])

    assert run_virtual(main()) == pytest.approx(80 * MEGABIT, rel=0.02)


def test_two_streams_share_an_uplink_and_a_small_message_does_not_wait_behind_them() -> None:
    async def main() -> tuple[int, int, float]:
        lab = Lab(LinkConfig(latency_s=0.01), InterfaceConfig(up_bits_per_s=80 * MEGABIT))
        ends = [await lab.connect(port=port) for port in (1, 2, 3)]
        for bulk in ends[:2]:
            bulk.client.send(bytes(20_000_000), 20_000_000)
        await lab.wait(2.0)
        sent_s = lab.loop.time()
        ends[2].client.send(b"ping", 4)
        await lab.wait(1.0)
        return ends[0].at_server.received, ends[1].at_server.received, ends[2].at_server.times[0] - sent_s

    one, other, latency_s = run_virtual(main())
    assert one == pytest.approx(other, rel=0.02)
    assert latency_s < 0.03


def test_an_object_arrives_as_it_is_and_weighs_what_is_said() -> None:
    class Frame:
        def checksum(self) -> int:
            return 7

    async def main() -> None:
        lab = Lab(a=InterfaceConfig(up_bits_per_s=8000))
        ends = await lab.connect()
        frame = Frame()
        began_s = lab.loop.time()
        ends.client.send(frame, 1000)
        await lab.wait(10.0)
        assert ends.at_server.payloads == [frame]
        assert ends.at_server.times[0] - began_s == pytest.approx(1.0)
        assert lab.trace.last[-1].endswith("data a>b 1000 00000007")

    run_virtual(main())


def test_a_stream_goes_on_after_a_cut() -> None:
    async def main() -> tuple[int, int, bytes]:
        lab = Lab(LinkConfig(latency_s=0.05))
        ends = await lab.connect()
        lab.network.conditions.partition(["a"], ["b"])
        ends.client.send(b"x" * 100_000, 100_000)
        await lab.wait(60.0)
        during = ends.at_server.received
        lab.network.conditions.heal()
        await lab.wait(20.0)
        ends.client.send(b"end", 3)
        await lab.wait(1.0)
        return during, ends.at_server.received, ends.at_server.data[-3:]

    assert run_virtual(main()) == (0, 100_003, b"end")


def test_a_cut_ends_a_stream_that_has_something_to_say_after_two_minutes() -> None:
    async def main() -> tuple[list[str], OSError | None, list[str]]:
        lab = Lab(LinkConfig(latency_s=0.05))
        ends = await lab.connect()
        lab.network.conditions.partition(["a"], ["b"])
        ends.client.send(b"hello", 5)
        await lab.wait(119.0)
        assert ends.at_client.said == []
        await lab.wait(12.0)
        return ends.at_client.said, ends.at_client.error, ends.at_server.said

    said, error, other = run_virtual(main())
    assert said == ["lost"]
    assert isinstance(error, TimeoutError)
    assert other == []


def test_of_a_one_way_cut_the_other_way_still_delivers_and_is_not_answered() -> None:
    async def main() -> tuple[bytes, bytes, list[str], bytes]:
        lab = Lab(LinkConfig(latency_s=0.05))
        ends = await lab.connect()
        lab.network.conditions.cut("b", "a")
        ends.client.send(b"a>b", 3)
        ends.server.send(b"b>a", 3)
        await lab.wait(30.0)
        there, back = ends.at_server.data, ends.at_client.data
        await lab.wait(101.0)
        said = list(ends.at_client.said)
        return there, back, said, ends.at_server.data

    assert run_virtual(main()) == (b"a>b", b"", ["lost"], b"a>b")


def test_what_was_delivered_and_not_answered_is_not_delivered_twice() -> None:
    async def main() -> tuple[bytes, list[str]]:
        lab = Lab(LinkConfig(latency_s=0.05))
        ends = await lab.connect()
        lab.network.conditions.cut("b", "a")
        ends.client.send(b"1", 1)
        await lab.wait(10.0)
        lab.network.conditions.heal()
        ends.client.send(b"2", 1)
        await lab.wait(200.0)
        return ends.at_server.data, ends.at_client.said

    assert run_virtual(main()) == (b"12", [])


def test_a_node_that_crashed_is_silent_and_then_answers_with_a_reset() -> None:
    async def main() -> None:
        lab = Lab(LinkConfig(latency_s=0.05))
        ends = await lab.connect()
        lab.b.take_down()
        ends.client.send(b"hello", 5)
        await lab.wait(30.0)
        assert ends.at_client.said == ends.at_server.said == []
        lab.b.bring_up()
        await lab.wait(20.0)
        assert ends.at_client.said == ["lost"]
        assert isinstance(ends.at_client.error, ConnectionResetError)
        assert ends.at_server.said == []
        ends.server.close()
        await lab.wait(1.0)
        assert ends.at_server.said == ["lost"]

    run_virtual(main())


def test_connecting_to_nobody() -> None:
    async def main() -> None:
        lab = Lab(LinkConfig(latency_s=0.05))
        with pytest.raises(ConnectionRefusedError):
            await lab.a.connect("10.0.0.2", 1)
        assert lab.loop.time() == pytest.approx(0.1)
        with pytest.raises(OSError, match="No route"):
            await lab.a.connect("10.0.0.99", 1)
        lab.b.take_down()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lab.a.connect("10.0.0.2", 1), 60.0)
        with pytest.raises(OSError, match="down"):
            await lab.b.connect("10.0.0.1", 1)

    run_virtual(main())


def test_connecting_tries_again() -> None:
    async def main() -> float:
        lab = Lab(LinkConfig(latency_s=0.05))
        lab.b.listen(1, lambda _socket: None)
        lab.network.conditions.cut("a", "b")
        lab.loop.call_later(2.0, lab.network.conditions.heal)
        await lab.a.connect("10.0.0.2", 1)
        return lab.loop.time()

    assert run_virtual(main()) == pytest.approx(3.1)


def test_a_slow_reader_stops_the_sender_and_pauses_writing() -> None:
    async def main() -> None:
        lab = Lab(LinkConfig(latency_s=0.01))
        ends = await lab.connect()
        lab.b.stall(True)
        ends.client.send(bytes(20_000_000), 20_000_000)
        await lab.wait(600.0)
        assert ends.at_server.received == 0
        assert ends.at_client.said == ["pause"]
        delivered = lab.network.delivered * 16_384
        assert RECEIVE_WINDOW_BYTES - 100_000 < delivered < RECEIVE_WINDOW_BYTES + 200_000
        lab.b.stall(False)
        await lab.wait(10.0)
        assert ends.at_server.received == 20_000_000
        assert ends.at_client.said == ["pause", "resume"]

    run_virtual(main())


def test_what_comes_before_the_receiver_is_kept() -> None:
    async def main() -> tuple[bytes, list[str]]:
        lab = Lab(LinkConfig(latency_s=0.05))
        accepted: list[StreamSocket] = []
        lab.b.listen(1, accepted.append)
        socket = await lab.a.connect("10.0.0.2", 1)
        socket.send(b"early", 5)
        socket.close()
        await lab.wait(1.0)
        receiver = Collector()
        accepted[0].start(receiver)
        assert receiver.payloads == []
        await lab.wait(1.0)
        return receiver.data, receiver.said

    assert run_virtual(main()) == (b"early", ["eof"])


def test_closing_and_aborting() -> None:
    async def main() -> None:
        lab = Lab(LinkConfig(latency_s=0.05))
        ends = await lab.connect()
        ends.client.send(b"last words", 10)
        ends.client.close()
        await lab.wait(1.0)
        assert (ends.at_client.said, ends.at_client.error) == (["lost"], None)
        assert (ends.at_server.data, ends.at_server.said) == (b"last words", ["eof"])
        ends.server.close()
        await lab.wait(1.0)
        assert (ends.at_server.said, ends.at_server.error) == (["eof", "lost"], None)
        ends = await lab.connect()
        ends.client.abort()
        await lab.wait(1.0)
        assert (ends.at_client.said, ends.at_client.error) == (["lost"], None)
        assert ends.at_server.said == ["lost"]
        assert isinstance(ends.at_server.error, ConnectionResetError)

    run_virtual(main())


def test_same_seed_same_trace() -> None:
    async def main(seed: int) -> str:
        lab = Lab(LinkConfig(latency_s=0.02, jitter_s=0.01, loss=0.02), seed=seed)
        ends: list[Ends] = [await lab.connect(port=port) for port in range(1, 10)]
        for end in ends:
            end.client.send(bytes(100_000), 100_000)
        await lab.wait(30.0)
        return lab.trace.sha256

    assert run_virtual(main(1)) == run_virtual(main(1)) != run_virtual(main(2))


def test_a_link_that_loses_all_is_silence() -> None:
    async def main() -> tuple[bytes, list[str]]:
        lab = Lab(LinkConfig(latency_s=0.05))
        ends = await lab.connect()
        lab.network.conditions.set_loss("a", "b", 1.0)
        ends.client.send(b"hello", 5)
        await lab.wait(200.0)
        return ends.at_server.data, ends.at_client.said

    assert run_virtual(main()) == (b"", ["lost"])


def test_who_is_connecting_when_listening_ends_is_refused() -> None:
    async def main() -> None:
        lab = Lab(LinkConfig(latency_s=0.05))
        lab.b.listen(1, lambda _socket: pytest.fail("it listens no more"))
        lab.loop.call_later(0.12, lab.b.stop_listening, 1)
        ends = Collector()
        socket = await lab.a.connect("10.0.0.2", 1)
        socket.start(ends)
        await lab.wait(1.0)
        assert ends.said == ["lost"]

    run_virtual(main())
