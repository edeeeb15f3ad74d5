"""The output of a command: lines for people, or one JSON object a line. Every line leaves at once."""

from __future__ import annotations

import json

MAX_FIELD_LENGTH = 256
"""The most characters of one thing a peer told us about itself, in lines for people."""


class Output:
    """The standard output of a command, for people or for programs."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def event(self, name: str, text: str, **fields: object) -> None:
        """Print an event: `{"event": name, **fields}`, or the text. Raises BrokenPipeError when nobody reads."""
        self.record(text, {"event": name, **fields})

    def record(self, text: str, fields: dict[str, object]) -> None:
        """Print a result: the fields as an object, or the text."""
        print(json.dumps(fields, separators=(",", ":")) if self.as_json else text, flush=True)

    def hint(self, text: str) -> None:
        """Print a line for people only."""
        if not self.as_json:
            print(text, flush=True)


def shown(text: str) -> str:
    """Return a peer's text, fit for a terminal: what does not print is escaped, what is too long is cut."""
    from aiolibp2p.wire.printable import printable

    return printable(text, MAX_FIELD_LENGTH)


def typed_command() -> str:
    """Return the command line that runs this very command again."""
    import os
    import shutil
    import sys

    started_as = sys.argv[0]
    if os.path.basename(started_as) == "__main__.py":
        return f"{os.path.basename(sys.executable)} -m aiolibp2p"
    found = shutil.which("p2p")
    if found is not None and os.path.realpath(found) == os.path.realpath(started_as):
        return "p2p"
    return started_as
