"""What wildcards stand for on the machine that runs the tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import ifaddr
import pytest

from aiolibp2p.io.interfaces import REFRESH_S, Interfaces
from aiolibp2p.multiformats.multiaddr import Multiaddr


def test_wildcards_become_interfaces() -> None:
    expand = Interfaces(lambda: 0.0).expand
    expanded = expand(Multiaddr("/ip4/0.0.0.0/tcp/9"))
    assert expanded[-1] == Multiaddr("/ip4/127.0.0.1/tcp/9")
    assert not any(one.is_unspecified or one.is_link_local for one in expanded)
    assert all(":" in (one.ip or "") for one in expand(Multiaddr("/ip6/::/tcp/9")))
    assert expand(Multiaddr("/ip4/127.0.0.1/tcp/9")) == [Multiaddr("/ip4/127.0.0.1/tcp/9")]


def test_the_machine_is_asked_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def adapters() -> list[Any]:
        asked.append(f"10.0.0.{len(asked) + 1}")
        return [SimpleNamespace(ips=[SimpleNamespace(ip=asked[-1])])]

    monkeypatch.setattr(ifaddr, "get_adapters", adapters)
    now = 100.0
    interfaces = Interfaces(lambda: now)
    wildcard = Multiaddr("/ip4/0.0.0.0/tcp/9")
    for _ in range(50):
        assert interfaces.expand(wildcard) == [Multiaddr("/ip4/10.0.0.1/tcp/9")]
    now += REFRESH_S
    assert interfaces.expand(wildcard) == [Multiaddr("/ip4/10.0.0.2/tcp/9")]
    assert len(asked) == 2
