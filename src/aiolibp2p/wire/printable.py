"""Text that a stranger sent, made fit for logs, terminals and tables."""

from __future__ import annotations


def printable(text: str, max_length: int) -> str:
    """Return `text` with every character that does not print (controls, line ends, direction marks) as its escape.

    At most `max_length` code points are left. Applying it twice changes nothing.
    """
    # No character becomes shorter, so what lies behind the first `max_length` cannot matter.
    text = text[:max_length]
    if text.isprintable():
        return text
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return escaped[:max_length]
