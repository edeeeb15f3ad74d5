"""Stream sockets: in order, reliable, with windows; and how they end."""

from __future__ import annotations

import asyncio
import random

import pytest

from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import InterfaceConfig, LinkConfig
from simulator.network.lines import PORT, Heard, Line
from simulator.waiting import after

WAN = LinkConfig(latency_s=0.05)
BAD = LinkConfig(latency_s=0.05, jitter_s=0.04, loss=0.05)


@pytest.mark.parametrize("link", [LinkConfig(), WAN, BAD], ids=["near", "far", "bad"])
def test_bytes_arrive_in_order(link: LinkConfig) -> None:
    async def main() -> tuple[bytes, bytes]:
        ours, theirs = await Line(link, InterfaceConfig(1e8, 1e8)).connect()
        source, sent = random.Random(7), []
        for _ in range(200):
            sent.append(source.randbytes(source.randint(1, 40_000)))
            ours.socket.send(sent[-1], len(sent[-1]))
        ours.socket.close()
        await theirs.lost
        return theirs.data, b"".join(sent)

    received, expected = run_virtual(main(), 600)
    assert received == expected


def test_connecting_takes_a_round_trip_and_the_round_trip_is_known() -> None:
    async def main() -> tuple[float, float | None]:
        ours, _ = await Line(WAN).connect()
        return asyncio.get_running_loop().time(), ours.socket.rtt()

    now, rtt = run_virtual(main())
    assert now == pytest.approx(0.15, rel=0.02)
    assert rtt == pytest.approx(0.1, rel=0.02)


def test_a_stream_fills_the_line_after_slow_start() -> None:
    async def main() -> float:
        line = Line(LinkConfig(latency_s=0.1), InterfaceConfig(1e8, 1e8))
        ours, theirs = await line.connect()
        ours.socket.send(bytes(40_000_000), 40_000_000)
        ours.socket.close()
        await theirs.lost
        half = len(theirs.times) // 2
        passed = sum(map(len, theirs.chunks[half + 1 :])) * 8 / (theirs.times[-1] - theirs.times[half])
        assert theirs.times[10] < theirs.times[half]
        return passed

    assert run_virtual(main()) == pytest.approx(1e8, rel=0.02)


def test_slow_start_begins_with_ten_packets() -> None:
    async def main() -> list[float]:
        ours, theirs = await Line(WAN).connect()
        for _ in range(100):
            ours.socket.send(bytes(1460), 1460)
        await after(2)
        return theirs.times

    times = run_virtual(main())
    rounds = [len([t for t in times if n <= (t - times[0]) / 0.1 + 0.01 < n + 1]) for n in range(4)]
    assert rounds[:3] == [10, 20, 40]


def test_two_sockets_share_an_uplink() -> None:
    async def main() -> list[int]:
        line = Line(WAN, InterfaceConfig(1e7, 1e7))
        first = await line.connect()
        line.b.stop_listening(PORT)
        second = await line.connect()
        for ours, _ in (first, second):
            ours.socket.send(bytes(20_000_000), 20_000_000)
        await after(10)
        return [len(theirs.data) for _, theirs in (first, second)]

    one, other = run_virtual(main())
    assert one == pytest.approx(other, rel=0.05)
    assert one + other == pytest.approx(1e7 * 10 / 8, rel=0.1)


def test_a_writer_is_paused_and_resumed() -> None:
    async def main() -> tuple[list[str], int, int]:
        ours, theirs = await Line(WAN, InterfaceConfig(1e7, 1e7)).connect()
        ours.socket.send(bytes(1_000_000), 1_000_000)
        unsent = ours.socket.unsent()
        await after(5)
        return ours.said, unsent, len(theirs.data)

    said, unsent, came = run_virtual(main())
    assert said == ["pause", "resume"]
    assert unsent > 900_000
    assert came == 1_000_000


def test_a_reader_that_takes_nothing_stops_the_writer_and_loses_nothing() -> None:
    async def main() -> tuple[int, int, int]:
        line = Line(WAN)
        ours, theirs = await line.connect()
        line.b.stall(True)
        ours.socket.send(bytes(30_000_000), 30_000_000)
        await after(60)
        held, unsent = len(theirs.data), ours.socket.unsent()
        line.b.stall(False)
        await after(60)
        return held, unsent, len(theirs.data)

    held, unsent, came = run_virtual(main())
    assert held == 0
    assert unsent > 20_000_000
    assert came == 30_000_000


def test_closing_tells_the_peer_after_the_last_byte() -> None:
    async def main() -> tuple[Heard, Heard, int]:
        line = Line(WAN)
        ours, theirs = await line.connect()
        ours.socket.send(b"bye", 3)
        ours.socket.close()
        await after(1)
        return ours, theirs, line.a.socket_count + line.b.socket_count

    ours, theirs, left = run_virtual(main())
    assert (theirs.data, theirs.said) == (b"bye", ["eof", "lost"])
    assert (ours.said, ours.lost_with, theirs.lost_with, left) == (["lost"], None, None, 0)


def test_aborting_resets_the_peer() -> None:
    async def main() -> Heard:
        ours, theirs = await Line(WAN).connect()
        ours.socket.abort()
        await after(1)
        assert ours.said == ["lost"]
        return theirs

    assert isinstance(run_virtual(main()).lost_with, ConnectionResetError)


def test_where_nobody_listens_connecting_is_refused() -> None:
    async def main() -> None:
        line = Line(WAN)
        await line.a.connect(line.b.ip, PORT)

    with pytest.raises(ConnectionRefusedError):
        run_virtual(main())


def test_where_nobody_is_connecting_waits() -> None:
    async def main() -> None:
        line = Line(WAN)
        try:
            async with asyncio.timeout(60):
                await line.a.connect("10.9.9.9", PORT)
        finally:
            assert line.a.socket_count == 0

    with pytest.raises(TimeoutError):
        run_virtual(main())


def test_both_may_connect_to_one_another() -> None:
    async def main() -> tuple[bytes, bytes]:
        line = Line(WAN)
        a, b = await asyncio.gather(line.a.connect(line.b.ip, 5, 5), line.b.connect(line.a.ip, 5, 5))
        ours, theirs = Heard(a), Heard(b)
        a.send(b"from a", 6)
        b.send(b"from b", 6)
        await after(1)
        return ours.data, theirs.data

    assert run_virtual(main()) == (b"from b", b"from a")


def test_what_is_cut_off_waits_and_arrives_when_it_is_healed() -> None:
    async def main() -> tuple[int, int]:
        line = Line(WAN)
        ours, theirs = await line.connect()
        line.network.conditions.partition(["1"], ["2"])
        ours.socket.send(bytes(100_000), 100_000)
        await after(30)
        before = len(theirs.data)
        line.network.conditions.heal()
        await after(15)
        return before, len(theirs.data)

    assert run_virtual(main()) == (0, 100_000)


def test_a_cut_one_way_stops_one_way() -> None:
    async def main() -> tuple[bytes, bytes]:
        line = Line(WAN)
        ours, theirs = await line.connect()
        line.network.conditions.cut("1", "2")
        ours.socket.send(b"there", 5)
        theirs.socket.send(b"back", 4)
        await after(5)
        return theirs.data, ours.data

    assert run_virtual(main()) == (b"", b"back")


def test_two_minutes_of_silence_end_it() -> None:
    async def main() -> tuple[OSError | None, float]:
        line = Line(WAN)
        ours, _ = await line.connect()
        line.network.conditions.cut("1", "2")
        ours.socket.send(b"hello?", 6)
        await ours.lost
        return ours.lost_with, asyncio.get_running_loop().time()

    error, at_s = run_virtual(main())
    assert isinstance(error, TimeoutError)
    assert 120 < at_s < 140


def test_a_machine_that_goes_down_says_nothing_and_knows_nothing_when_it_is_back() -> None:
    async def main() -> tuple[Heard, Heard]:
        line = Line(WAN)
        ours, theirs = await line.connect()
        line.b.take_down()
        ours.socket.send(b"x", 1)
        await after(10)
        assert ours.said == []
        line.b.bring_up()
        await ours.lost
        return ours, theirs

    ours, theirs = run_virtual(main())
    assert isinstance(ours.lost_with, ConnectionResetError)
    assert theirs.said == ["lost"]


def test_a_machine_that_is_down_reaches_nobody() -> None:
    async def main() -> None:
        line = Line(WAN)
        line.a.take_down()
        await line.a.connect(line.b.ip, PORT)

    with pytest.raises(OSError, match="unreachable"):
        run_virtual(main())


def test_a_port_is_taken_once() -> None:
    async def main() -> None:
        line = Line()
        assert line.a.listen(0, lambda socket: None) != line.a.listen(0, lambda socket: None)
        line.a.listen(PORT, lambda socket: None)
        line.a.listen(PORT, lambda socket: None)

    with pytest.raises(OSError, match="in use"):
        run_virtual(main())
