"""Targets: what is read from text or bytes in one piece. Each also checks that what it read can be written again."""

from __future__ import annotations

from aiolibp2p.cli import addresses as cli_addresses
from aiolibp2p.cli.failures import UsageError
from aiolibp2p.errors import FormatError, InvalidMultiaddr
from aiolibp2p.multiformats import Cid, Multiaddr, Multihash, multibase, varint
from aiolibp2p.multiformats.multiaddr.protocols import BY_NAME
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId
from fuzz.engine import Target

NAMES = tuple(f"/{name}/".encode() for name in BY_NAME)
CODES = (*(protocol.code_bytes for protocol in BY_NAME.values()), b"\xa5\x03\x02\x00\x00")
MAX_COMPLAINT = 4 * cli_addresses.MAX_SHOWN_LENGTH


def text_of(data: bytes) -> str:
    """Any text: bytes that are not UTF-8 become lone surrogates, as in `sys.argv`."""
    return data.decode("utf-8", "surrogateescape")


def read_varint(data: bytes) -> object:
    value, end = varint.decode(data)
    assert varint.encode(value) == data[:end]
    assert varint.decode(memoryview(data)) == (value, end)
    return end


def read_multibase(data: bytes) -> object:
    text = text_of(data)
    raw = multibase.decode(text)
    for base in ("base16", "base32", "base64url", "identity"):
        assert multibase.decode(multibase.encode(base, raw)) == raw
    if len(raw) <= multibase.MAX_NUMBER_BYTES:
        assert multibase.decode(multibase.encode("base36", raw)) == raw
        assert multibase.base58btc_decode(multibase.base58btc_encode(raw)) == raw
    return text[:1]


def read_multihash(data: bytes) -> object:
    read = Multihash.decode(data)
    assert read.encode() == data
    return min(read.code, 0x13)


def read_cid(data: bytes) -> object:
    read = Cid.decode(data)
    assert read.encode() == data
    assert Cid.parse(read.text()) == read
    return read.version


def read_cid_text(data: bytes) -> object:
    read = Cid.parse(text_of(data))
    assert Cid.decode(read.encode()) == read
    assert Cid.parse(read.text("base36")) == read
    return read.version


def read_multiaddr(data: bytes) -> object:
    read = Multiaddr(data)
    assert read.to_bytes() == data
    check_address(read)
    return read.protocols()[:3]


def read_multiaddr_text(data: bytes) -> object:
    text = text_of(data)
    try:
        read = Multiaddr(text)
    except InvalidMultiaddr as error:
        check_place(error)
        raise
    check_address(read)
    return read.protocols()[:3]


def check_place(error: InvalidMultiaddr) -> None:
    """Check that an error points into the text."""
    assert 0 <= error.start <= error.end <= len(error.text or "")


def check_address(read: Multiaddr) -> None:
    """Check that an address's text gives it again, its parts make the whole, and its properties have an answer."""
    assert Multiaddr(str(read)).to_bytes() == read.to_bytes()
    assert str(Multiaddr(str(read))) == str(read)
    assert str(read).isprintable()
    assert len(read.components()) == len(read.protocols())
    if read.p2p_bytes is not None:
        assert str(PeerId(read.p2p_bytes)) == read.p2p
    assert (read.ip is None) == (not {"ip4", "ip6"}.intersection(read.protocols()))
    assert read.port is None or 0 <= read.port <= 0xFFFF
    assert read.starts_with(read.without_p2p()) or not read.without_p2p()
    if (split := read.split_circuit()) is not None:
        assert split[0].to_bytes() + BY_NAME["p2p-circuit"].code_bytes + split[1].to_bytes() == read.to_bytes()


def read_cli_address(data: bytes) -> object:
    try:
        return cli_addresses.parse_listen(text_of(data)).protocols()[:3]
    except UsageError as error:
        said = str(error)
        assert said.isprintable(), "the complaint would not print in one line"
        assert len(said) <= MAX_COMPLAINT or "leave out the peer id" in said, "the complaint is endless"
        if "did you mean /" in said:
            Multiaddr(said.partition("did you mean ")[2].partition("?")[0])
        raise


def read_peer_id(data: bytes) -> object:
    read = PeerId(data)
    assert read.to_bytes() == data
    assert PeerId.parse(str(read)) == PeerId.parse(read.text()) == PeerId.parse(read.text("base36")) == read
    assert Multiaddr(f"/p2p/{read}").p2p_bytes == data
    return None if PublicKey.of(read) is None else "key"


def read_peer_id_text(data: bytes) -> object:
    read = PeerId.parse(text_of(data))
    assert PeerId(read.to_bytes()) == read
    assert PeerId.parse(str(read)) == read
    return str(read)[:2]


BASES = (b"z", b"b", b"k", b"m", b"u", b"f", b"\0", b"Qm", b"12D3KooW")

TARGETS = (
    Target("varint", read_varint, (FormatError,), (b"\x80", b"\xff" * 8), executions=3000, max_bytes=16),
    Target("multibase", read_multibase, (FormatError,), (*BASES, b"==", b"1" * 100), executions=2000),
    Target("multihash", read_multihash, (FormatError,), (b"\x12\x20", b"\x00"), executions=3000, max_bytes=200),
    Target("cid", read_cid, (FormatError,), (b"\x12\x20", b"\x01\x72", b"\x01\x55"), executions=2000, max_bytes=256),
    Target("cid_text", read_cid_text, (FormatError,), BASES, executions=2000),
    Target(
        "multiaddr",
        read_multiaddr,
        (InvalidMultiaddr,),
        CODES,
        executions=4000,
        max_bytes=5000,
    ),
    Target("multiaddr_text", read_multiaddr_text, (InvalidMultiaddr,), NAMES, executions=4000, max_bytes=20000),
    Target("cli_address", read_cli_address, (UsageError,), (*NAMES, b":", b"[", b"]", b":80", b" "), executions=4000),
    Target("peer_id", read_peer_id, (FormatError,), (b"\x12\x20", b"\x00\x24\x08\x01\x12\x20"), max_bytes=64),
    Target("peer_id_text", read_peer_id_text, (FormatError,), BASES, executions=2000, max_bytes=200),
)
