"""The tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from .results import Cell, Results
from .rows import ROWS, Row
from .targets import Target

#: Contestants whose times ours are compared with -> head of that column.
RATIOS = {"published": "x 2.6.0", "floor": "of floor", "redis": "x Redis"}

#: How a target and its value are said.
SAID = {
    "statements": "{:.4g} statements",
    "times_published": "{:.3g} times as fast as 2.6.0",
    "of_floor": "{:.2f} of the floor's speed",
    "times_redis": "{:.2f} times as fast as Redis",
    "milliseconds": "{:.1f} ms",
    "bytes_growth": "{:.2f} times the bytes",
    "ids_used": "{:.0f} ids",
    "exactly_once": "body sent exactly once: {:.0f}",
    "memory_mb": "{:.0f} MB more memory",
}


def lines(results: Results) -> Iterator[str]:
    """Yield the lines of one database: versions, times and statements, CPU times, the rest, missed targets."""
    rows = [ROWS[name] for name in results.cells]
    yield f"\n{results.title}\n{'=' * len(results.title)}"
    for name, versions in results.versions.items():
        yield f"{results.contestants[name]}: {', '.join(' '.join(version) for version in versions.items())}"
    yield from _times(results, rows)
    yield from _cpu(results, rows)
    yield from _told(results, rows)
    yield from _missed(results, rows)


def mixed_sources(measured: list[Results]) -> Iterator[str]:
    """Yield a warning for every contestant whose sources were edited between two databases of a run."""
    for name in dict.fromkeys(name for results in measured for name in results.versions):
        digests = {r.versions[name].get("sources") for r in measured if name in r.versions}
        if len(digests) > 1:
            yield f"WARNING: the sources of {name!r} changed during the run; the tables are not about the same code"


def figure(row: Row, cell: Cell) -> str:
    """Return a cell's text, such as ``1,161/s 4``: the rate, or the time, and the statements of one operation."""
    if cell.error:
        return "failed"
    if cell.time is None:
        return ""
    shown = f"{1 / cell.time:,.0f}/s" if row.unit == "rate" else f"{number(cell.time * 1000)} ms"
    return f"{shown} {number(cell.statement_count)}".rstrip()


def number(value: float | None) -> str:
    """Return a figure with three digits that count; empty where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _times(results: Results, rows: list[Row]) -> Iterator[str]:
    """Yield the table of times, statements, ratios and targets."""
    yield "\nrate or time of one operation (median of the rounds), then its statements"
    heads = ["", *results.contestants.values(), *RATIOS.values(), "targets met"]
    table = [heads]
    for row in rows:
        verdicts = results.verdicts(row)
        table.append(
            [
                row.title,
                *(figure(row, results.cell(row.name, name)) for name in results.contestants),
                *(number(results.times_as_fast(row.name, "ours", other)) for other in RATIOS),
                f"{sum(met for *_, met in verdicts)} of {len(verdicts)}" if verdicts else "",
            ]
        )
    yield from _aligned(table)


def _cpu(results: Results, rows: list[Row]) -> Iterator[str]:
    """Yield the table of CPU times."""
    yield "\nCPU time of the client for one operation, ms"
    table = [["", *results.contestants.values()]]
    for row in rows:
        times = (results.cell(row.name, name).cpu_time for name in results.contestants)
        table.append([row.title, *(number(None if time is None else time * 1000) for time in times)])
    yield from _aligned(table)


def _told(results: Results, rows: list[Row]) -> Iterator[str]:
    """Yield what scenarios tell beside times and statements."""
    yield "\nbeside"
    for row in rows:
        for name, title in results.contestants.items():
            cell = results.cell(row.name, name)
            told = [f"{figure.replace('_', ' ')} {number(cell.figure(figure))}" for figure in cell.figures]
            if row.bytes_beside and cell.bytes is not None:
                beside = number(results.cell(row.bytes_beside, name).bytes)
                told.append(f"{number(cell.bytes)} bytes, in {row.bytes_beside} {beside}")
            if cell.error:
                told.append(cell.error.splitlines()[0])
            if told:
                yield f"  {row.name}, {title}: {', '.join(told)}"


def _missed(results: Results, rows: list[Row]) -> Iterator[str]:
    """Yield the targets that were not met."""
    verdicts = [(row, *verdict) for row in rows for verdict in results.verdicts(row)]
    missed = [(row, target, value) for row, target, value, met in verdicts if not met]
    yield f"\ntargets met: {len(verdicts) - len(missed)} of {len(verdicts)}{'; not met:' if missed else ''}"
    for row, target, value in missed:
        wanted = _said(target, target.bound_for(results.database))
        yield f"  {row.name}: {_said(target, value)}, wanted {target.side} {wanted}"


def _said(target: Target, value: float) -> str:
    return SAID[target.measure].format(value)


def _aligned(table: list[list[str]]) -> Iterator[str]:
    """Yield lines whose columns are as wide as their widest text; all but the first are set to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *others in table:
        yield "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]).rstrip()
