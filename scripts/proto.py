"""Generate `*_pb2.py` and `*_pb2.pyi` next to every schema of the package: `make proto`.

`--check` writes nothing and fails when a committed file is missing, differs, or has lost its schema. The generator is
pinned in pyproject.toml (the `dev` extra) to one whose output runs on every protobuf the package allows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
SUFFIXES = ("_pb2.py", "_pb2.pyi")


def schemas(source: Path) -> list[str]:
    """Paths of all schemas, from `source`: full ones, so that one schema can import another by its place."""
    return sorted(path.relative_to(source).as_posix() for path in source.rglob("*.proto"))


def committed(source: Path) -> list[str]:
    """Paths of all generated files, from `source`."""
    found = [path for suffix in SUFFIXES for path in source.rglob(f"*{suffix}")]
    return sorted(path.relative_to(source).as_posix() for path in found)


def outputs(schema: str) -> list[str]:
    """Return the paths that are generated from a schema."""
    return [schema.removesuffix(".proto") + suffix for suffix in SUFFIXES]


def generate(source: Path, target: Path) -> None:
    """Run protoc over all schemas of `source`; raises CalledProcessError after protoc has said what is wrong."""
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={target}", f"--pyi_out={target}"]
    if found := schemas(source):
        subprocess.run([*command, *found], cwd=source, check=True)


def stale(source: Path) -> list[str]:
    """A line for each generated file that is not what its schema gives now."""
    expected = [path for schema in schemas(source) for path in outputs(schema)]
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        generate(source, fresh)
        problems = [f"{source.name}/{path}: no schema gives it" for path in committed(source) if path not in expected]
        for path in expected:
            if not (source / path).is_file():
                problems.append(f"{source.name}/{path}: missing")
            elif (source / path).read_bytes() != (fresh / path).read_bytes():
                problems.append(f"{source.name}/{path}: not what its schema gives")
    return problems


def main() -> int:
    """Generate or check; return 0 when all is done, or current, and 1 otherwise."""
    parser = argparse.ArgumentParser(description="generate the protobuf modules from their schemas")
    parser.add_argument("--check", action="store_true", help="only say whether the committed files are current")
    try:
        if not parser.parse_args().check:
            generate(SOURCE, SOURCE)
            print(f"generated {len(committed(SOURCE))} files from {len(schemas(SOURCE))} schemas")
            return 0
        problems = stale(SOURCE)
    except subprocess.CalledProcessError:
        print("protoc failed; is the dev extra installed? (pip install -e '.[dev]')", file=sys.stderr)
        return 1
    for problem in problems:
        print(f"{problem}; run `make proto`", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
