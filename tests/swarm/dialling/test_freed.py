"""A dial that failed is freed by reference counting: nothing of it is left to the collector of cycles."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from aiolibp2p import Host, PrivateKey
from aiolibp2p.errors import DialFailed
from aiolibp2p.swarm.dialling.race import Race
from stream_pair import LOOPBACK


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Switch the collector of cycles off for the time of a test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_a_dial_that_met_somebody_else_leaves_neither_race_nor_error() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        stranger = PrivateKey.generate().peer_id
        target = server.addresses[0].without_p2p().with_p2p(stranger.to_bytes())
        errors: list[weakref.ref[BaseException]] = []
        for _ in range(3):
            with pytest.raises(DialFailed) as caught:
                await client.connect(target)
            errors += [weakref.ref(error) for _address, error in caught.value.attempts]
            del caught
        for _ in range(10):
            await asyncio.sleep(0)
        assert [error() for error in errors] == [None] * 3
        assert not [one for one in gc.get_objects() if isinstance(one, Race)]
