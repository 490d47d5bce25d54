"""What a row should reach; a missed target is shown, and never fails a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: Figures of ours that a target can speak about; `results.Comparison.figure` gives their values.
Measure = Literal[
    "statements",
    "times_published",
    "of_floor",
    "times_redis",
    "milliseconds",
    "bytes_growth",
    "ids_used",
    "exactly_once",
    "memory_mb",
]


@dataclass(frozen=True)
class Target:
    """A bound for one figure of one contestant."""

    measure: Measure
    bound: float
    #: Which side of the bound is good.
    side: Literal["at most", "at least"] = "at most"
    #: The bound in the database "postgresql-tuned", where it differs.
    tuned: float | None = None
    #: Bounds of vendors where they differ.
    vendors: Mapping[str, float] = field(default_factory=dict)
    contestant: str = "ours"

    def bound_for(self, database: str) -> float:
        """Return the bound that holds in ``database``, a name of `servers.DATABASES`."""
        if database == "postgresql-tuned" and self.tuned is not None:
            return self.tuned
        return self.vendors.get(database, self.bound)

    def is_met(self, value: float, database: str) -> bool:
        """Return whether ``value`` is on the good side, as far as the figures are printed."""
        bound = self.bound_for(database)
        return round(value, 2) <= bound if self.side == "at most" else round(value, 2) >= bound


def statements(bound: float, **vendors: float) -> Target:
    """Return a target for the statements per operation."""
    return Target("statements", bound, vendors=vendors)


def published(bound: float, tuned: float | None = None) -> Target:
    """Return a target for how many times as fast as the published release ours is."""
    return Target("times_published", bound, "at least", tuned=tuned)


def floor(bound: float, tuned: float | None = None) -> Target:
    """Return a target for the share of the raw driver's speed that ours has."""
    return Target("of_floor", bound, "at least", tuned=tuned)


def milliseconds(bound: float, contestant: str = "ours") -> Target:
    """Return a target for the time of one operation."""
    return Target("milliseconds", bound, contestant=contestant)


AHEAD_OF_REDIS = Target("times_redis", 1, "at least")
EXACTLY_ONCE = Target("exactly_once", 1, "at least")
