"""What no tracked file may say: paths of one machine, hosts of package registries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from house.source import ROOT, tracked_files

# A backslash before each dot or letter keeps these lines from matching themselves.
MACHINE_PATHS = re.compile(r"(?<![\w.~/-])/(?:work|root|farm|Users|home/\w)/")
REGISTRY_HOSTS = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs|npmjs\.(?:org|com)|registry\.yarnpkg|crates\.io|(?:proxy|sum)\.golang)"
)
BINARY = (".png", ".ico", ".pdf", ".bin", ".gz", ".zip", ".der", ".woff2")


def read_tracked() -> dict[str, str]:
    """The text of every tracked file."""
    paths = [path for path in tracked_files() if not path.endswith(BINARY) and "/corpus/" not in path]
    return {path: (ROOT / path).read_text(encoding="utf-8", errors="replace") for path in paths}


def machine_paths(files: Mapping[str, str]) -> Iterator[str]:
    """No path that exists on one machine only."""
    return _matches(files, MACHINE_PATHS, "a path of one machine", "make it relative, or a parameter")


def registry_hosts(files: Mapping[str, str]) -> Iterator[str]:
    """No host of a package registry: where packages come from is the machine's own setting."""
    return _matches(
        files, REGISTRY_HOSTS, "a registry's host", "name the package alone; keep resolved addresses out of locks"
    )


def line_ends(files: Mapping[str, str]) -> Iterator[str]:
    """Python files end in one newline and hold no tabs of indentation or carriage returns."""
    for path, text in files.items():
        if path.endswith((".py", ".toml", ".md", ".proto")) and ("\r" in text or (text and not text.endswith("\n"))):
            yield f"{path}:1: carriage returns, or no newline at the end; save it with plain line ends"


def _matches(files: Mapping[str, str], pattern: re.Pattern[str], what: str, way_out: str) -> Iterator[str]:
    for path, text in files.items():
        lines: Iterable[tuple[int, str]] = enumerate(text.splitlines(), 1) if pattern.search(text) else ()
        for number, line in lines:
            if found := pattern.search(line):
                yield f"{path}:{number}: {what} ({found.group()}); {way_out}"
