"""The schemas: generated code is current, and `scripts/proto.py` notices when it is not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "proto.py"
SCHEMA = 'syntax = "proto3";\npackage demo;\nmessage Demo {\n  bytes data = 1;\n}\n'

pytest.importorskip("grpc_tools", reason="the generator is in the dev extra")


@pytest.fixture(scope="module")
def proto() -> ModuleType:
    spec = importlib.util.spec_from_file_location("proto_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def room(tmp_path: Path, proto: ModuleType) -> Path:
    """A source tree with one schema and its generated files."""
    folder = tmp_path / "src" / "demo"
    folder.mkdir(parents=True)
    (folder / "demo.proto").write_text(SCHEMA)
    proto.generate(folder.parent, folder.parent)
    return folder


@pytest.mark.spec("XC-8")
def test_generated_files_are_current():
    checked = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, check=False, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_generated_next_to_the_schema(room, proto):
    assert sorted(path.name for path in room.iterdir()) == ["demo.proto", "demo_pb2.py", "demo_pb2.pyi"]
    assert "import" in (room / "demo_pb2.py").read_text()
    assert proto.stale(room.parent) == []


def test_a_changed_schema_is_noticed(room, proto):
    (room / "demo.proto").write_text(SCHEMA.replace("data", "payload"))
    assert proto.stale(room.parent) == [
        "src/demo/demo_pb2.py: not what its schema gives",
        "src/demo/demo_pb2.pyi: not what its schema gives",
    ]


def test_missing_and_left_over_files_are_noticed(room, proto):
    (room / "demo_pb2.pyi").unlink()
    (room / "old_pb2.py").write_text("")
    assert proto.stale(room.parent) == ["src/demo/old_pb2.py: no schema gives it", "src/demo/demo_pb2.pyi: missing"]


def test_a_broken_schema_is_an_error(room, proto, capfd):
    (room / "demo.proto").write_text("message {")
    with pytest.raises(subprocess.CalledProcessError):
        proto.generate(room.parent, room.parent)
    assert "demo.proto" in capfd.readouterr().err
