"""What was measured: samples of rounds, counts, and the figures that are made of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .rows import ROWS, Row
from .targets import Target

#: Where one round can be better than another by luck, the worst one counts.
WORST = {
    "exactly_once": min,
    "errors": max,
    "ids_used": max,
    "memory_mb": max,
}


@dataclass
class Cell:
    """One contestant in one row; times are per operation."""

    #: Wall and CPU seconds of each round.
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    #: What the scenario tells beside, for each round.
    figures: dict[str, list[float]] = field(default_factory=dict)
    #: First word of a statement -> how many of them one operation takes; None where they were not counted.
    statements: dict[str, float] | None = None
    #: Bytes on the wire per operation, both directions; None for a file.
    bytes: float | None = None
    error: str = ""

    def add(self, answer: Mapping[str, Any], operations: int) -> None:
        """Keep what one round gave."""
        self.seconds.append(answer["seconds"] / operations)
        self.cpu.append(answer["cpu"] / operations)
        for name, value in answer.items():
            if name not in ("seconds", "cpu", "statements"):
                self.figures.setdefault(name, []).append(value)

    @property
    def time(self) -> float | None:
        """Seconds of an operation, the median of the rounds."""
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def cpu_time(self) -> float | None:
        """CPU seconds of an operation in the contestant's process, the median of the rounds."""
        return statistics.median(self.cpu) if self.cpu else None

    @property
    def statement_count(self) -> float | None:
        """Statements of an operation."""
        return None if self.statements is None else sum(self.statements.values())

    def figure(self, name: str) -> float | None:
        """Return a figure that the scenario told: the worst of the rounds, or the median."""
        values = self.figures.get(name)
        return WORST.get(name, statistics.median)(values) if values else None


@dataclass
class Results:
    """All cells of one database, by row and contestant."""

    database: str
    title: str
    #: Contestants in the order of the table -> their titles.
    contestants: dict[str, str]
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)
    #: What each contestant's process runs on.
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    def cell(self, row: str, contestant: str) -> Cell:
        """Return the cell, an empty one where nothing was measured."""
        return self.cells.get(row, {}).get(contestant, Cell())

    def times_as_fast(self, row: str, contestant: str, other: str) -> float | None:
        """Return how many times as fast as ``other`` the contestant is."""
        mine, theirs = self.cell(row, contestant).time, self.cell(row, other).time
        return theirs / mine if mine and theirs else None

    def value(self, row: Row, target: Target) -> float | None:
        """Return the figure that a target speaks about; None where it was not measured."""
        cell, who = self.cell(row.name, target.contestant), target.contestant
        match target.measure:
            case "statements":
                return cell.statement_count
            case "times_published":
                return self.times_as_fast(row.name, who, "published")
            case "of_floor":
                return self.times_as_fast(row.name, who, "floor")
            case "times_redis":
                return self.times_as_fast(row.name, who, "redis")
            case "milliseconds":
                return None if cell.time is None else cell.time * 1000
            case "bytes_growth":
                beside = self.cell(row.bytes_beside, who).bytes
                return cell.bytes / beside if cell.bytes and beside else None
            case name:
                return cell.figure(name)

    def verdicts(self, row: Row) -> list[tuple[Target, float, bool]]:
        """Return the row's targets that can be judged, each with its value and whether it is met."""
        values = ((target, self.value(row, target)) for target in row.targets)
        return [(target, value, target.is_met(value, self.database)) for target, value in values if value is not None]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as it is written to JSON."""
        return {
            "database": self.database,
            "title": self.title,
            "versions": self.versions,
            "rows": {
                name: {
                    "title": ROWS[name].title,
                    "contestants": {who: _cell_as_dict(cell) for who, cell in cells.items()},
                    "times_as_fast_as_published": self.times_as_fast(name, "ours", "published"),
                    "share_of_floor": self.times_as_fast(name, "ours", "floor"),
                    "targets": [
                        {
                            "contestant": target.contestant,
                            "measure": target.measure,
                            target.side.replace(" ", "_"): target.bound_for(self.database),
                            "value": value,
                            "met": met,
                        }
                        for target, value, met in self.verdicts(ROWS[name])
                    ],
                }
                for name, cells in self.cells.items()
            },
        }


def _cell_as_dict(cell: Cell) -> dict[str, Any]:
    return {
        "seconds": cell.time,
        "cpu_seconds": cell.cpu_time,
        "statements": cell.statement_count,
        **{name: cell.figure(name) for name in cell.figures},
        **({"error": cell.error} if cell.error else {}),
        "bytes": cell.bytes,
        "statements_by_first_word": cell.statements,
        "rounds": asdict(cell)["seconds"],
    }
