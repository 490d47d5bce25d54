"""How the story looks in a terminal: headings, lines and tables of at most 100 columns."""

import os
import sys
from collections.abc import Sequence

WIDTH = 100

_COLOURS = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "grey": "90"}

#: A task's state is shown in this colour; a state of the task's own in no colour.
STATE_COLOURS = {"SUCCESS": "green", "FAILURE": "red", "RETRY": "yellow", "STARTED": "cyan", "PROGRESS": "cyan"}


def colour(text: str, name: str | None) -> str:
    """Return ``text`` in a colour where a person looks at it."""
    if name is None or not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\033[{_COLOURS[name]}m{text}\033[0m"


def heading(text: str) -> None:
    """Begin a new part of the story."""
    print(f"\n{colour(text, 'bold')}", flush=True)


def line(text: str = "", *, end: str = "\n") -> None:
    """Print one line of the part."""
    print(f"  {text}" if text else "", end=end, flush=True)


def shorten(text: str, width: int) -> str:
    """Return ``text`` cut to ``width`` characters, with dots where something is missing."""
    return text if len(text) <= width else f"{text[: width - 2]}.."


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their titles; the widest columns give way until a row fits."""
    cells = [titles, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    gaps = 2 * len(widths)
    while sum(widths) + gaps > WIDTH:
        widths[widths.index(max(widths))] -= 1
    line(colour("  ".join(title.ljust(width) for title, width in zip(titles, widths, strict=True)).rstrip(), "grey"))
    for row in rows:
        padded = [shorten(text, width).ljust(width) for text, width in zip(row, widths, strict=True)]
        line("  ".join(colour(text, STATE_COLOURS.get(text.strip())) for text in padded).rstrip())
