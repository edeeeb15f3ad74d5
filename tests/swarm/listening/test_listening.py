"""Listeners: which transport binds what, and how they end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

import pytest

from aiolibp2p.abc.layers.admission import Admission
from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.errors import ListenFailed, UnsupportedAddress
from aiolibp2p.events import Event, ListenEnded, ListenStarted
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.listening.listening import Listening
from open_door import OpenDoor

ONE, OTHER, TAKEN = (Multiaddr(f"/ip4/10.0.0.1/tcp/{port}") for port in (1, 2, 3))


class Listener:
    """Remembers whether it was closed; may fail at it."""

    def __init__(self, address: Multiaddr, fails: bool) -> None:
        self.addresses: Sequence[Multiaddr] = [address]
        self.is_closed = False
        self._fails = fails

    async def close(self) -> None:
        if self._fails:
            raise OSError("it is stuck")
        self.is_closed = True


class Binder:
    """A transport that listens on TCP addresses, but the one that is taken."""

    def __init__(self, fails: bool = False) -> None:
        self.listeners: list[Listener] = []
        self.admissions: list[Admission] = []
        self._fails = fails

    def can_listen(self, address: Multiaddr) -> bool:
        return "tcp" in address.protocols()

    async def listen(self, address: Multiaddr, admission: Admission) -> Listener:
        if address == TAKEN:
            raise ListenFailed("in use")
        self.admissions.append(admission)
        self.listeners.append(Listener(address, self._fails and not self.listeners))
        return self.listeners[-1]


async def test_what_is_bound_is_told_and_what_is_no_more() -> None:
    binder, door, events = Binder(), OpenDoor(), list[Event]()
    listening = Listening([cast(Transport, binder)], door, events.append)
    await listening.listen([ONE, OTHER])
    assert listening.addresses == [ONE, OTHER]
    assert binder.admissions == [door, door]
    await listening.close()
    await listening.close()
    assert (listening.addresses, [one.is_closed for one in binder.listeners]) == ([], [True, True])
    assert events == [ListenStarted(ONE), ListenStarted(OTHER), ListenEnded(ONE), ListenEnded(OTHER)]


@pytest.mark.parametrize(
    ("bad", "error"), [(TAKEN, ListenFailed), (Multiaddr("/ip4/1.1.1.1/udp/1"), UnsupportedAddress)]
)
async def test_what_cannot_be_bound_leaves_what_was_bound_before(bad: Multiaddr, error: type[Exception]) -> None:
    listening = Listening([cast(Transport, Binder())], OpenDoor(), lambda event: None)
    with pytest.raises(error):
        await listening.listen([ONE, bad, OTHER])
    assert listening.addresses == [ONE]
    await listening.close()


async def test_a_listener_that_fails_to_close_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    binder, events = Binder(fails=True), list[Event]()
    listening = Listening([cast(Transport, binder)], OpenDoor(), events.append)
    await listening.listen([ONE, OTHER])
    with caplog.at_level(logging.WARNING):
        await listening.close()
    assert [one.is_closed for one in binder.listeners] == [False, True]
    assert "/tcp/1 did not close: it is stuck" in caplog.text
    assert events[2:] == [ListenEnded(ONE), ListenEnded(OTHER)]
