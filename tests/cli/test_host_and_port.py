from __future__ import annotations

import pytest

from aiolibp2p.cli.addresses import of_this_machine, parse_host_port
from aiolibp2p.cli.failures import UsageError
from aiolibp2p.multiformats.multiaddr import Multiaddr


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:4001", "/ip4/127.0.0.1/tcp/4001"),
        ("0.0.0.0:0", "/ip4/0.0.0.0/tcp/0"),
        ("[::1]:65535", "/ip6/::1/tcp/65535"),
        ("[2001:db8::7]:4001", "/ip6/2001:db8::7/tcp/4001"),
        ("localhost:4001", "/dns/localhost/tcp/4001"),
        ("a-node.example.org:1", "/dns/a-node.example.org/tcp/1"),
    ],
)
def test_host_and_port(text: str, address: str) -> None:
    assert str(parse_host_port("--at", text, lowest_port=0)) == address


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the port is missing"),
        ("localhost", "the port is missing"),
        ("[::1]", "the port is missing"),
        ("[::1:4001", "the ] behind the IPv6 address is missing"),
        (":4001", "the host is missing"),
        ("1.2.3.4:", "the port is empty"),
        ("1.2.3.4:0", "the part '0' is wrong: a port is a number from 1 to 65535"),
        ("1.2.3.4:65536", "the part '65536' is wrong"),
        ("1.2.3.4:400l", "the part '400l' is wrong"),
        ("1.2.3.4:" + "9" * 5000, "is wrong: a port is a number"),
        ("1.2.3.4:٣", "the part '٣' is wrong"),
        ("1.2.3.400:1", "the part '1.2.3.400' is wrong: it is no IPv4 address"),
        ("1.2.3:1", "the part '1.2.3' is wrong: it is no IPv4 address"),
        ("::1:4001", "the part '::1' is wrong: an IPv6 address goes in brackets: [::1]"),
        ("2001:db8::7", "as in [2001:db8::7]:4001"),
        ("[2001:db8::g]:1", "the part '[2001:db8::g]' is wrong: it is no IPv6 address"),
        ("[fe80::1%eth0]:1", "zones"),
        ("one:two:3", "the part 'one:two' is wrong: a host has no colon in it"),
        ("two words:1", "the part 'two words' is wrong: a name does not hold ' '"),
        ("http://host:1", "the part 'http://host' is wrong"),
        ("/ip4/1.2.3.4/tcp/5", "as in 1.2.3.4:5, not a multiaddr"),
        ("/ip6/::1/tcp/5/p2p/x", "as in [::1]:5, not a multiaddr"),
        ("x" * 5000 + ":1", "no name of a host"),
        ("/what", "as in 127.0.0.1:4001, not a multiaddr"),
    ],
)
def test_what_is_wrong_is_pointed_at(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_host_port("--at", text)
    message = str(caught.value)
    assert complaint in message
    assert message.startswith("in --at '")
    assert len(message.splitlines()) == 1


def test_what_is_shown_again_is_short_and_prints() -> None:
    with pytest.raises(UsageError) as caught:
        parse_host_port("--at", "\x1b[2J" + "x" * 100_000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_of_the_addresses_of_a_name_those_count_that_this_machine_has() -> None:
    elsewhere, here = Multiaddr("/ip4/192.0.2.1/tcp/0"), Multiaddr("/ip4/127.0.0.1/tcp/0")
    also_elsewhere = Multiaddr("/ip6/2001:db8::1/tcp/0")
    assert of_this_machine([elsewhere, here, also_elsewhere]) == [here]
    assert of_this_machine([elsewhere, also_elsewhere]) == [elsewhere, also_elsewhere]
