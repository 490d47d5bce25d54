"""What the database holds: shown as tables, and compared with what it should hold."""

import json
from typing import Any

from django.utils import timezone

from django_celery_results.models import ChordCounter, GroupResult, TaskResult

from . import console
from .expectations import Expectations
from .processes import WORKER_NAME
from .scenes import Scenes, Stored

#: Characters of an id that are enough for people to tell tasks apart.
ID_CHARACTERS = 8


def show() -> None:
    """Print the tables of task results, group results and chord counters."""
    console.table(
        ["task", "name", "state", "result", "args", "took", "worker"],
        [_task_cells(row) for row in TaskResult.objects.order_by("date_created")],
    )
    console.line()
    console.table(
        ["group", "members", "saved at (UTC)"],
        [_group_cells(row) for row in GroupResult.objects.order_by("date_created")],
    )
    console.line()
    console.line(f"chords that still wait for a part: {ChordCounter.objects.count()}")


def compare(scenes: Scenes, expect: Expectations) -> None:
    """Compare each row with what the scenes have sent and got."""
    rows = {row.task_id: row for row in TaskResult.objects.all()}
    expect.equal("ids of the stored tasks", sorted(rows), sorted(stored.task_id for stored in scenes.stored))
    for stored in scenes.stored:
        if stored.task_id in rows:
            _compare_task(rows[stored.task_id], stored, expect)
    card = TaskResult.objects.filter(task_name="shop.tasks.charge_card").values().get()
    expect.true("the hidden part of the card's number is stored", "4000 0000" not in str(card))
    groups = list(GroupResult.objects.values_list("group_id", flat=True))
    expect.equal("ids of the stored groups", groups, [scenes.saved_group.id])
    expect.equal("chord counters that are left", ChordCounter.objects.count(), 0)


def _compare_task(row: TaskResult, stored: Stored, expect: Expectations) -> None:
    what = f"of {stored.name} {stored.task_id}"
    expect.equal(f"state {what}", row.status, stored.state)
    expect.equal(f"result {what}", json.loads(row.result), stored.result)
    expect.equal(f"name {what}", row.task_name, stored.name)
    expect.equal(f"args {what}", json.loads(row.task_args), stored.args)
    expect.equal(f"worker {what}", row.worker, WORKER_NAME)
    expect.equal(f"content type {what}", row.content_type, "application/json")
    expect.equal(f"whether there is a traceback {what}", row.traceback is not None, stored.state == "FAILURE")
    dates = (row.date_started, row.date_done, timezone.now())
    expect.true(f"dates {what} are not in order: {dates}", None not in dates and list(dates) == sorted(dates))


def _task_cells(row: TaskResult) -> list[str]:
    took = (row.date_done - row.date_started).total_seconds() if row.date_started else None
    return [
        row.task_id[:ID_CHARACTERS],
        (row.task_name or "").rpartition(".")[2],
        row.status,
        _readable(json.loads(row.result)),
        json.loads(row.task_args) if row.task_args else "",
        "" if took is None else f"{took * 1000:.0f} ms",
        row.worker or "",
    ]


def _group_cells(row: GroupResult) -> list[str]:
    _group, members = json.loads(row.result)
    ids = [task_id[:ID_CHARACTERS] for (task_id, _parent), _children in members]
    return [row.group_id[:ID_CHARACTERS], ", ".join(ids), f"{row.date_done:%Y-%m-%d %H:%M:%S}"]


def _readable(result: Any) -> str:
    """Return a stored result, or a stored exception, as one line."""
    if isinstance(result, dict) and "exc_type" in result:
        return f"{result['exc_type']}: {', '.join(map(str, result['exc_message']))}"
    return str(result)
