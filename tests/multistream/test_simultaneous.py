"""Simultaneous open: who goes on as the initiator, and peers that know nothing of it or lie."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.machine import ByteMachine, Output
from aiolibp2p.errors import (
    ConfigError,
    LimitExceeded,
    NegotiationFailed,
    ProtocolNotSupported,
    ProtocolViolation,
    RemoteError,
)
from aiolibp2p.multistream import (
    HEADER,
    MAX_NUMBER,
    MAX_PROPOSALS,
    NA,
    SIMULTANEOUS_ID,
    Agreed,
    AgreedInRole,
    Responder,
    SimultaneousOpen,
    encode_message,
)

SIMULTANEOUS = b"\x1d/libp2p/simultaneous-connect\n"
INITIATOR, RESPONDER = b"\x0ainitiator\n", b"\x0aresponder\n"
A, B, C = map(encode_message, ("/a", "/b", "/c"))

numbers = st.integers(0, MAX_NUMBER) | st.sampled_from((0, 1, MAX_NUMBER))


def select(number: object) -> bytes:
    return encode_message(f"select:{number}")


def dialer(number: int = 5, protocols: Sequence[str] = ("/a", "/b")) -> SimultaneousOpen:
    return SimultaneousOpen(protocols, lambda: number)


def started(number: int = 5) -> SimultaneousOpen:
    machine = dialer(number)
    machine.start()
    return machine


def run(machine: ByteMachine[Agreed], chunks: Iterable[bytes]) -> Output[Agreed]:
    """Return all that the chunks cause, as one output."""
    events: tuple[Agreed, ...] = ()
    to_send = trailing = b""
    for chunk in chunks:
        output = machine.receive_data(chunk)
        events += output.events
        to_send += output.to_send
        trailing += output.trailing
    return Output(events, to_send, trailing)


def cut(data: bytes, draw: st.DataObject) -> list[bytes]:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=5)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def bytewise(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


def meet(one: ByteMachine[Agreed], other: ByteMachine[Agreed], cuts: Iterable[int]) -> list[Agreed]:
    """Pass bytes in pieces of these sizes until both agree; `one` is heard first wherever it has something to say."""
    sizes = itertools.cycle(cuts)
    ends = (one, other)
    queues = [bytearray(other.start().to_send), bytearray(one.start().to_send)]
    found: dict[int, Agreed] = {}
    while any(queues):
        at = 0 if queues[0] else 1
        size = next(sizes)
        piece = bytes(queues[at][:size])
        del queues[at][:size]
        output = ends[at].receive_data(piece)
        queues[1 - at] += output.to_send
        assert not output.trailing
        for event in output.events:
            assert at not in found
            found[at] = event
    return [found[at] for at in sorted(found)]


class TestOneSideDialled:
    @pytest.mark.spec("SIMO-1")
    def test_the_first_flight_holds_the_first_proposal(self) -> None:
        assert encode_message(SIMULTANEOUS_ID) == SIMULTANEOUS
        assert dialer().start() == Output(to_send=HEADER + SIMULTANEOUS + A)

    @pytest.mark.spec("SIMO-1")
    def test_a_plain_responder_says_na_and_takes_the_proposal_behind_it(self) -> None:
        responder = Responder({"/a"}.__contains__)
        answer = responder.receive_data(dialer().start().to_send)
        assert answer == Output((Agreed("/a"),), HEADER + NA + A)
        assert started().receive_data(answer.to_send) == Output((AgreedInRole("/a", Role.INITIATOR),))

    @pytest.mark.spec("SIMO-1")
    def test_a_plain_responder_is_asked_for_the_next_one(self) -> None:
        machine = started()
        assert machine.receive_data(HEADER + NA + NA) == Output(to_send=B)
        assert machine.receive_data(B + b"rest") == Output((AgreedInRole("/b", Role.INITIATOR),), b"", b"rest")
        assert machine.receive_data(b"more") == Output(trailing=b"more")

    @pytest.mark.spec("SIMO-1")
    def test_it_draws_no_number(self) -> None:
        def drawn() -> int:
            raise AssertionError("nobody else dialled")

        machine = SimultaneousOpen(["/a"], drawn)
        machine.start()
        assert machine.receive_data(HEADER + NA + A).events == (AgreedInRole("/a", Role.INITIATOR),)

    def test_a_responder_that_takes_nothing(self) -> None:
        with pytest.raises(ProtocolNotSupported, match="/a or /b"):
            started().receive_data(HEADER + NA * 3)

    @given(st.integers(0, 2), st.binary(max_size=60), st.data())
    def test_cuts_do_not_matter(self, refused: int, payload: bytes, draw: st.DataObject) -> None:
        ids = ["/a", "/b", "/c"]
        data = HEADER + NA * (refused + 1) + encode_message(ids[refused]) + payload
        asked = b"".join(map(encode_message, ids[1 : refused + 1]))
        expected = Output((AgreedInRole(ids[refused], Role.INITIATOR),), asked, payload)
        for chunks in ([data], bytewise(data), cut(data, draw)):
            machine = dialer(protocols=ids)
            machine.start()
            assert run(machine, chunks) == expected

    @given(st.lists(st.integers(1, 60), min_size=1), st.sets(st.sampled_from(["/a", "/b"]), min_size=1))
    def test_it_meets_a_plain_responder(self, cuts: list[int], supported: set[str]) -> None:
        ours, theirs = meet(dialer(), Responder(supported.__contains__), cuts)
        assert ours == AgreedInRole(min(supported), Role.INITIATOR)
        assert theirs.protocol_id == min(supported)

    @pytest.mark.parametrize("first", ["/multistream/2.0.0", SIMULTANEOUS_ID, "na", "select:7"])
    def test_any_other_first_message_aborts(self, first: str) -> None:
        with pytest.raises(ProtocolViolation, match="first message"):
            started().receive_data(encode_message(first))

    @pytest.mark.parametrize("answer", ["/a", "/noise", "ls", "initiator", "select:7", "", "NA"])
    def test_an_answer_that_is_none(self, answer: str) -> None:
        with pytest.raises(ProtocolViolation, match="simultaneous-connect, but the peer answered"):
            started().receive_data(HEADER + encode_message(answer))

    def test_the_header_comes_once(self) -> None:
        with pytest.raises(ProtocolViolation, match="proposed /a"):
            started().receive_data(HEADER + NA + HEADER + A)


class TestBothDialled:
    @pytest.mark.spec("SIMO-2", "SIMO-3", "SIMO-4")
    def test_message_by_message(self) -> None:
        high, low = started(9), started(5)
        opening = HEADER + SIMULTANEOUS + A
        assert high.receive_data(opening) == Output(to_send=b"\x09select:9\n")
        assert low.receive_data(opening) == Output(to_send=b"\x09select:5\n")
        assert high.receive_data(select(5)) == Output(to_send=INITIATOR)
        assert low.receive_data(select(9)) == Output(to_send=RESPONDER)
        assert high.receive_data(RESPONDER) == Output(to_send=A)
        assert low.receive_data(INITIATOR) == Output()
        assert low.receive_data(A) == Output((AgreedInRole("/a", Role.RESPONDER),), A)
        assert high.receive_data(A) == Output((AgreedInRole("/a", Role.INITIATOR),))

    @pytest.mark.spec("SIMO-2", "SIMO-4", "SIMO-6")
    @given(numbers, numbers, st.lists(st.integers(1, 60), min_size=1))
    def test_the_higher_number_is_the_initiator(self, one: int, other: int, cuts: list[int]) -> None:
        if one == other:
            with pytest.raises(NegotiationFailed, match="the same number"):
                meet(dialer(one), dialer(other), cuts)
            return
        ends = meet(dialer(one, ("/a", "/b")), dialer(other, ("/c", "/b")), cuts)
        roles = [Role.INITIATOR, Role.RESPONDER] if one > other else [Role.RESPONDER, Role.INITIATOR]
        assert ends == [AgreedInRole("/b", role) for role in roles]

    @pytest.mark.spec("SIMO-2")
    @pytest.mark.parametrize("won", [True, False])
    @given(st.binary(max_size=60), st.data())
    def test_cuts_do_not_matter(self, won: bool, payload: bytes, draw: st.DataObject) -> None:
        role = Role.INITIATOR if won else Role.RESPONDER
        said = RESPONDER + NA + B if won else INITIATOR + C + B
        data = HEADER + SIMULTANEOUS + A + select(7) + said + payload
        answers = INITIATOR + A + B if won else RESPONDER + NA + B
        number = 8 if won else 6
        expected = Output((AgreedInRole("/b", role),), select(number) + answers, payload)
        for chunks in ([data], bytewise(data), cut(data, draw)):
            assert run(started(number), chunks) == expected

    @pytest.mark.spec("SIMO-6")
    @pytest.mark.parametrize("count", [0, 1, MAX_PROPOSALS])
    def test_other_messages_before_the_number_are_ignored(self, count: int) -> None:
        machine = started()
        others = [b"\x03na\n", HEADER, A, RESPONDER, SIMULTANEOUS, encode_message("selected:9")]
        ignored = b"".join(itertools.islice(itertools.cycle(others), count))
        output = machine.receive_data(HEADER + SIMULTANEOUS + ignored + select(1))
        assert output == Output(to_send=select(5) + INITIATOR)

    @pytest.mark.spec("SIMO-6")
    def test_but_not_without_end(self) -> None:
        with pytest.raises(NegotiationFailed, match="more than 64"):
            started().receive_data(HEADER + SIMULTANEOUS + A * (MAX_PROPOSALS + 1))

    @pytest.mark.spec("SIMO-5")
    @pytest.mark.parametrize("number", [0, 5, MAX_NUMBER])
    def test_the_same_number_on_both_sides_ends_it(self, number: int) -> None:
        for machine in (started(number), started(number)):
            with pytest.raises(NegotiationFailed, match="drew the same number"):
                machine.receive_data(HEADER + SIMULTANEOUS + A + select(number))

    @pytest.mark.spec("SIMO-3")
    @pytest.mark.parametrize("number", [0, 1, MAX_NUMBER])
    def test_a_number_is_written_in_decimal(self, number: int) -> None:
        wire = started(number).receive_data(HEADER + SIMULTANEOUS).to_send
        assert wire == encode_message(f"select:{number:d}")

    @pytest.mark.spec("SIMO-3")
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "is none"),
            ("-1", "is none"),
            ("+1", "is none"),
            (" 1", "is none"),
            ("1 ", "is none"),
            ("1_000", "is none"),
            ("0x1f", "is none"),
            ("1e9", "is none"),
            ("1.0", "is none"),
            ("\u0661\u0662", "is none"),
            ("\u00b2", "is none"),
            ("\0", "is none"),
            ("00", "begins with a zero"),
            ("01", "begins with a zero"),
            (str(MAX_NUMBER + 1), "more than 64 bits"),
            ("9" * 1000, "more than 64 bits"),
        ],
    )
    def test_a_number_that_is_none(self, text: str, reason: str) -> None:
        with pytest.raises(ProtocolViolation, match=reason) as caught:
            started().receive_data(HEADER + SIMULTANEOUS + A + encode_message(f"select:{text}"))
        assert len(str(caught.value)) < 200

    @pytest.mark.spec("SIMO-4")
    @pytest.mark.parametrize("said", [INITIATOR, select(7), A, NA, HEADER, encode_message("Responder")])
    def test_whoever_lost_may_only_be_the_responder(self, said: bytes) -> None:
        with pytest.raises(ProtocolViolation, match="we are the initiator"):
            started(9).receive_data(HEADER + SIMULTANEOUS + A + select(5) + said)

    @pytest.mark.spec("SIMO-4")
    @pytest.mark.parametrize("said", [RESPONDER, select(7), A, NA, HEADER])
    def test_whoever_won_may_only_be_the_initiator(self, said: bytes) -> None:
        with pytest.raises(ProtocolViolation, match="we are the responder"):
            started(1).receive_data(HEADER + SIMULTANEOUS + A + select(5) + said)

    def test_no_header_again(self) -> None:
        won = started(9)
        won.receive_data(HEADER + SIMULTANEOUS + A + select(5) + RESPONDER)
        with pytest.raises(ProtocolViolation, match="proposed /a"):
            won.receive_data(HEADER + A)
        lost = started(1)
        lost.receive_data(HEADER + SIMULTANEOUS + A + select(5) + INITIATOR)
        assert lost.receive_data(HEADER + A).to_send == NA + A  # a proposal like any other

    def test_an_initiator_that_proposes_in_vain_is_given_up(self) -> None:
        lost = started(1)
        lost.receive_data(HEADER + SIMULTANEOUS + A + select(5) + INITIATOR)
        with pytest.raises(NegotiationFailed, match="more than 64 proposals"):
            lost.receive_data(SIMULTANEOUS * (MAX_PROPOSALS + 1))


@pytest.mark.parametrize(
    "said",
    [b"", HEADER, HEADER + NA, HEADER + SIMULTANEOUS, HEADER + SIMULTANEOUS + A + select(7) + INITIATOR],
)
def test_the_peers_end_is_a_failure_until_there_is_agreement(said: bytes) -> None:
    machine = started()
    machine.receive_data(said)
    with pytest.raises(NegotiationFailed, match="the peer closed before"):
        machine.receive_eof()


def test_the_peers_end_is_none_once_there_is() -> None:
    machine = started()
    machine.receive_data(HEADER + NA + A)
    machine.receive_eof()


def test_nothing_to_propose() -> None:
    with pytest.raises(ConfigError):
        SimultaneousOpen([], lambda: 1)
    with pytest.raises(LimitExceeded):
        SimultaneousOpen(["/" * 1024], lambda: 1)


@given(st.lists(st.sampled_from([HEADER, SIMULTANEOUS, A, B, NA, INITIATOR, RESPONDER, select(4), select(6), b"\n"])))
def test_whatever_the_peer_says_it_ends_or_waits(messages: list[bytes]) -> None:
    """No order of legal words brings two roles, or agreement on what was not offered."""
    machine = started()
    events: tuple[AgreedInRole, ...] = ()
    try:
        for message in (HEADER, *messages):
            events += machine.receive_data(message).events
    except RemoteError:
        return
    assert len(events) <= 1
    assert all(event.protocol_id in ("/a", "/b") for event in events)
