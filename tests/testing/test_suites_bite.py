"""The suites find what they are there to find: each broken layer fails the test that is named for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Security
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.service import Service
from aiolibp2p.host import Host
from aiolibp2p.muxers.yamux import YamuxConfig, YamuxSession
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.security.plaintext import PlaintextSecurity
from aiolibp2p.testing.muxer_suite import MuxerSuite
from aiolibp2p.testing.security_suite import SecuritySuite
from aiolibp2p.testing.service_suite import ServiceSuite
from testing import broken_muxers as muxers
from testing import broken_securities as securities
from testing import broken_services as services
from testing.broken_securities import Broken, CutTls, Remembers, with_cipher, with_machine

MakeSecurity = Callable[[PrivateKey], Security]

MakeService = Callable[[], Service]

FOUND = (Exception, pytest.fail.Exception)
"""A test fails by what it asserts, by what should have been raised, and by what should not have been."""


class OverSecurity(SecuritySuite):
    def __init__(self, make: MakeSecurity) -> None:
        self.make = make

    def security(self, key: PrivateKey) -> Security:
        return self.make(key)


class OverMuxer(MuxerSuite):
    max_inbound_streams = 10
    max_lingering_streams = 30

    def __init__(self, session: muxers.SessionMaker, config: YamuxConfig) -> None:
        self.session, self.config = session, config

    def muxer(self, runtime: Runtime) -> Muxer:
        return muxers.Broken(runtime, self.config, self.session)


class OverService(ServiceSuite):
    flood_streams = 50

    def __init__(self, make: MakeService) -> None:
        self.make = make

    def service(self) -> Service:
        return self.make()

    async def use(self, host: Host, peer: PeerId) -> None:
        assert await host.service(services.Sound).ask(peer) == services.WORDS


def broken(start: securities.Start) -> MakeSecurity:
    return lambda key: Broken(key, start)


def plaintext(key: PrivateKey) -> Security:
    return PlaintextSecurity(key)


SECURITIES: list[tuple[MakeSecurity, str, tuple[Any, ...]]] = [
    (broken(securities.asks_nobody), "the_initiator_expects_somebody_else", ()),
    (broken(securities.asks_nobody), "the_responder_expects_somebody_else", ()),
    (broken(securities.checks_too_late), "the_initiator_expects_somebody_else", ()),
    (broken(securities.revives_itself), "a_failed_handshake_stays_so", ()),
    (broken(with_machine(securities.LosesTrailing)), "bytes_behind_the_handshake_reach_the_cipher", ()),
    (broken(with_machine(securities.LeaksErrors)), "a_byte_changed_at_every_place_of_every_message", ()),
    (broken(with_machine(securities.LeaksErrors)), "garbage_in_place_of_a_message", ()),
    (broken(with_machine(securities.KeepsViews)), "byte_by_byte", ()),
    (broken(with_machine(securities.MindsNoEnd)), "the_end_of_input_at_every_step", ()),
    (broken(with_machine(securities.TakesMore)), "a_complete_handshake_may_end", ()),
    (broken(with_machine(securities.ForgetsTheMuxer)), "the_muxer_is_agreed_on_inside", ()),
    (broken(with_machine(securities.Gathers)), "endless_bytes_are_stopped", ()),
    (broken(with_cipher(securities.UnderstatesOverhead)), "every_size_both_ways", ()),
    (broken(with_cipher(securities.WritesBeforeItReads)), "encrypt_into_is_encrypt", (True,)),
    (broken(with_cipher(securities.DropsTails)), "byte_by_byte_nothing_comes_early", ()),
    (broken(with_cipher(securities.DropsTails)), "frames_cut_anywhere", ()),
    (broken(with_cipher(securities.LosesLastBytes)), "bulk_in_both_directions", ()),
    (broken(with_cipher(securities.CipherErrorsLeak)), "garbage_in_place_of_a_frame", ()),
    (broken(with_cipher(securities.HomeMade)), "the_two_directions_have_keys_of_their_own", ()),
    (broken(with_cipher(securities.HomeMade)), "frames_of_another_connection", ()),
    (broken(with_cipher(securities.NumbersNothing)), "frames_repeated_lost_or_out_of_order", ()),
    (broken(with_cipher(securities.NumbersNothing)), "nobody_reads_along", ()),
    (broken(with_cipher(securities.ChecksNoTag)), "a_byte_changed_at_every_place_of_a_frame", ()),
    (broken(with_cipher(securities.ChecksNoTag)), "any_byte_of_a_frame_changed", ()),
    (Remembers, "two_handshakes_at_once_on_one_security", ()),
    (CutTls, "an_end_without_farewell_is_a_cut", ()),
    (plaintext, "an_impostor_has_the_key_but_cannot_sign", (Role.RESPONDER,)),
    (plaintext, "an_impostor_has_the_key_but_cannot_sign", (Role.INITIATOR,)),
    (plaintext, "nobody_reads_along", ()),
    (plaintext, "the_initiator_expects_somebody_else", ()),
    (plaintext, "a_byte_changed_at_every_place_of_a_frame", ()),
]

SOUND = YamuxConfig(max_unacknowledged=20, max_lingering_streams=30)
MANY_LINGER = YamuxConfig(max_unacknowledged=20, max_lingering_streams=1000)
MUCH_OWED = YamuxConfig(max_owed_bytes=2**30, max_unacknowledged=20)

MUXERS: list[tuple[muxers.SessionMaker, YamuxConfig, str, tuple[Any, ...]]] = [
    (muxers.refuses_nobody, SOUND, "streams_of_a_peer_are_limited", ()),
    (muxers.AsksNobody, SOUND, "many_stalled_readers", ()),
    (muxers.Keeps, SOUND, "closed_streams_leave_nothing", ()),
    (YamuxSession, MANY_LINGER, "streams_that_only_the_peer_could_end_are_limited", ()),
    (YamuxSession, MUCH_OWED, "what_is_owed_to_a_peer_that_does_not_read", ()),
    (muxers.ForgetsResets, SOUND, "reset", (0,)),
    (muxers.LosesCodes, SOUND, "reset", (7,)),
    (muxers.TellsWhoResets, SOUND, "reset", (0,)),
    (muxers.LeaksErrors, SOUND, "each_byte_changed", ()),
    (muxers.Gathers, SOUND, "endless_bytes_are_not_gathered", ()),
    (muxers.DropsTails, SOUND, "byte_by_byte", ()),
    (muxers.DropsTails, SOUND, "data_both_ways_cut_anywhere", ()),
    (muxers.SwallowsEnds, SOUND, "half_closed", ()),
    (muxers.SaysNoGoodbye, SOUND, "a_goodbye", ()),
    (muxers.OpensAfterGoodbye, SOUND, "a_stream_that_crosses_a_goodbye", ()),
    (muxers.TellsNobody, SOUND, "the_connection_is_gone", ()),
    (muxers.TellsTwice, SOUND, "the_connection_is_gone", ()),
    (muxers.TellsTwice, SOUND, "each_byte_changed", ()),
    (muxers.LivesOn, SOUND, "nothing_comes_after_the_end", ()),
    (muxers.AlwaysDue, SOUND, "an_hour_of_peace", ()),
    (muxers.AnnouncesNoTimeout, SOUND, "an_hour_of_peace", ()),
    (muxers.NoticesNoSilence, SOUND, "a_peer_that_falls_silent", ()),
    (muxers.LetsStreamsLinger, SOUND, "a_peer_that_never_ends_its_stream", ()),
    (muxers.RemembersStreams, SOUND, "closed_streams_leave_nothing", ()),
    (muxers.StallsAll, SOUND, "a_stalled_reader", ()),
    (muxers.SwapsStreams, SOUND, "streams_from_both_sides", ()),
    (muxers.Takes, SOUND, "a_stalled_reader", ()),
    (muxers.WritesAfterTheEnd, SOUND, "half_closed", ()),
    (muxers.TellsNoCredit, SOUND, "a_writer_that_was_stopped_is_told_when_to_go_on", ()),
    (muxers.never_flushes, SOUND, "streams_from_both_sides", ()),
    (muxers.refuses_nobody, SOUND, "a_stream_that_is_refused", ()),
    (muxers.same_ids, SOUND, "opened_before_either_heard_of_the_other", ()),
]

ONE_FOR_ALL = services.Sound()

SERVICES: list[tuple[MakeService, str, tuple[Any, ...]]] = [
    (lambda: ONE_FOR_ALL, "it_is_a_service", ()),
    (services.Nameless, "it_is_a_service", ()),  # type: ignore[list-item] # that is what is wrong with it
    (services.Nameless, "two_hosts_use_it", ()),  # type: ignore[list-item]
    (services.ServesThroughTheHost, "it_starts_and_closes_unused", ()),
    (services.ServesThroughTheHost, "nothing_is_left", ()),
    (services.KeepsATask, "nothing_is_left", ()),
    (services.KeepsATimer, "nothing_is_left", ()),
    (services.KeepsItself, "nothing_is_left", ()),
    (services.RaisesAtClose, "it_starts_and_closes_unused", ()),
    (services.RaisesAtClose, "a_host_is_closed_twice", ()),
    (services.RaisesAtClose, "beside_services_that_fail_to_close", ()),
    (services.HangsAtClose, "it_starts_and_closes_unused", ()),
    (services.FallsWithOthers, "beside_services_that_fail_to_close", ()),
    (services.MindsNoHost, "used_before_the_start", ()),
    (services.MindsNoHost, "used_after_the_close", ()),
    (services.AnswersAnyhow, "used_before_the_start", ()),
    (services.AnswersAnyhow, "used_after_the_close", ()),
    (services.NeverGivesUp, "closed_while_busy", (0.05,)),
    (services.NeverGivesUp, "the_peer_is_closed_while_busy", (0.05,)),
    (services.NeverGivesUp, "the_peer_falls_silent_while_busy", ()),
    (services.WaitsForItself, "closed_while_busy", (0.05,)),
    (services.ForgetsToReset, "a_use_that_is_cancelled", ()),
    (services.WaitsForEver, "a_flood", ("silent",)),
    (services.WaitsForEver, "a_flood", ("unfinished",)),
    (services.TripsOverGarbage, "a_flood", ("garbage",)),
    (services.CountsOneWay, "a_flood", ("reset",)),
    (services.WorksOn, "a_flood", ("half_closed",)),
    (services.TrustsItsStream, "two_hosts_use_it", ()),
    (services.TrustsItsStream, "a_fresh_one_on_a_new_host_takes_its_place", ()),
]


@pytest.mark.parametrize(("make", "test", "arguments"), SECURITIES)
def test_a_broken_security(make: MakeSecurity, test: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(FOUND):
        getattr(OverSecurity(make), f"test_{test}")(*arguments)


@pytest.mark.parametrize(("session", "config", "test", "arguments"), MUXERS)
def test_a_broken_muxer(
    session: muxers.SessionMaker, config: YamuxConfig, test: str, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(FOUND):
        getattr(OverMuxer(session, config), f"test_{test}")(*arguments)


@pytest.mark.parametrize(("test", "arguments"), dict.fromkeys((test, arguments) for _, test, arguments in SECURITIES))
def test_the_same_tests_pass_where_nothing_is_broken(test: str, arguments: tuple[Any, ...]) -> None:
    make = CutTls.whole if "farewell" in test else broken(with_machine(securities.Machine))
    getattr(OverSecurity(make), f"test_{test}")(*arguments)


@pytest.mark.parametrize(("test", "arguments"), dict.fromkeys((test, arguments) for _, _, test, arguments in MUXERS))
def test_the_same_tests_pass_over_a_sound_muxer(test: str, arguments: tuple[Any, ...]) -> None:
    getattr(OverMuxer(YamuxSession, SOUND), f"test_{test}")(*arguments)


@pytest.mark.parametrize(("make", "test", "arguments"), SERVICES)
def test_a_broken_service(make: MakeService, test: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(FOUND):
        getattr(OverService(make), f"test_{test}")(*arguments)


@pytest.mark.parametrize(("test", "arguments"), dict.fromkeys((test, arguments) for _, test, arguments in SERVICES))
def test_the_same_tests_pass_over_a_sound_service(test: str, arguments: tuple[Any, ...]) -> None:
    getattr(OverService(services.Sound), f"test_{test}")(*arguments)
