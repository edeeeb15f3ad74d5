"""Key files: who may read them, what is never lost."""

from __future__ import annotations

import os
import stat

import pytest

from aiolibp2p.errors import ConfigError, FormatError
from aiolibp2p.peer import PrivateKey, keys_pb2
from aiolibp2p.peer.keys import MAX_PRIVATE_KEY_BYTES

not_for_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)
with_modes = pytest.mark.skipif(os.name == "nt", reason="there are no such modes on Windows")


@pytest.mark.spec("PID-11")
def test_saved_and_loaded(key, tmp_path):
    path = tmp_path / "node.key"
    key.save(path)
    assert PrivateKey.load(str(path)) == key
    assert keys_pb2.PrivateKey.FromString(path.read_bytes()).type == key.kind
    assert [entry.name for entry in tmp_path.iterdir()] == ["node.key"], "nothing else is left behind"


@with_modes
def test_only_the_owner_reads_it(ours, tmp_path):
    path = tmp_path / "node.key"
    before = os.umask(0)
    try:
        ours.save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)
        ours.save(path, overwrite=True)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_an_existing_file_stays(ours, theirs, tmp_path):
    path = tmp_path / "node.key"
    ours.save(path)
    with pytest.raises(ConfigError, match=r"node\.key' exists already"):
        theirs.save(path)
    assert PrivateKey.load(path) == ours
    theirs.save(path, overwrite=True)
    assert PrivateKey.load(path) == theirs
    assert [entry.name for entry in tmp_path.iterdir()] == ["node.key"]


def test_file_systems_without_hard_links(ours, theirs, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "node.key"
    ours.save(path)
    with pytest.raises(ConfigError, match="exists already"):
        theirs.save(path)
    assert PrivateKey.load(path) == ours
    assert [entry.name for entry in tmp_path.iterdir()] == ["node.key"]


def test_a_disk_that_is_full_leaves_nothing(ours, theirs, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "node.key"
    ours.save(path)
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(ConfigError, match="No space left on device"):
        theirs.save(path, overwrite=True)
    assert PrivateKey.load(path) == ours
    assert [entry.name for entry in tmp_path.iterdir()] == ["node.key"]


def test_a_directory_that_is_not_there(ours, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot write .*no/node\.key': No such file"):
        ours.save(tmp_path / "no" / "node.key")
    with pytest.raises(ConfigError, match=r"cannot read .*no/node\.key': No such file"):
        PrivateKey.load(tmp_path / "no" / "node.key")


@pytest.mark.skipif(os.name == "nt", reason="the path is another kind of wrong on Windows")
def test_a_path_that_cannot_be(ours):
    with pytest.raises(ConfigError, match="cannot write"):
        ours.save("node\0.key")
    with pytest.raises(ConfigError, match="cannot read"):
        PrivateKey.load("node\0.key")


@not_for_root
def test_a_file_that_may_not_be_read(ours, tmp_path):
    path = tmp_path / "node.key"
    ours.save(path)
    path.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        PrivateKey.load(path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"\x08\x01\x12\x40" + bytes(64)])
def test_a_file_that_holds_no_key(content, tmp_path):
    path = tmp_path / "node.key"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"node\.key' holds no libp2p private key"):
        PrivateKey.load(path)


def test_a_directory_and_a_file_too_long(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        PrivateKey.load(tmp_path)
    path = tmp_path / "node.key"
    path.write_bytes(bytes(MAX_PRIVATE_KEY_BYTES + 1))
    with pytest.raises(ConfigError, match="longer than 8192 bytes"):
        PrivateKey.load(path)
