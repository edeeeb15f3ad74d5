"""Both sides of a negotiation: agreement, refusal, pipelining, and peers that break the rules."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.machine import ByteMachine, Output
from aiolibp2p.errors import ConfigError, NegotiationFailed, ProtocolNotSupported, ProtocolViolation, RemoteError
from aiolibp2p.multistream import HEADER, NA, Agreed, Initiator, OptimisticRefused, Responder, encode_message

ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=140).filter(lambda text: text != "na")


def bytewise(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


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


def supports(*protocols: str) -> Callable[[str], bool]:
    return protocols.__contains__


class TestResponder:
    @pytest.mark.spec("CONN-2", "CONN-4", "CONN-12")
    def test_header_and_echo_leave_together(self) -> None:
        responder = Responder(supports("/a", "/b"))
        assert responder.start() == Output()
        output = responder.receive_data(HEADER + encode_message("/b"))
        assert output == Output((Agreed("/b"),), HEADER + encode_message("/b"))

    @pytest.mark.spec("CONN-2")
    def test_a_peer_that_waits_for_our_header_gets_it(self) -> None:
        responder = Responder(supports("/a"))
        assert responder.receive_data(HEADER) == Output(to_send=HEADER)
        assert responder.receive_data(encode_message("/a")) == Output((Agreed("/a"),), encode_message("/a"))

    @pytest.mark.spec("CONN-4", "CONN-5", "CONN-15")
    def test_unknown_protocols_leave_the_stream_usable(self) -> None:
        responder = Responder(supports("/b"))
        assert responder.receive_data(HEADER + encode_message("/a")) == Output(to_send=HEADER + NA)
        assert responder.receive_data(encode_message("/c")) == Output(to_send=NA)
        assert responder.receive_data(encode_message("/b")) == Output((Agreed("/b"),), encode_message("/b"))

    @pytest.mark.spec("CONN-12")
    def test_a_protocol_is_matched_whole(self) -> None:
        responder = Responder(supports("/a/1.0.0"))
        assert responder.receive_data(HEADER + encode_message("/a/1.0")) == Output(to_send=HEADER + NA)

    @pytest.mark.spec("CONN-6")
    @pytest.mark.parametrize("payload", [b"x", b"\x00" * 70_000, HEADER])
    def test_payload_behind_the_proposal_comes_out_untouched(self, payload: bytes) -> None:
        data = HEADER + encode_message("/a") + payload
        assert Responder(supports("/a")).receive_data(data).trailing == payload
        assert Responder(supports("/a")).receive_data(memoryview(data)).trailing == payload
        assert (
            run(Responder(supports("/a")), bytewise(data[:200])).trailing == payload[: 200 - len(data) + len(payload)]
        )

    @pytest.mark.spec("CONN-5", "CONN-6", "CONN-23")
    @given(ids, st.lists(ids, max_size=3), st.binary(max_size=60), st.data())
    def test_cuts_do_not_matter(self, wanted: str, others: list[str], payload: bytes, draw: st.DataObject) -> None:
        refused = [other for other in others if other != wanted]
        data = HEADER + b"".join(map(encode_message, [*refused, wanted])) + payload
        expected = Output((Agreed(wanted),), HEADER + NA * len(refused) + encode_message(wanted), payload)
        for chunks in ([data], bytewise(data), cut(data, draw)):
            assert run(Responder(supports(wanted)), chunks) == expected

    @pytest.mark.spec("CONN-3")
    @pytest.mark.parametrize("first", ["/multistream/2.0.0", "/a", "na", ""])
    def test_any_other_first_message_aborts(self, first: str) -> None:
        with pytest.raises(ProtocolViolation, match="first message"):
            Responder(supports("/a")).receive_data(encode_message(first))

    @pytest.mark.spec("CONN-3")
    @pytest.mark.parametrize("start", [b"S", b"HTTP/1.1 400", b"\x14", b"\x13/multistream/2", b"\x93", b"\x00"])
    def test_what_speaks_something_else_is_told_by_its_first_byte(self, start: bytes) -> None:
        """A peer that speaks something else may never send as much as its first byte seems to announce."""
        for machine in (Responder(supports("/a")), Initiator(["/a"])):
            machine.start()
            with pytest.raises(ProtocolViolation, match="first message"):
                run(machine, bytewise(start))
        for cut_at in range(len(HEADER)):
            assert Responder(supports("/a")).receive_data(HEADER[:cut_at]) == Output()

    @pytest.mark.spec("CONN-25")
    def test_ls_without_a_listing(self) -> None:
        assert Responder(supports("/a")).receive_data(HEADER + encode_message("ls")).to_send == HEADER + NA

    @pytest.mark.spec("CONN-25")
    def test_ls_with_a_listing(self) -> None:
        responder = Responder(supports("/a"), listing=lambda: ["/a", "/b"])
        assert responder.receive_data(HEADER + b"\x03ls\n").to_send == HEADER + b"\x09\x03/a\n\x03/b\n\n"
        assert responder.receive_data(encode_message("/a")).events == (Agreed("/a"),)

    def test_simultaneous_open_is_not_available(self) -> None:
        output = Responder(supports("/noise")).receive_data(HEADER + encode_message("/libp2p/simultaneous-connect"))
        assert output == Output(to_send=HEADER + NA)

    @pytest.mark.parametrize("payload", [bytes(8), b"\x05abcde", b"\x02\xff\n"])
    def test_payload_of_a_refused_proposal_does_not_hide_the_refusal(self, payload: bytes) -> None:
        responder = Responder(supports("/b"))
        assert responder.receive_data(HEADER + encode_message("/a") + payload) == Output(to_send=HEADER + NA)
        with pytest.raises(ProtocolViolation):
            responder.receive_data(encode_message("/b"))
        responder = Responder(supports("/b"))
        responder.receive_data(HEADER + encode_message("/a"))
        with pytest.raises(ProtocolViolation):
            responder.receive_data(payload)

    def test_proposals_are_counted(self) -> None:
        responder = Responder(supports("/b"), max_proposals=3)
        assert responder.receive_data(HEADER + encode_message("/a") * 3).to_send == HEADER + NA * 3
        with pytest.raises(NegotiationFailed, match="more than 3 proposals"):
            responder.receive_data(encode_message("/b"))

    @pytest.mark.spec("CONN-24")
    def test_a_long_proposal_is_taken_and_a_longer_one_refused(self) -> None:
        long = "/" + "x" * 1022
        assert Responder(supports(long)).receive_data(HEADER + encode_message(long)).events == (Agreed(long),)
        with pytest.raises(ProtocolViolation, match="1025 bytes"):
            Responder(supports(long)).receive_data(HEADER + b"\x81\x08" + b"x" * 1025)

    @pytest.mark.spec("CONN-24")
    @pytest.mark.parametrize("bad", [b"\x00", b"\x03/ax", b"\x03\xff/\n", b"\x83\x00/a\n"])
    def test_a_malformed_proposal_aborts(self, bad: bytes) -> None:
        for chunks in ([HEADER + bad], bytewise(HEADER + bad)):
            with pytest.raises(ProtocolViolation):
                run(Responder(lambda protocol_id: True), chunks)

    @pytest.mark.spec("CONN-27")
    @pytest.mark.parametrize("said", [b"", HEADER[:5], HEADER, HEADER + encode_message("/unknown")])
    def test_the_peer_closes(self, said: bytes) -> None:
        responder = Responder(supports("/a"))
        responder.receive_data(said)
        with pytest.raises(NegotiationFailed, match="closed"):
            responder.receive_eof()

    def test_after_agreement_everything_is_trailing(self) -> None:
        responder = Responder(supports("/a"))
        responder.receive_data(HEADER + encode_message("/a"))
        responder.receive_eof()
        assert responder.receive_data(b"more") == Output(trailing=b"more")

    @given(st.binary(max_size=300), st.booleans(), st.data())
    def test_garbage_raises_remote_errors_only(self, data: bytes, greet: bool, draw: st.DataObject) -> None:
        data = HEADER + data if greet else data
        with contextlib.suppress(RemoteError):
            run(Responder(supports("/a"), listing=lambda: ["/a"]), cut(data, draw))


class TestInitiator:
    @pytest.mark.spec("CONN-2", "CONN-26")
    def test_header_proposal_and_payload_leave_together(self) -> None:
        assert Initiator(["/a", "/b"]).start() == Output(to_send=HEADER + encode_message("/a"))
        assert Initiator(["/a"], b"payload").start() == Output(to_send=HEADER + encode_message("/a") + b"payload")

    @pytest.mark.spec("CONN-4", "CONN-6")
    @given(ids, st.lists(ids, max_size=3), st.binary(max_size=60), st.data())
    def test_cuts_do_not_matter(self, wanted: str, others: list[str], payload: bytes, draw: st.DataObject) -> None:
        refused = list(dict.fromkeys(other for other in others if other != wanted))
        data = HEADER + NA * len(refused) + encode_message(wanted) + payload
        proposals = b"".join(map(encode_message, [*refused, wanted]))
        for chunks in ([data], bytewise(data), cut(data, draw)):
            initiator = Initiator([*refused, wanted])
            opening = initiator.start().to_send
            output = run(initiator, chunks)
            assert HEADER + proposals == opening + output.to_send
            assert output.events == (Agreed(wanted),)
            assert output.trailing == payload

    @pytest.mark.spec("CONN-5")
    def test_the_next_proposal_follows_a_refusal(self) -> None:
        initiator = Initiator(["/a", "/b"])
        initiator.start()
        assert initiator.receive_data(HEADER + NA) == Output(to_send=encode_message("/b"))
        assert initiator.receive_data(encode_message("/b")) == Output((Agreed("/b"),))

    @pytest.mark.spec("CONN-2")
    def test_a_header_that_crosses_ours(self) -> None:
        initiator = Initiator(["/a"])
        assert initiator.receive_data(HEADER) == Output()
        assert initiator.receive_data(encode_message("/a")).events == (Agreed("/a"),)

    @pytest.mark.spec("CONN-5")
    def test_all_refused(self) -> None:
        initiator = Initiator(["/a", "/b"])
        with pytest.raises(ProtocolNotSupported, match="/a or /b") as caught:
            initiator.receive_data(HEADER + NA + NA)
        assert caught.value.protocols == ("/a", "/b")

    @pytest.mark.spec("CONN-26")
    def test_a_refusal_with_payload_under_way(self) -> None:
        initiator = Initiator(["/noise", "/tls/1.0.0"], b"first message")
        with pytest.raises(OptimisticRefused, match="/noise") as caught:
            initiator.receive_data(HEADER + NA)
        assert caught.value.protocol_id == "/noise"

    @pytest.mark.spec("CONN-3")
    @pytest.mark.parametrize("first", ["/multistream/2.0.0", "/a", "na", ""])
    def test_any_other_first_message_aborts(self, first: str) -> None:
        with pytest.raises(ProtocolViolation, match="first message"):
            Initiator(["/a"]).receive_data(encode_message(first))

    @pytest.mark.parametrize("answer", ["/b", "ls", "/multistream/1.0.0", "x" * 500])
    def test_any_other_answer_is_a_violation(self, answer: str) -> None:
        with pytest.raises(ProtocolViolation, match="proposed /a") as caught:
            Initiator(["/a", "/b"]).receive_data(HEADER + encode_message(answer))
        assert len(str(caught.value)) < 200

    @pytest.mark.spec("CONN-27")
    @pytest.mark.parametrize("said", [b"", HEADER[:5], HEADER, HEADER + NA])
    def test_the_peer_closes(self, said: bytes) -> None:
        initiator = Initiator(["/a", "/b"])
        initiator.receive_data(said)
        with pytest.raises(NegotiationFailed, match="closed before it answered"):
            initiator.receive_eof()

    def test_after_agreement_everything_is_trailing(self) -> None:
        initiator = Initiator(["/a"])
        initiator.receive_data(HEADER + encode_message("/a"))
        initiator.receive_eof()
        assert initiator.receive_data(memoryview(b"more")) == Output(trailing=b"more")

    def test_nothing_to_propose(self) -> None:
        with pytest.raises(ConfigError, match="at least one"):
            Initiator([])

    @given(st.binary(max_size=300), st.booleans(), st.data())
    def test_garbage_raises_remote_errors_only(self, data: bytes, greet: bool, draw: st.DataObject) -> None:
        data = HEADER + data if greet else data
        with contextlib.suppress(RemoteError):
            run(Initiator(["/a", "/b"]), cut(data, draw))


@given(st.lists(ids, min_size=1, max_size=4, unique=True), st.lists(ids, max_size=4), st.binary(max_size=20))
def test_two_machines_meet(wanted: Sequence[str], offered: list[str], payload: bytes) -> None:
    """Two machines agree on the initiator's first protocol that the responder has, or on none."""
    common = [protocol_id for protocol_id in wanted if protocol_id in offered]
    initiator, responder = Initiator(wanted), Responder(offered.__contains__)
    to_responder = initiator.start().to_send
    agreed: tuple[Agreed, ...] = ()
    try:
        while to_responder:
            answer = responder.receive_data(to_responder)
            output = initiator.receive_data(answer.to_send + (payload if answer.events else b""))
            to_responder = output.to_send
            agreed += answer.events + output.events
    except ProtocolNotSupported:
        assert not common
        return
    assert agreed == (Agreed(common[0]), Agreed(common[0]))
    assert output.trailing == payload
