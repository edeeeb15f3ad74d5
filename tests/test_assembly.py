"""What a host refuses to be made of, and what it says then."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from aiolibp2p import HostConfig, PrivateKey, Service
from aiolibp2p.assembly import assemble
from aiolibp2p.assembly.choices import DEFAULT_SERVICES
from aiolibp2p.errors import ConfigError
from aiolibp2p.muxers.yamux import Yamux
from aiolibp2p.protocols.identify import Identify
from aiolibp2p.protocols.perf import Perf
from aiolibp2p.protocols.ping import Ping
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.transports.tcp import TcpTransport


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


@pytest.mark.parametrize("option", ["security", "muxers", "transports"])
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
    assert "TcpTransport is a class: make one" in refused(transports=[TcpTransport])


def test_a_typo_is_told_from_what_is_unknown() -> None:
    assert refused(security=["nosie"]).endswith("; did you mean 'noise'?")
    assert refused(muxers=["MPLEX"]).endswith("; did you mean 'mplex'?")
    assert "did you mean" not in refused(muxers=["quic"])
    assert refused(transports=["tpc"]) == "unknown transport 'tpc'; known: tcp; did you mean 'tcp'?"


@pytest.mark.parametrize("key", ["", "me.key", 0, b""])
def test_what_is_no_key_is_refused(key: object) -> None:
    assert refused(key=key).startswith("key takes a PrivateKey")


# Transports


class OwnTransport(TcpTransport):
    name = "own"


class Dialless:
    name = "dialless"


def test_transports_are_named_or_ones_own() -> None:
    own = OwnTransport()
    parts = assemble(HostConfig(transports=["tcp", own]))
    assert parts.swarm is not None
    assert refused(transports=[OwnTransport(), OwnTransport()]) == "transports names own twice"
    assert refused(transports=["tcp", "tcp"]) == "transports names tcp twice"
    for one in (5, None, Dialless()):
        said = refused(transports=[one])
        assert said.startswith("transports takes names, and objects with name (text) and dial()")
        assert said.endswith(f"{type(one).__name__} is neither")


def test_what_a_service_brings_must_be_transports() -> None:
    class Brings(Service):
        name = "brings"

        def __init__(self, *transports: Any) -> None:
            self.transports = transports

    assemble(HostConfig(services=[Brings(OwnTransport())]))
    said = refused(services=[Brings(OwnTransport(), Dialless())])
    assert said.startswith("transports of the service 'brings' takes")
    assert said.endswith("Dialless is neither")


# What is logged


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({}, []),
        ({"security": ["noise", "plaintext"]}, ["/plaintext/2.0.0"]),
        ({"security": ["secio"], "muxers": ["yamux", "mplex"]}, ["/mplex/6.7.0", "/secio/1.0.0"]),
        ({"security": [NoiseSecurity(PrivateKey.generate(), bytes, ())]}, []),
    ],
)
def test_what_protects_little_or_is_deprecated_is_warned_of(
    options: dict[str, Any], warned: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assemble(HostConfig(**options))
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split()[3].rstrip(":") for message in messages] == warned


# Services


class Nameless(Service):
    pass


class Empty(Ping):
    """A service may be a container, and empty."""

    def __len__(self) -> int:
        return 0


def services(*given: Service) -> list[Service]:
    return list(assemble(HostConfig(services=given)).services)


@pytest.mark.parametrize("wanted", [None, 5, "ping", b"ping", {Ping.name: 1}, iter(()), Ping()])
def test_what_is_no_list_of_services_is_refused(wanted: object) -> None:
    assert refused(services=wanted).startswith("services takes a list of services, not ")


def test_what_is_no_service_is_refused_with_the_way_out() -> None:
    assert refused(services=[Ping]).endswith("make one of it first")
    for one in ("ping", None, object()):
        said = refused(services=[one])
        assert said == f"services takes objects of the class Service, not {one!r}: subclass aiolibp2p.Service"


def test_a_service_is_given_once() -> None:
    perf, nameless = Perf(), Nameless()
    assert refused(services=[Perf(), Perf()]) == "two services are called 'perf'"
    assert refused(services=[perf, perf]).endswith(" twice")
    assert refused(services=[nameless, nameless]).endswith(" twice")
    assert refused(services=[Ping(), Ping()]) == "two services are called 'ping'"


def test_the_name_of_a_service_is_text() -> None:
    class Numbered(Service):
        name = 5  # type: ignore[assignment]

    assert refused(services=[Numbered()]) == "the name of a service is text, not 5"


def test_defaults_come_first_each_unless_one_of_its_name_is_given() -> None:
    defaults = list(DEFAULT_SERVICES)
    one, other, perf = Nameless(), Nameless(), Perf()
    assert [service.name for service in services()] == defaults
    assert [service.name for service in services(one, perf, other)] == [*defaults, "", "perf", ""]
    for own in (Ping(), Identify(), Empty()):
        found = services(perf, own)
        assert [service.name for service in found] == [*defaults, "perf"]
        assert found[defaults.index(own.name)] is own
