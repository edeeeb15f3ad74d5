"""What a host refuses to be made of, and what it says then."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aiolibp2p import HostConfig
from aiolibp2p.assembly import assemble
from aiolibp2p.errors import ConfigError
from aiolibp2p.muxers.yamux import Yamux
from aiolibp2p.security.noise import NoiseSecurity


class Startless:
    protocol_id = "/startless/1.0.0"


class BytesForId:
    protocol_id = b"/bytes/1.0.0"

    def start(self) -> None:
        """Start nothing: this service is never started."""


def refused(**options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        assemble(HostConfig(**options))
    return str(caught.value)


@pytest.mark.parametrize("option", ["security", "muxers"])
@pytest.mark.parametrize("wanted", [None, 5, "noise", b"noise", (), {"yamux", "noise"}, {"yamux": 1}, iter(["yamux"])])
def test_what_is_no_list_is_refused(option: str, wanted: object) -> None:
    assert re.match(f"{option} takes a list of names, at least one of .*; not ", refused(**{option: wanted}))


@pytest.mark.parametrize("option", ["security", "muxers"])
@pytest.mark.parametrize("one", [5, None, b"yamux", ["noise"], Startless(), BytesForId()])
def test_what_is_no_layer_is_refused(option: str, one: object) -> None:
    said = refused(**{option: [one]})
    assert said.startswith(f"{option} takes names, and objects with protocol_id")
    assert said.endswith(f"{type(one).__name__} is neither")


def test_a_class_is_no_layer_yet() -> None:
    assert "NoiseSecurity is a class: make one" in refused(security=[NoiseSecurity])
    assert "Yamux is a class: make one" in refused(muxers=[Yamux])


def test_a_typo_is_told_from_what_is_unknown() -> None:
    assert refused(security=["nosie"]).endswith("; did you mean 'noise'?")
    assert refused(muxers=["MPLEX"]).endswith("; did you mean 'mplex'?")
    assert "did you mean" not in refused(muxers=["quic"])
