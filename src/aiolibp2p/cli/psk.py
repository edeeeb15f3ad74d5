"""The command `p2p psk`: make the key of a private network, or show which one is in a file."""

from __future__ import annotations

import argparse
import os
import shlex
from typing import TYPE_CHECKING

from aiolibp2p.cli import layers
from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.output import Output

if TYPE_CHECKING:
    from aiolibp2p.security.pnet import PreSharedKey

NAME = "psk"
SUMMARY = "make a private network's key, or show its fingerprint"
DESCRIPTION = """\
Make the key of a private network and keep it in a file, for your eyes only; with FILE, look at the one in that file.
What is printed is its fingerprint, which tells keys apart and nothing of them; the key itself is never printed.
"""
EXAMPLES = """\
examples:
  p2p psk --out swarm.key              make one; every member needs a copy of the file
  p2p psk swarm.key                    is it the same key here?
  p2p node --psk swarm.key             talks to members alone
"""

CODECS = ("base16", "base64", "bin")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `p2p psk`."""
    parser.add_argument("--out", metavar="FILE", help="make a key and keep it here")
    parser.add_argument("--codec", choices=CODECS, help=f"how it is written there (default: {CODECS[0]})")
    parser.add_argument("file", metavar="FILE", nargs="?", help="show the fingerprint of the key in this file instead")


def run(arguments: argparse.Namespace) -> int:
    """Make a key or show one, by the arguments that were given."""
    output = Output(arguments.json)
    if arguments.file is not None:
        if arguments.out is not None or arguments.codec is not None:
            raise UsageError("FILE shows a key's fingerprint, --out and --codec make a key: give one or the other")
        _show(output, layers.load_psk(arguments.file), arguments.file)
    elif arguments.out is not None:
        _show(output, _make(arguments.out, arguments.codec or CODECS[0]), arguments.out)
    else:
        raise UsageError("--out FILE makes a key there, FILE shows the fingerprint of one: give one of them")
    return 0


def _make(path: str, codec: str) -> PreSharedKey:
    from aiolibp2p.errors import ConfigError
    from aiolibp2p.security.pnet import PreSharedKey

    if os.path.lexists(path):
        raise ConfigError(
            f"{path!r} exists already, and writing over it would lose the key it may hold; "
            f"choose another name, or remove it first (p2p psk {shlex.quote(path)} shows its fingerprint)"
        )
    key = PreSharedKey.generate(os.urandom)
    key.save(path, codec)
    return key


def _show(output: Output, key: PreSharedKey, path: str) -> None:
    output.record(f"{key.fingerprint} {path}", {"fingerprint": key.fingerprint, "file": path})
