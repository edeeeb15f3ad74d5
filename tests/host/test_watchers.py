"""Watchers are told in order, each of everything, whatever the others do."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.events import PeerIdentified
from aiolibp2p.host.watchers import Watchers
from host.fakes import FakeConnection, peer

CONNECTION: Any = FakeConnection()
TOLD = PeerIdentified(peer(2), "agent", (), (), None)


class Log(Watcher):
    def __init__(self, said: list[tuple[object, ...]], name: str) -> None:
        self.said, self.name = said, name

    def connection_opened(self, connection: Any) -> None:
        self.said.append((self.name, "opened"))

    def connection_closed(self, connection: Any, reason: str) -> None:
        self.said.append((self.name, "closed", reason))

    def peer_identified(self, connection: Any, told: PeerIdentified, observed: object = None) -> None:
        self.said.append((self.name, "identified", observed))

    def protocols_changed(self, offered_elsewhere: bool) -> None:
        self.said.append((self.name, "protocols", offered_elsewhere))

    def addresses_changed(self) -> None:
        self.said.append((self.name, "addresses"))


class Raises(Watcher):
    def connection_opened(self, connection: Any) -> None:
        raise RuntimeError("opened")

    def connection_closed(self, connection: Any, reason: str) -> None:
        raise RuntimeError("closed")

    def peer_identified(self, connection: Any, told: PeerIdentified, observed: object = None) -> None:
        raise RuntimeError("identified")

    def protocols_changed(self, offered_elsewhere: bool) -> None:
        raise RuntimeError("protocols")

    def addresses_changed(self) -> None:
        raise RuntimeError("addresses")


def tell_all(watchers: Watchers) -> None:
    watchers.connection_opened(CONNECTION)
    watchers.peer_identified(CONNECTION, TOLD)
    watchers.protocols_changed(True)
    watchers.addresses_changed()
    watchers.connection_closed(CONNECTION, "gone")


ALL = [("opened",), ("identified", None), ("protocols", True), ("addresses",), ("closed", "gone")]


def test_each_is_told_everything_in_order() -> None:
    watchers, said = Watchers(), []
    watchers.add(Log(said, "one"))
    watchers.add(Log(said, "other"))
    tell_all(watchers)
    assert said == [(name, *what) for what in ALL for name in ("one", "other")]


def test_one_that_raises_keeps_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    watchers, said = Watchers(), []
    watchers.add(Raises())
    watchers.add(Log(said, "other"))
    with caplog.at_level(logging.ERROR):
        tell_all(watchers)
    assert said == [("other", *what) for what in ALL]
    assert len(caplog.records) == len(ALL)
    assert all("Raises" in record.getMessage() for record in caplog.records)


def test_a_watcher_that_says_nothing_is_one() -> None:
    watchers = Watchers()
    watchers.add(Watcher())
    tell_all(watchers)


def test_one_that_was_removed_is_told_no_longer_even_by_another_at_its_turn() -> None:
    watchers, said = Watchers(), []

    class Remover(Watcher):
        def connection_opened(self, connection: Any) -> None:
            watchers.remove(key)

    watchers.add(Remover())
    key = watchers.add(Log(said, "other"))
    watchers.connection_opened(CONNECTION)
    watchers.remove(key)
    assert said == []


def test_one_that_comes_while_others_are_told_waits_for_the_next_news() -> None:
    watchers, said = Watchers(), []

    class Adder(Watcher):
        def protocols_changed(self, offered_elsewhere: bool) -> None:
            watchers.add(Log(said, "late"))

    watchers.add(Adder())
    watchers.protocols_changed(False)
    assert said == []
    watchers.addresses_changed()
    assert said == [("late", "addresses")]
