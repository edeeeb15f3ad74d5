from __future__ import annotations

from typing import cast

import pytest

from aiolibp2p.abc.host import Host
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.protocols.identify import description
from aiolibp2p.protocols.identify.description import MAX_ENCODED, OwnDescription
from aiolibp2p.protocols.identify.messages import MessageReader, delimit
from protocols.fakes import FakeConnection, FakeHost, FakeStream, join
from protocols.identify.pair import HERE, KEYS


async def handler(stream: FakeStream) -> None:
    """Serve nothing: a handler that is never called."""


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost(KEYS[0])
    host.addresses = [HERE]
    return host


def told(own: OwnDescription, host: FakeHost, connection: FakeConnection) -> tuple[str, ...]:
    reader = MessageReader()
    reader.receive_data(delimit(own.parts_over(cast(Host, host), cast(MuxedConnection, connection))))
    return reader.finish().protocols


@pytest.mark.spec("CONN-19")
def test_more_sets_than_are_kept_are_each_told_right(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    own = OwnDescription("ours/1", "test/1")
    links = [join(host, FakeHost(KEYS[1])) for _ in range(MAX_ENCODED + 1)]
    for number, link in enumerate(links):
        host.set_stream_handler(f"/{number:02}", handler, offered_on=lambda connection, link=link: connection is link)
    own.refresh(cast(Host, host))
    encoded = []
    real = description.encode_parts

    def encode_parts(message: description.IdentifyMessage) -> list[bytes]:
        encoded.append(message.protocols)
        return real(message)

    monkeypatch.setattr(description, "encode_parts", encode_parts)
    for number in (*range(MAX_ENCODED + 1), MAX_ENCODED):
        assert told(own, host, links[number]) == (f"/{number:02}",)
    assert len(encoded) == MAX_ENCODED + 1
    assert told(own, host, links[0]) == ("/00",)
    assert len(encoded) == MAX_ENCODED + 2


def test_a_change_of_scope_is_a_new_revision_once(host: FakeHost) -> None:
    own = OwnDescription("ours/1", "test/1")
    seen = cast(Host, host)
    assert own.refresh(seen)
    assert not own.refresh(seen)
    own.offers_changed()
    assert own.refresh(seen)
    assert not own.refresh(seen)
    assert own.revision == 2
