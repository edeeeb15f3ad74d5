"""The options for the layers of connections, which several commands share: security, muxers, private network."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiolibp2p.assembly import MUXERS, SECURITIES
from aiolibp2p.assembly.config import DEFAULT_MUXERS, DEFAULT_SECURITIES
from aiolibp2p.cli.failures import UsageError

if TYPE_CHECKING:
    from aiolibp2p.host import HostOptions
    from aiolibp2p.security.pnet import PreSharedKey

MAX_SHOWN_NAME = 40
"""The most characters of a wrong name that an error shows again: twice the longest right one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for layers, in a group of their own."""
    group = parser.add_argument_group("connections")
    group.add_argument(
        "--security",
        metavar="NAME[,NAME]",
        action="append",
        help=f"in order of preference, of {', '.join(SECURITIES)} (default: {','.join(DEFAULT_SECURITIES)}); "
        "plaintext protects nothing",
    )
    group.add_argument(
        "--muxer",
        metavar="NAME[,NAME]",
        action="append",
        help=f"in order of preference, of {', '.join(MUXERS)} (default: {','.join(DEFAULT_MUXERS)})",
    )
    group.add_argument(
        "--psk", metavar="FILE", help="the key of a private network (p2p psk): talk to its members alone"
    )


def options(arguments: argparse.Namespace) -> HostOptions:
    """Return the options of a host that were given. Raises UsageError for names, ConfigError for the key."""
    chosen: HostOptions = {}
    if arguments.security is not None:
        chosen["security"] = _names("--security", arguments.security, list(SECURITIES))
    if arguments.muxer is not None:
        chosen["muxers"] = _names("--muxer", arguments.muxer, list(MUXERS))
    if arguments.psk is not None:
        chosen["psk"] = load_psk(arguments.psk)
    return chosen


def warn(arguments: argparse.Namespace, options: HostOptions) -> None:
    """Warn of layers that protect little or are deprecated: for commands whose log, which would do it, is quiet."""
    if arguments.verbose:
        return
    chosen = (*options.get("security", ()), *options.get("muxers", ()))
    for name, choice in (*SECURITIES.items(), *MUXERS.items()):
        if name in chosen and choice.warning:
            print(f"{arguments.prog}: warning: {choice.warning}", file=sys.stderr)


def network(options: HostOptions) -> str:
    """Return a sentence about the private network that is joined; "" for the public one."""
    from aiolibp2p.security.pnet import PreSharedKey

    key = options.get("psk")
    return f"only members of the private network {key.fingerprint} connect" if isinstance(key, PreSharedKey) else ""


def typed(arguments: argparse.Namespace) -> str:
    """Return the options as text, for a command that is to be typed at the other end; "" or with a blank before."""
    found: list[str] = []
    for option, given in (("--security", arguments.security), ("--muxer", arguments.muxer)):
        if given is not None:
            found += [option, ",".join(given)]
    if arguments.psk is not None:
        found += ["--psk", arguments.psk]
    return "".join(f" {shlex.quote(word)}" for word in found)


def load_psk(path: str) -> PreSharedKey:
    """Read the key in a file. Raises ConfigError that names the way out, and repeats nothing that looks like a key."""
    from aiolibp2p.errors import ConfigError
    from aiolibp2p.security.pnet import PreSharedKey
    from aiolibp2p.security.pnet.key import looks_like_a_key

    if path and not looks_like_a_key(path) and not os.path.lexists(path):
        raise ConfigError(f"there is no file {path!r}; p2p psk --out {shlex.quote(path)} makes a key there")
    return PreSharedKey.load(path)


def _names(option: str, given: Sequence[str], known: Sequence[str]) -> list[str]:
    names = [name.strip() for text in given for name in text.split(",")]
    for name in names:
        if name not in known:
            raise UsageError(f"{option} takes {_listed(known)}, not {_shown(name)}{_meant(name, known)}")
        if names.count(name) > 1:
            raise UsageError(f"{option} names {name} twice")
    return names


def _listed(known: Sequence[str]) -> str:
    return f"{', '.join(known[:-1])} or {known[-1]}"


def _shown(name: str) -> str:
    from aiolibp2p.wire.printable import printable

    return f"'{printable(name, MAX_SHOWN_NAME)}'" if name else "an empty name"


def _meant(name: str, known: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name.lower()[:MAX_SHOWN_NAME], known, 1)
    return f"; did you mean {close[0]}?" if close else ""
