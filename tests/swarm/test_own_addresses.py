"""Where a host can be reached: listeners, what the user announces, sources; and the news of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiolibp2p.abc.services.address_source import nobody_asks
from aiolibp2p.events import AddressesChanged, Event
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.own_addresses import OwnAddresses, OwnAddressesConfig
from swarm.fakes import US

WILDCARD = Multiaddr("/ip4/0.0.0.0/tcp/4001")
LAN, LOOPBACK = Multiaddr("/ip4/192.168.1.2/tcp/4001"), Multiaddr("/ip4/127.0.0.1/tcp/4001")
PUBLIC, NAMED = Multiaddr("/ip4/8.8.4.4/tcp/4001"), Multiaddr("/dns4/node.example.com/tcp/4001")


def own(*addresses: Multiaddr) -> list[Multiaddr]:
    return [address.with_p2p(US.peer_id.to_bytes()) for address in addresses]


class Source:
    """A source that says what it is told to."""

    def __init__(self, *addresses: Multiaddr) -> None:
        self.addresses: Sequence[Multiaddr] = addresses
        self.on_change: Callable[[], None] = nobody_asks
        self.asked: list[list[Multiaddr]] = []

    def own_addresses(self, listening: Sequence[Multiaddr]) -> Sequence[Multiaddr]:
        self.asked.append(list(listening))
        return self.addresses


class Place:
    """A host that listens on all its interfaces, and what it announced."""

    def __init__(self, config: OwnAddressesConfig | None = None) -> None:
        self.listening = [WILDCARD]
        self.events: list[Event] = []
        self.own = OwnAddresses(
            US.peer_id,
            lambda: self.listening,
            lambda bound: [LAN, LOOPBACK] if bound == WILDCARD else [bound],
            self.events.append,
            config,
        )


def test_wildcards_are_expanded_and_sources_come_last() -> None:
    place, source = Place(OwnAddressesConfig(announced=[NAMED, LAN])), Source(PUBLIC, LAN)
    place.own.add_source(source)
    assert place.own.addresses == own(LAN, LOOPBACK, NAMED, PUBLIC)
    assert source.asked == [[LAN, LOOPBACK]]


def test_the_users_filter_has_the_last_word() -> None:
    place = Place(OwnAddressesConfig(announced=[NAMED], keep=lambda address: not address.is_private))
    place.own.add_source(Source(PUBLIC))
    assert place.own.addresses == [one for one in own(LAN, LOOPBACK, NAMED, PUBLIC) if not one.is_private]
    assert Place(OwnAddressesConfig(keep=lambda address: False)).own.addresses == []


def test_no_source_floods_the_list() -> None:
    place = Place(OwnAddressesConfig(max_addresses=4))
    place.own.add_source(Source(*(Multiaddr(f"/ip4/8.8.4.4/tcp/{port}") for port in range(1, 100))))
    assert place.own.addresses == own(LAN, LOOPBACK, *(Multiaddr(f"/ip4/8.8.4.4/tcp/{port}") for port in (1, 2)))


def test_news_say_what_came_and_what_went() -> None:
    place, source = Place(), Source()
    place.own.changed()
    assert place.events == [AddressesChanged(tuple(own(LAN, LOOPBACK)), tuple(own(LAN, LOOPBACK)), ())]
    place.own.changed()
    place.own.add_source(source)
    source.on_change()
    assert len(place.events) == 1
    source.addresses = [PUBLIC]
    source.on_change()
    assert place.events[1:] == [AddressesChanged(tuple(own(LAN, LOOPBACK, PUBLIC)), tuple(own(PUBLIC)), ())]
    place.listening = []
    place.own.changed()
    assert place.events[2:] == [AddressesChanged(tuple(own(PUBLIC)), (), tuple(own(LAN, LOOPBACK)))]


def test_those_who_know_nothing_of_the_difference_still_compare() -> None:
    assert AddressesChanged((LAN,)) == AddressesChanged((LAN,), (), ())
