"""Who serves a protocol, and who may take it away."""

from __future__ import annotations

from typing import Any

import pytest

from aiolibp2p.abc.services.context import StreamLimits
from aiolibp2p.errors import ConfigError
from aiolibp2p.host.protocols import Protocols
from host.fakes import Scene, peer, serve

ID = "/mine"


class Served:
    def __init__(self) -> None:
        self.changes: list[bool] = []
        self.handlers = Scene().parts.handlers
        parts: Any = type("Parts", (), {"handlers": self.handlers})
        self.protocols = Protocols(parts, self.changes.append)
        self.registration = self.protocols.serve(ID, serve)


async def test_changes_are_told_with_whether_it_is_offered_elsewhere() -> None:
    served = Served()
    served.protocols.serve(ID, serve, offered_on=lambda connection: True)
    served.protocols.remove(ID)
    served.protocols.remove(ID)
    assert served.changes == [False, True, True]


async def test_a_bad_id_changes_nothing() -> None:
    served = Served()
    with pytest.raises(ConfigError):
        served.protocols.serve("", serve)
    assert served.handlers.protocols == [ID]
    served.protocols.drop("", object())
    assert served.changes == [False]


async def test_only_the_last_to_serve_it_can_drop_it() -> None:
    served = Served()
    second = served.protocols.serve(ID, serve)
    served.protocols.drop(ID, served.registration)
    assert served.handlers.protocols == [ID]
    served.protocols.drop(ID, second)
    served.protocols.drop(ID, second)
    assert served.handlers.protocols == []


async def test_what_the_user_removed_and_set_anew_is_the_users() -> None:
    served = Served()
    served.protocols.remove(ID)
    served.protocols.serve(ID, serve)
    served.protocols.drop(ID, served.registration)
    assert served.handlers.protocols == [ID]


async def test_limits_and_the_service_reach_the_table_of_handlers() -> None:
    served = Served()
    limits = StreamLimits(total=3, per_peer=2)
    served.protocols.serve("/limited", serve, limits=limits, service="mine")
    anywhere: Any = None
    entry = served.handlers.find("/limited", anywhere)
    assert entry is not None
    assert entry.service == "mine"
    assert entry.quota is not None
    assert [entry.quota.take(peer(n)) for n in (1, 1, 1, 2, 2)] == [True, True, False, True, False]
