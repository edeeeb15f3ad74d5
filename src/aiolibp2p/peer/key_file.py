"""Key files: one secret in each, readable for its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from aiolibp2p.errors import ConfigError


def read(path: str | os.PathLike[str], limit: int, what: str = "private key") -> bytes:
    """Return the content of a file, at most `limit` bytes.

    Raises ConfigError, naming `what`, if it cannot be read or is longer.
    """
    _require_name(path, what)
    try:
        with Path(path).open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero in it
        raise ConfigError(f"cannot read the {what} file {os.fspath(path)!r}: {_reason(error)}") from None
    if len(content) > limit:
        raise ConfigError(f"{os.fspath(path)!r} is no {what} file: it is longer than {limit} bytes")
    return content


def write(path: str | os.PathLike[str], content: bytes, *, overwrite: bool, what: str = "private key") -> None:
    """Write a file of mode 0600 that appears whole or not at all.

    Raises ConfigError when it cannot be written, and when it exists already unless `overwrite`.
    """
    import tempfile  # it loads a good deal, for a call made once in a node's life

    _require_name(path, what)
    target = Path(path)
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # made with mode 0600
        partial = Path(name)
        try:
            _fill(descriptor, content)
            if overwrite:
                partial.replace(target)
            else:
                _claim(target, partial)
        finally:
            partial.unlink(missing_ok=True)
    except FileExistsError:
        raise ConfigError(f"{os.fspath(path)!r} exists already; overwriting it loses the key it may hold") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot write the {what} file {os.fspath(path)!r}: {_reason(error)}") from None


def _require_name(path: str | os.PathLike[str], what: str) -> None:
    if not os.fspath(path):  # Path("") is the current directory
        raise ConfigError(f"the name of the {what} file is empty")


def _fill(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _claim(target: Path, partial: Path) -> None:
    """Give the file its name unless that is taken; raises FileExistsError."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: take the name first, then fill it
        target.open("xb").close()
        partial.replace(target)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
