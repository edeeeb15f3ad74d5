"""The pre-shared key: its file, who may read it, and that it is told to nobody."""

from __future__ import annotations

import base64
import copy
import dataclasses
import logging
import os
import pickle
import stat
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p import HostConfig
from aiolibp2p.assembly import assemble
from aiolibp2p.errors import ConfigError
from aiolibp2p.security.pnet import MAX_FILE_BYTES, PreSharedKey
from aiolibp2p.security.pnet.key import CODECS

RAW = bytes.fromhex("6189c5cf0b87fb800c1a9feeda73c6ab5e998db48fb9e6a978575c770ceef683")
KEY = PreSharedKey(RAW)
HEADER = b"/key/swarm/psk/1.0.0/"
BODIES = {"base16": RAW.hex().encode(), "base64": base64.b64encode(RAW), "bin": RAW}
TELLING = (RAW.hex(), RAW.hex().upper(), base64.b64encode(RAW).decode(), repr(RAW)[2:-1])


def tells(text: str) -> bool:
    """Return whether the text holds the key, or a good part of it."""
    return any(form[at : at + 12] in text for form in TELLING for at in range(len(form) - 11))


def told_by(call: Callable[[], object]) -> str:
    """Return all that the ConfigError says, with its traceback and what it came from."""
    with pytest.raises(ConfigError) as caught:
        call()
    error: BaseException | None = caught.value
    said = "".join(traceback.format_exception(caught.value))
    while error is not None:
        said += str(error) + repr(error) + repr(vars(error)) + repr(error.args)
        error = error.__context__ or error.__cause__
    return said


def lines(codec: str, body: bytes, ending: bytes = b"\n") -> bytes:
    return HEADER + ending + f"/{codec}/".encode() + ending + body


@pytest.mark.spec("PNT-1")
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"\n", b"\r\n"])
def test_the_file_that_others_write(codec: str, ending: bytes, last: bytes) -> None:
    assert PreSharedKey.parse(lines(codec, BODIES[codec], ending) + last) == KEY


@pytest.mark.spec("PNT-1")
@pytest.mark.parametrize("codec", CODECS)
def test_what_is_written_is_what_others_read(codec: str) -> None:
    content = KEY.to_file_content(codec)
    assert content == lines(codec, BODIES[codec]) + (b"" if codec == "bin" else b"\n")
    assert PreSharedKey.parse(content) == KEY


@given(st.binary(min_size=32, max_size=32), st.sampled_from(CODECS))
def test_any_key_comes_back(raw: bytes, codec: str) -> None:
    """Any key comes back, also one that begins or ends in what looks like the end of a line."""
    assert PreSharedKey.parse(PreSharedKey(raw).to_file_content(codec)).reveal() == raw


@pytest.mark.spec("PNT-1")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lines("base16", RAW[:31].hex().encode()), "32 bytes, not 31"),
        (lines("base16", RAW.hex().encode() + b"00"), "32 bytes, not 33"),
        (lines("base16", RAW.hex(" ").encode()), "not base16"),
        (lines("base64", base64.b64encode(RAW[:31])), "32 bytes, not 31"),
        (lines("base64", base64.b64encode(RAW + b"x")), "32 bytes, not 33"),
        (lines("bin", RAW[:31]), "32 bytes, not 31"),
        (lines("bin", RAW + b"x"), "32 bytes, not 33"),
        (lines("base16", b""), "32 bytes, not 0"),
        (lines("base58", BODIES["base16"]), "one of /base16/, /base64/, /bin/"),
        (HEADER + b"\nbase16\n" + BODIES["base16"], "one of /base16/"),
        (HEADER + b"\n//base16//\n" + BODIES["base16"], "one of /base16/"),
        (HEADER + b"\n" + BODIES["base16"], "one of /base16/"),
        (HEADER, "one of /base16/"),
        (b"/key/swarm/psk/2.0.0/\n/base16/\n" + BODIES["base16"], "first line must be /key/swarm/psk/1.0.0/"),
        (BODIES["base16"], "first line"),
        (b"\xef\xbb\xbf" + lines("base16", BODIES["base16"]), "first line"),
        (b"", "first line"),
        (lines("base16", BODIES["base16"][:-1] + b"g"), "not base16"),
        (lines("base16", BODIES["base16"][:-1]), "not base16"),
        (lines("base16", RAW), "not base16"),
        (lines("base64", BODIES["base64"].rstrip(b"=")), "not base64"),
        (lines("base64", b"-_" + BODIES["base64"][2:]), "not base64"),
        (lines("base64", BODIES["base64"][:9] + b"!" + BODIES["base64"][9:]), "not base64"),
        (lines("base64", RAW), "not base64"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(content: bytes, reason: str, tmp_path: Path) -> None:
    said = told_by(lambda: PreSharedKey.parse(content))
    assert reason in said
    assert not tells(said)
    path = tmp_path / "swarm.key"
    path.write_bytes(content)
    said = told_by(lambda: PreSharedKey.load(path))
    assert reason in said
    assert "swarm.key" in said
    assert not tells(said)


@given(st.binary(max_size=120), st.booleans())
def test_no_content_is_more_than_refused(rest: bytes, is_headed: bool) -> None:
    try:
        key = PreSharedKey.parse(HEADER + b"\n/" + rest if is_headed else rest)
    except ConfigError:
        return
    assert PreSharedKey.parse(key.to_file_content()) == key


def test_content_may_be_text() -> None:
    content = KEY.to_file_content()
    assert PreSharedKey.parse(content.decode()) == PreSharedKey.parse(content)
    with pytest.raises(ConfigError, match="first line must be"):
        PreSharedKey.parse("\udcff\u00e9")


@pytest.mark.parametrize("wrong", [None, 5, ["a key"]])
def test_content_of_the_wrong_type_is_refused(wrong: object) -> None:
    with pytest.raises(ConfigError, match=f"is bytes or text, not {type(wrong).__name__}"):
        PreSharedKey.parse(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_has_32_bytes(size: int) -> None:
    with pytest.raises(ConfigError, match=f"32 bytes, not {size}"):
        PreSharedKey(bytes(size))


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(ConfigError, match="base16, base64, bin, not 'base58'"):
        KEY.to_file_content("base58")


@pytest.mark.spec("PNT-11")
def test_fingerprints_tell_keys_apart() -> None:
    """The first one is what rust checked against Kubo."""
    assert KEY.fingerprint == "45fc986bbc9388a11d939df26f730f0c"
    assert PreSharedKey(bytes(32)).fingerprint != KEY.fingerprint


def test_equal_keys_are_equal() -> None:
    again = PreSharedKey(bytearray(RAW))
    assert again == KEY
    assert hash(again) == hash(KEY)
    assert PreSharedKey(RAW[::-1]) != KEY
    assert KEY != RAW
    assert PreSharedKey.generate(lambda n: RAW[:n]) == KEY


def test_no_text_of_ours_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    config = HostConfig(psk=KEY, muxers=("typo",))
    logging.getLogger("aiolibp2p").warning("%s %r %s", KEY, KEY, config)
    said = f"{KEY}{KEY!r}{config!r}{dataclasses.asdict(config)}{vars(config)}{caplog.text}{dir(KEY)}"
    assert not tells(said)
    assert not tells(told_by(lambda: assemble(config)))
    assert not hasattr(KEY, "__dict__")


def test_it_is_copied_but_not_pickled() -> None:
    assert copy.deepcopy([copy.copy(KEY)]) == [KEY]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(KEY, protocol)


@pytest.mark.parametrize("codec", CODECS)
def test_saved_and_loaded(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "swarm.key"
    KEY.save(path, codec)
    assert PreSharedKey.load(str(path)) == KEY
    assert [entry.name for entry in tmp_path.iterdir()] == ["swarm.key"]
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match=r"swarm\.key' exists already"):
        PreSharedKey(bytes(32)).save(path)
    assert PreSharedKey.load(path) == KEY
    PreSharedKey(bytes(32)).save(path, overwrite=True)
    assert PreSharedKey.load(path) == PreSharedKey(bytes(32))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the private network's key file .*no\.key': No such file"):
        PreSharedKey.load(tmp_path / "no.key")
    with pytest.raises(ConfigError, match="is empty"):
        PreSharedKey.load("")
    path = tmp_path / "long.key"
    path.write_bytes(KEY.to_file_content() + b" " * MAX_FILE_BYTES)
    with pytest.raises(ConfigError, match="longer than 1024 bytes"):
        PreSharedKey.load(path)


@pytest.mark.parametrize("given_as", [RAW.hex(), RAW.hex().upper(), base64.b64encode(RAW).decode(), f"{RAW.hex()}\n"])
def test_a_key_where_its_file_goes_is_not_repeated(given_as: str) -> None:
    for text in (given_as, lines("base16", given_as.encode()).decode()):
        said = told_by(lambda text=text: assemble(HostConfig(psk=text)))  # type: ignore[misc]
        assert "PreSharedKey.parse takes keys" in said
        assert not tells(said)


def test_neither_is_one_of_the_wrong_type() -> None:
    for wrong in (RAW, bytearray(RAW), list(RAW)):
        said = told_by(lambda wrong=wrong: assemble(HostConfig(psk=wrong)))  # type: ignore[misc]
        assert "loaded from a file" in said
        assert not tells(said)
