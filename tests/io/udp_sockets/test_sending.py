"""Sending never waits and never raises: what the kernel takes leaves, what it has no room for waits a little."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.io.udp_sockets import UdpConfig
from aiolibp2p.io.udp_sockets.sending import MAX_RUN_BYTES, MAX_RUN_DATAGRAMS, Sender
from support.fake_kernel import REMOTE, FakeKernel


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def sender_over(kernel: FakeKernel, is_cut: bool = True, config: UdpConfig | None = None) -> Sender:
    return Sender(cast(Any, kernel), config or UdpConfig(), is_cut)


# Runs


@pytest.mark.virtual_time
async def test_datagrams_of_one_size_leave_in_one_call_with_a_shorter_one_behind() -> None:
    kernel = FakeKernel()
    sender = sender_over(kernel)
    batch = [b"a" * 100] * 5 + [b"b" * 40] + [b"c" * 60] * 2 + [b"d" * 61]
    sender.send_batch(batch, REMOTE)
    assert kernel.sent == batch
    assert kernel.calls == [6, 2, 1]
    assert (sender.datagrams, sender.bytes) == (len(batch), sum(map(len, batch)))


@pytest.mark.virtual_time
async def test_a_run_is_as_long_as_a_kernel_takes() -> None:
    kernel = FakeKernel()
    sender = sender_over(kernel)
    sender.send_batch([b"a"] * (MAX_RUN_DATAGRAMS + 1), REMOTE)
    assert kernel.calls == [MAX_RUN_DATAGRAMS, 1]
    kernel.calls.clear()
    sender.send_batch([bytes(1472)] * 50, REMOTE)
    assert kernel.calls == [MAX_RUN_BYTES // 1472, 50 - MAX_RUN_BYTES // 1472]


@given(st.lists(st.integers(0, 4).map(bytes) | st.binary(max_size=6), max_size=200), st.booleans())
def test_whatever_the_sizes_all_leave_in_order(batch: list[bytes], is_cut: bool) -> None:
    async def sent() -> FakeKernel:
        kernel = FakeKernel()
        sender_over(kernel, is_cut).send_batch(batch, REMOTE)
        return kernel

    kernel = asyncio.run(sent())
    assert kernel.sent == batch
    assert is_cut or set(kernel.calls) <= {1}


@pytest.mark.virtual_time
@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL])
async def test_a_kernel_that_cannot_cut_is_asked_once(number: int) -> None:
    kernel = FakeKernel()
    kernel.run_error = os_error(number)
    sender = sender_over(kernel)
    sender.send_batch([b"a" * 9] * 3, REMOTE)
    assert kernel.calls == [1, 1, 1]
    assert not sender.is_cut
    kernel.run_error = None
    sender.send_batch([b"a" * 9] * 3, REMOTE)
    assert kernel.calls == [1] * 6
    assert (sender.datagrams, sender.errors) == (6, 0)


@pytest.mark.virtual_time
async def test_a_remote_that_cannot_be_sent_to_turns_nothing_off() -> None:
    kernel = FakeKernel()
    kernel.run_error = os_error(errno.EINVAL)
    kernel.errors.extend([os_error(errno.EINVAL)] * 3)
    sender = sender_over(kernel)
    sender.send_batch([b"a" * 9] * 3, ("192.0.2.1", 0))
    assert sender.is_cut
    assert sender.errors == 3
    kernel.run_error = os_error(errno.EMSGSIZE)
    sender.send_batch([b"a" * 9] * 3, REMOTE)
    assert sender.is_cut
    assert kernel.calls == [1, 1, 1]


# Errors


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "number", [errno.ECONNREFUSED, errno.EMSGSIZE, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EPERM, errno.ENOBUFS]
)
async def test_errors_are_counted_and_the_next_one_leaves(number: int) -> None:
    kernel = FakeKernel()
    kernel.errors.append(os_error(number))
    sender = sender_over(kernel)
    sender.send(b"one", REMOTE)
    sender.send(b"two", REMOTE)
    assert kernel.sent == [b"two"]
    assert (sender.errors, sender.datagrams, sender.dropped) == (1, 1, 0)


# A kernel without room: sockets of the Unix family say so over one machine, where UDP drops at the receiver


class Full:
    """A sender whose receiver reads only when told."""

    def __init__(self, config: UdpConfig, path: str) -> None:
        self.path = path
        self.receiving = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.receiving.bind(path)
        self.receiving.setblocking(False)
        self._sending = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sending.setblocking(False)
        self.sender = Sender(self._sending, config, is_cut=False)

    def send(self, data: bytes) -> None:
        self.sender.send(data, cast(Any, self.path))

    def fill(self) -> int:
        """Send until the kernel takes no more; how many it took."""
        taken = -1
        while self.sender.datagrams > taken:
            taken = self.sender.datagrams
            self.send(b"full %d" % taken)
        return taken

    def read(self) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.receiving.recv(100))
            except BlockingIOError:
                return found

    def close(self) -> None:
        self.sender.close()
        self._sending.close()
        self.receiving.close()


@pytest.fixture
def made(tmp_path: Any) -> Iterator[list[Full]]:
    made: list[Full] = []
    yield made
    for one in made:
        one.close()


async def test_what_finds_no_room_leaves_when_there_is_some(made: list[Full], tmp_path: Any) -> None:
    full = Full(UdpConfig(max_pending_datagrams=3), str(tmp_path / "socket"))
    made.append(full)
    taken = full.fill()
    full.send(b"second to wait")
    full.sender.send_batch([b"third", b"too many", b"far too many"], cast(Any, full.path))
    assert full.sender.dropped == 2
    expected = [*(b"full %d" % n for n in range(taken + 1)), b"second to wait", b"third"]
    found: list[bytes] = []
    async with asyncio.timeout(5):
        while len(found) < len(expected):
            found += full.read()
            await asyncio.sleep(0)
    assert found == expected
    full.send(b"at once")
    assert full.read() == [b"at once"]
    assert full.sender.datagrams == len(expected) + 1


async def test_bytes_that_wait_are_bounded_too(made: list[Full], tmp_path: Any) -> None:
    full = Full(UdpConfig(max_pending_bytes=30), str(tmp_path / "socket"))
    made.append(full)
    full.fill()
    waiting = len(b"full %d" % full.sender.datagrams)
    full.send(bytes(30 - waiting))
    assert full.sender.dropped == 0
    full.send(bytes(1))
    assert full.sender.dropped == 1


async def test_what_waits_is_dropped_with_the_socket(made: list[Full], tmp_path: Any) -> None:
    full = Full(UdpConfig(), str(tmp_path / "socket"))
    made.append(full)
    full.fill()
    full.sender.close()
    full.sender.close()
    assert full.sender.dropped == 1
    full.read()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert full.read() == []


async def test_a_run_that_is_cut_short_keeps_its_order(made: list[Full], tmp_path: Any) -> None:
    full = Full(UdpConfig(), str(tmp_path / "socket"))
    made.append(full)
    batch = [b"one %d" % n for n in range(600)]
    full.sender.send_batch(batch, cast(Any, full.path))
    found: list[bytes] = []
    async with asyncio.timeout(5):
        while len(found) < len(batch):
            found += full.read()
            await asyncio.sleep(0)
    assert found == batch
