"""The comparison as plain text, at most 120 columns wide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from textwrap import wrap

from parity.behaviour import DETAIL
from parity.comparison import Row, Verdict
from parity.sides import CHANGED

NAME, VALUE = 54, 30
WIDTH = 2 + NAME + 2 + VALUE + 2 + VALUE

MEANING = {
    Verdict.SAME: "the same",
    Verdict.ADDITION: "additions",
    Verdict.INTENDED: "intended differences",
    Verdict.UNINTENDED: "differences that nobody meant",
}


def lines(rows: list[Row]) -> Iterator[str]:
    """Yield the table: one line per name or scenario that is the same, all of what differs, and the sums."""
    yield _line("", "", "2.6.0", "here")
    for area, members in groupby(rows, key=_area):
        yield f"-- {area} ".ljust(WIDTH, "-")
        for scenario, details in groupby(members, key=_scenario):
            yield from _scenario_lines(scenario, list(details))
    yield "-" * WIDTH
    yield from reasons(rows)
    yield summary(rows)


def reasons(rows: Iterable[Row]) -> Iterator[str]:
    """Yield what the intended differences stand for, each with the number of rows."""
    for verdict in (Verdict.ADDITION, Verdict.INTENDED):
        yield f"{MEANING[verdict]} ({verdict.value}):"
        for reason, number in Counter(row.reason for row in rows if row.verdict is verdict).items():
            yield from wrap(f"{number:3} {reason}", WIDTH, initial_indent="  ", subsequent_indent="      ")


def summary(rows: list[Row]) -> str:
    """Return the counts in one line."""
    counts = Counter(row.verdict for row in rows)
    return f"{len(rows)} compared: " + ", ".join(f"{counts[verdict]} {MEANING[verdict]}" for verdict in Verdict)


def _scenario_lines(scenario: str, details: list[Row]) -> Iterator[str]:
    same = [row for row in details if row.verdict is Verdict.SAME]
    if same:
        public_name = same[0].name.endswith(scenario)
        value = _cut(same[0].published) if public_name else f"({len(same)} of {len(details)} details)"
        yield from _cells(Verdict.SAME, scenario, value, "the same")
    for row in details:
        if row.verdict is not Verdict.SAME:
            yield from _cells(row.verdict, row.name.removeprefix(CHANGED), row.published, row.here)


def _cells(verdict: Verdict, name: str, published: str, here: str) -> Iterator[str]:
    """Yield a row of the table, as many lines as it takes to cut nothing off."""
    columns = [
        wrap(text, width, break_on_hyphens=False) or [""]
        for text, width in ((name, NAME), (published, VALUE), (here, VALUE))
    ]
    mark = verdict.value
    for cells in zip_longest(*columns, fillvalue=""):
        yield _line(mark, *cells)
        mark = ""


def _area(row: Row) -> str:
    name = row.name.removeprefix(CHANGED)
    area = "behaviour" if DETAIL in name else "urls and entry points" if ": " in name else "public names"
    return area if name == row.name else f"{area}, where the project has other settings"


def _scenario(row: Row) -> str:
    """Return the title of a scenario, or the public name."""
    return row.name.removeprefix(CHANGED).partition(DETAIL)[0]


def _cut(text: str) -> str:
    return text if len(text) <= VALUE else text[: VALUE - 1] + "…"


def _line(mark: str, name: str, published: str, here: str) -> str:
    return f"{mark:1} {name:{NAME}}  {published:{VALUE}}  {here}".rstrip()
