"""Files that a node serves by key: `p2p node --fetch KEY=FILE`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.output import shown

if TYPE_CHECKING:
    from aiolibp2p.peer.peer_id import PeerId
    from aiolibp2p.protocols.fetch import Fetch


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option `--fetch`."""
    parser.add_argument(
        "--fetch",
        metavar="KEY=FILE",
        action="append",
        help="answer p2p fetch for KEY with what the file holds at that moment; may be given several times",
    )


def parse(given: Sequence[str]) -> Mapping[str, str]:
    """Return the path of the file for each key; the first "=" divides. Raises UsageError."""
    files: dict[str, str] = {}
    for text in given:
        key, divider, path = text.partition("=")
        if not key or not divider or not path:
            raise UsageError(f"--fetch takes KEY=FILE, not '{shown(text)}'")
        if key in files:
            raise UsageError(f"--fetch gives the key '{shown(key)}' two files")
        files[key] = _checked(path)
    return files


def _checked(path: str) -> str:
    from aiolibp2p.protocols.fetch import MAX_VALUE_BYTES

    if not os.path.exists(path):
        raise UsageError(f"--fetch: there is no file {path!r}")
    if not os.path.isfile(path):
        raise UsageError(f"--fetch: {path!r} is not a file")
    if not os.access(path, os.R_OK):
        raise UsageError(f"--fetch: {path!r} cannot be read")
    if (size := os.path.getsize(path)) > MAX_VALUE_BYTES:
        raise UsageError(f"--fetch: {path!r} has {size} bytes; a value has at most {MAX_VALUE_BYTES}")
    return path


def service(files: Mapping[str, str]) -> Fetch:
    """Return a fetch service that serves these files: other keys, and files that are gone, are not found."""
    import asyncio

    from aiolibp2p.protocols.fetch import Fetch

    by_key = {os.fsencode(key): path for key, path in files.items()}

    async def look_up(key: bytes, peer: PeerId) -> bytes | None:
        path = by_key.get(key)
        return None if path is None else await asyncio.to_thread(_read, path)

    fetch = Fetch()
    fetch.register("", look_up)
    return fetch


def _read(path: str) -> bytes | None:
    from aiolibp2p.protocols.fetch import MAX_VALUE_BYTES

    try:
        with open(path, "rb") as file:
            return file.read(MAX_VALUE_BYTES + 1)  # one more than is served, so that a file that grew is refused
    except FileNotFoundError:
        return None
