"""The command `p2p id`: make an identity, or show the one in a file."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import TYPE_CHECKING

from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.output import Output

if TYPE_CHECKING:
    from aiolibp2p.peer.keys import PrivateKey

NAME = "id"
SUMMARY = "make an identity, or show one"
DESCRIPTION = """\
Make an identity (a key pair) and print its peer id and type; --out keeps it in a file.
With FILE, print those of the identity in that file.
"""
EXAMPLES = """\
examples:
  p2p id --out me.key            make one and keep it
  p2p id me.key                  who is that?
  p2p id --type rsa --out rsa.key
"""

KEY_TYPES = ("ed25519", "secp256k1", "ecdsa", "rsa")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `p2p id`."""
    parser.add_argument("--type", choices=KEY_TYPES, help="kind of key to make (default: ed25519)")
    parser.add_argument("--out", metavar="FILE", help="keep the new identity here, for your eyes only")
    parser.add_argument("file", metavar="FILE", nargs="?", help="show the identity in this file instead")


def run(arguments: argparse.Namespace) -> int:
    """Make an identity or show one, by the arguments that were given."""
    from aiolibp2p.peer.keys import PrivateKey

    output = Output(arguments.json)
    if arguments.file is not None:
        if arguments.type is not None or arguments.out is not None:
            raise UsageError("FILE shows an identity, --type and --out make one: give one or the other")
        _show(output, load(arguments.file), arguments.file)
        return 0
    if arguments.out is not None:
        _refuse_taken(arguments.out)
    key = PrivateKey.generate(arguments.type or KEY_TYPES[0])
    if arguments.out is not None:
        key.save(arguments.out)
    _show(output, key, arguments.out)
    if arguments.out is None and sys.stdout.isatty():
        output.hint("it is not kept; p2p id --out FILE makes one that is")
    return 0


def load(path: str) -> PrivateKey:
    """Read the identity in a file. Raises ConfigError or FormatError that name the way out."""
    from aiolibp2p.errors import ConfigError
    from aiolibp2p.peer.keys import PrivateKey

    if path and not os.path.lexists(path):
        raise ConfigError(f"there is no file {path!r}; p2p id --out {shlex.quote(path)} makes an identity there")
    return PrivateKey.load(path)


def _refuse_taken(path: str) -> None:
    from aiolibp2p.errors import ConfigError

    if os.path.lexists(path):
        raise ConfigError(
            f"{path!r} exists already, and writing over it would lose the key it may hold; "
            f"choose another name, or remove it first (p2p id {shlex.quote(path)} shows it)"
        )


def _show(output: Output, key: PrivateKey, path: str | None) -> None:
    fields: dict[str, object] = {"peer_id": str(key.peer_id), "type": key.kind.name.lower()}
    if path is not None:
        fields["file"] = path
    output.record(" ".join(map(str, fields.values())), fields)
