"""The rows of the table: what is measured, how often, among whom, and what it should reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from . import targets
from .targets import Target

#: Contestants of `lineup`, by what they can do.
DJANGO = ("ours", "published")
EVERYBODY = ("ours", "published", "floor", "redis", "sqlalchemy")
#: Without Celery's SQLAlchemy backend, which counts no chords (a task that polls does it), and which restores a
#: group with an app and a pool of its own for every member: its states take more than ten seconds.
BUT_SQLALCHEMY = ("ours", "published", "floor", "redis")
WAITING = ("ours", "notify", "published", "redis")


@dataclass(frozen=True)
class Row:
    """One kind of work; ``name`` is the name of the scenario unless ``scenario`` says otherwise."""

    name: str
    title: str
    contestants: tuple[str, ...]
    #: Operations of one timed round, and of one with ``--quick``.
    operations: int = 1
    quick: int = 1
    unit: Literal["rate", "milliseconds"] = "milliseconds"
    scenario: str = ""
    #: Arguments of the scenario beside the operations, and what ``--quick`` changes of them.
    parameters: Mapping[str, Any] = field(default_factory=dict)
    quick_parameters: Mapping[str, Any] = field(default_factory=dict)
    #: Operations of the pass that counts statements; 0 where that is not worth its time.
    counted: int = 1
    #: Rounds, and most of them with ``--quick``.
    rounds: int = 7
    quick_rounds: int = 2
    #: Contestants that take too long for ``--quick``.
    slow: tuple[str, ...] = ()
    #: Whether the row is measured on PostgreSQL's tuned connection too; ``--quick`` does so for tuned targets.
    tuned: bool = True
    #: The row whose bytes per operation this one's are compared with.
    bytes_beside: str = ""
    targets: tuple[Target, ...] = ()

    def is_for(self, database: str, *, quick: bool) -> bool:
        """Return whether the row is measured on a database."""
        if database != "postgresql-tuned":
            return True
        return any(target.tuned for target in self.targets) if quick else self.tuned

    def arguments(self, *, quick: bool) -> dict[str, Any]:
        """Return the scenario's arguments beside the operations."""
        return {**self.parameters, **(self.quick_parameters if quick else {})}


def _waiting(milliseconds: int, bound: float, samples: int, quick: int) -> Row:
    """Return the row for ``get()`` of a result that is stored after so many milliseconds."""
    return Row(
        f"wake_{milliseconds}",
        f"get() late after a store at {milliseconds:,} ms",
        WAITING,
        operations=samples,
        quick=quick,
        scenario="wake",
        parameters={"delay_seconds": milliseconds / 1000},
        counted=1 if milliseconds == 200 else 0,
        rounds=1,
        tuned=False,
        targets=(targets.milliseconds(bound), targets.milliseconds(5, "notify")),
    )


_ROWS = (
    Row(
        "store",
        "store a fresh result, extended",
        (*EVERYBODY, "notify"),
        operations=100,
        quick=40,
        unit="rate",
        counted=20,
        rounds=25,
        quick_rounds=5,
        targets=(targets.statements(1), targets.published(2.8, 3.3), targets.floor(0.6, 0.7)),
    ),
    Row(
        "lifecycle",
        "STARTED, then SUCCESS",
        EVERYBODY,
        operations=60,
        quick=25,
        unit="rate",
        counted=20,
        rounds=25,
        quick_rounds=5,
        targets=(targets.statements(2), targets.published(2.9, 3.4)),
    ),
    Row(
        "progress",
        "progress update, 100 of one task",
        EVERYBODY,
        operations=100,
        quick=100,
        unit="rate",
        counted=100,
        rounds=3,
        quick_rounds=1,
        tuned=False,
        targets=(targets.statements(1), Target("ids_used", 1)),
    ),
    Row(
        "read",
        "read one result",
        EVERYBODY,
        operations=200,
        quick=100,
        unit="rate",
        counted=20,
        rounds=25,
        quick_rounds=5,
        targets=(targets.statements(1), targets.published(2.5, 3)),
    ),
    Row(
        "group_get",
        "GroupResult.get of 1,000 done",
        EVERYBODY,
        slow=("sqlalchemy",),
        targets=(targets.statements(3), targets.published(25), targets.AHEAD_OF_REDIS),
    ),
    Row(
        "group_ready",
        "restore, ready, completed_count, successful",
        BUT_SQLALCHEMY,
        targets=(targets.statements(3), targets.published(25), targets.AHEAD_OF_REDIS),
    ),
    Row(
        "group_ready_partly",
        "the same, 10 of 1,000 not done",
        BUT_SQLALCHEMY,
        scenario="group_ready",
        parameters={"pending": 10},
        quick_rounds=1,
        tuned=False,
        targets=(targets.statements(4), targets.published(25), targets.AHEAD_OF_REDIS),
    ),
    Row(
        "group_save",
        "save a group of 1,000",
        EVERYBODY,
        operations=10,
        quick=2,
        tuned=False,
        targets=(targets.statements(1),),
    ),
    Row(
        "group_restore",
        "restore a group of 1,000",
        EVERYBODY,
        operations=10,
        quick=2,
        tuned=False,
        targets=(targets.statements(2),),
    ),
    Row(
        "chord_part",
        "a part of a chord of 1,000 returns",
        BUT_SQLALCHEMY,
        operations=60,
        quick=25,
        unit="rate",
        counted=20,
        rounds=25,
        quick_rounds=5,
        targets=(targets.statements(2), targets.published(3, 3.5)),
    ),
    Row(
        "chord_part_10000",
        "a part of a chord of 10,000 returns",
        BUT_SQLALCHEMY,
        operations=60,
        quick=25,
        unit="rate",
        scenario="chord_part",
        parameters={"size": 10_000},
        counted=20,
        quick_rounds=1,
        tuned=False,
        bytes_beside="chord_part",
        targets=(targets.statements(2), Target("bytes_growth", 1.02)),
    ),
    Row(
        "chord_last",
        "the last part of 1,000 returns",
        BUT_SQLALCHEMY,
        targets=(targets.statements(8, sqlite=9, mariadb=11), targets.published(25)),
    ),
    Row(
        "chord_race",
        "a part of a chord, in 4 processes at once",
        ("ours", "published", "redis"),
        operations=1000,
        quick=200,
        unit="rate",
        parameters={"processes": 4},
        counted=0,
        rounds=3,
        quick_rounds=1,
        tuned=False,
        targets=(targets.published(3), targets.EXACTLY_ONCE),
    ),
    _waiting(20, 15, samples=9, quick=2),
    _waiting(200, 60, samples=9, quick=1),
    _waiting(1000, 250, samples=7, quick=1),
    Row(
        "cleanup",
        "slowest store while rows are cleaned",
        DJANGO,
        parameters={"rows": 200_000},
        quick_parameters={"rows": 20_000},
        counted=0,
        rounds=1,
        tuned=False,
        targets=(targets.milliseconds(50), Target("memory_mb", 10)),
    ),
    Row(
        "cleanup_signals",
        "the same with a post_delete receiver",
        DJANGO,
        scenario="cleanup",
        parameters={"rows": 50_000, "receiver": True},
        quick_parameters={"rows": 5_000},
        counted=0,
        rounds=1,
        tuned=False,
        targets=(targets.milliseconds(50), Target("memory_mb", 10)),
    ),
    Row(
        "http",
        "group/status/ of 1,000 over HTTP",
        DJANGO,
        quick_rounds=1,
        tuned=False,
        targets=(targets.statements(4),),
    ),
)

ROWS = {row.name: row for row in _ROWS}
