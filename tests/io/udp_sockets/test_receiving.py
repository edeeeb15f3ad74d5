"""Reads come in batches, up to a budget; what the kernel has joined is parted; errors end nothing."""

from __future__ import annotations

import errno
import os
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.io.udp_sockets import UdpConfig
from aiolibp2p.io.udp_sockets.receiving import READ_BYTES, BatchReader, JoinedBatchReader
from support.fake_kernel import REMOTE, FakeKernel

READERS = [BatchReader, JoinedBatchReader]


def reader_over(
    kernel: FakeKernel, kind: type[BatchReader] = JoinedBatchReader, config: UdpConfig | None = None
) -> BatchReader:
    return kind(cast(Any, kernel), memoryview(bytearray(READ_BYTES)), config or UdpConfig())


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 50)), max_size=30))
def test_joined_datagrams_are_parted(reads: list[tuple[bytes, int]]) -> None:
    kernel = FakeKernel()
    kernel.incoming.extend(reads)
    reader = reader_over(kernel)
    expected: list[bytes] = []
    for data, size in reads:
        expected += [data[at : at + size] for at in range(0, len(data), size)] if 0 < size < len(data) else [data]
    assert [data for data, remote in reader.read() if remote == REMOTE] == expected
    assert reader.datagrams == len(expected)
    assert reader.bytes == sum(len(data) for data, _size in reads)


@pytest.mark.parametrize("kind", READERS)
def test_a_wake_up_reads_no_more_than_its_budget(kind: type[BatchReader]) -> None:
    kernel = FakeKernel()
    kernel.incoming.extend([(b"x" * 10, 0)] * 25)
    reader = reader_over(kernel, kind, UdpConfig(max_batch_datagrams=10))
    assert [len(reader.read()) for _ in range(4)] == [10, 10, 5, 0]
    assert reader.reads == 3
    kernel.incoming.extend([(b"x" * 10, 0)] * 25)
    reader = reader_over(kernel, kind, UdpConfig(max_batch_bytes=95))
    assert [len(reader.read()) for _ in range(4)] == [10, 10, 5, 0]
    assert reader.bytes == 250


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ECONNRESET, errno.EMSGSIZE])
def test_an_error_ends_a_batch_and_not_the_reading(kind: type[BatchReader], number: int) -> None:
    kernel = FakeKernel()
    kernel.incoming.extend([(b"one", 0), OSError(number, os.strerror(number)), (b"two", 0)])
    reader = reader_over(kernel, kind)
    assert [data for data, _remote in reader.read()] == [b"one"]
    assert [data for data, _remote in reader.read()] == [b"two"]
    assert reader.errors == 1
    kernel.incoming.append(OSError(number, os.strerror(number)))
    assert reader.read() == []
    assert (reader.errors, reader.reads) == (2, 2)
