"""The entry of the command `p2p`: its parser, the module of each command, and its exit status."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from aiolibp2p.cli import identify, identity, node, ping, psk
from aiolibp2p.cli.failures import UsageError, explain
from aiolibp2p.cli.fetch import command as fetch
from aiolibp2p.cli.perf import command as perf
from aiolibp2p.cli.simulate import command as simulate

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

_EXAMPLES = """\
try it, in two terminals:
  p2p node                       prints the address it listens on
  p2p ping ADDRESS               that address, as it was printed

an identity that stays the same:
  p2p id --out me.key
  p2p node --identity me.key --listen /ip4/127.0.0.1/tcp/4001

a private network, for those who have the file:
  p2p psk --out swarm.key
  p2p node --psk swarm.key

a whole network, simulated:
  p2p simulate --list
  p2p simulate connect-identify-ping --seeds 1..10

Every command takes --json (one object a line), -v (more about what goes on) and --help.
Exit status: 0 done, 1 failed, 2 called the wrong way.
"""


class Parser(argparse.ArgumentParser):
    """The parser of argparse, whose mistakes are told in one line that names the way out."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse the arguments; the command that was called refuses what it does not know, not the one above it."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._advice(unknown)}")
        return parsed, unknown

    def _advice(self, unknown: Sequence[str]) -> str:
        behind = " (options go behind the command)" if self._subparsers is not None else ""
        return behind if unknown[0].startswith("-") else ""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the arguments, and exit with 2."""
        self.exit(WRONG_USAGE, f"{self.prog}: {' '.join(message.split())}; see {self.prog} --help\n")


class _Version(argparse.Action):
    """The option that prints the version, which is worth loading the package only when asked for."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: object, values: object, option_string: str | None = None
    ) -> None:
        from aiolibp2p.assembly import VERSION

        print(f"{parser.prog} {VERSION}", flush=True)
        parser.exit(DONE)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command."""
    parser = Parser(
        prog="p2p",
        description="libp2p from the command line: make identities, run a node, ask others.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=False)
    for command in (identity, psk, node, ping, identify, fetch, perf, simulate):
        sub = commands.add_parser(
            command.NAME,
            help=command.SUMMARY,
            description=command.DESCRIPTION,
            epilog=command.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="print one JSON object a line")
        sub.add_argument("-v", "--verbose", action="count", default=0, help="log what goes on; -vv for all of it")
        sub.set_defaults(run=command.run, prog=sub.prog)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process by default); return its exit status."""
    _open_what_is_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return _guarded(build_parser(), argv)


def _open_what_is_closed() -> None:
    """Open null devices in place of outputs that a caller has closed (`>&-`), which are None then."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _guarded(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    from aiolibp2p.errors import Libp2pError

    prog = parser.prog
    try:
        arguments = parser.parse_args(argv)
        if not hasattr(arguments, "run"):
            parser.print_help(sys.stderr)
            return WRONG_USAGE
        prog = arguments.prog
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except UsageError as error:
        return _complain(prog, str(error), WRONG_USAGE)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        _write_nowhere()
        return DONE
    except (Libp2pError, OSError) as error:
        _give_up_unwritten_output()
        return _complain(prog, explain(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _give_up_unwritten_output() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        _write_nowhere()


def _write_nowhere() -> None:
    """Point the outputs at nothing: the interpreter flushes once more as it ends, and that would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _complain(prog: str, message: str, status: int) -> int:
    print(f"{prog}: {message}", file=sys.stderr)
    return status
