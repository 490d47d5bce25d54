"""What an installation has to read from rows, given what their writer read from them.

The writer is a published release that described its rows in a recording, or an installation that
described them after the step ``store``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery import states

#: Tasks, groups and, in recordings, chord counters, each with its ``columns``.
Description = Mapping[str, Any]

#: What a chord of the seed sends when it has finished.
BODY = {"task": "shop.tasks.add_up", "args": [[1, 2, 3]]}

#: Columns that came during the 2 line, null in older rows. Later ones may have a default.
ADDED_BY_2 = {"periodic_task_name", "date_started"}


def addresses(*descriptions: Description) -> dict[str, dict[str, str]]:
    """Return the arguments with which the step ``read`` reads what was described."""
    return {
        "tasks": {task["task_id"]: task["serializer"] for rows in descriptions for task in rows["tasks"]},
        "groups": {group["group_id"]: group["serializer"] for rows in descriptions for group in rows["groups"]},
    }


def expected(
    answer: Mapping[str, Any], *descriptions: Description, by_ours: bool, reader: str | None = None
) -> dict[str, Any]:
    """Return what the step ``read`` has to answer on tasks and groups; ``reader`` as it was given to the step."""
    tasks = {task["task_id"]: task for rows in descriptions for task in rows["tasks"]}
    groups = {group["group_id"]: group for rows in descriptions for group in rows["groups"]}
    return {
        "tasks": {
            task_id: {
                **task,
                "serializer": reader or task["serializer"],
                "columns": as_stored(task, answer["tasks"][task_id]),
                "async_result": as_async_result(task, by_ours=by_ours),
            }
            for task_id, task in tasks.items()
        },
        "groups": {
            group_id: {
                **group,
                "serializer": reader or group["serializer"],
                "columns": as_stored(group, answer["groups"][group_id]),
            }
            for group_id, group in groups.items()
        },
        "chord_counters": answer["chord_counters"],
    }


def expected_counters(answer: Mapping[str, Any], recorded: Description) -> dict[str, Any]:
    """Return what the step ``read`` has to answer on the chord counters of a recording."""
    return {
        counter["group_id"]: {**counter, "columns": as_stored(counter, answer["chord_counters"][counter["group_id"]])}
        for counter in recorded["chord_counters"]
    }


def as_stored(written: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the reader has to find it; its writer may know more columns, or fewer."""
    found = {**read["columns"], **dict.fromkeys(ADDED_BY_2 & read["columns"].keys())}
    return {name: written["columns"].get(name, value) for name, value in found.items()}


def as_async_result(task: Mapping[str, Any], *, by_ours: bool) -> dict[str, Any]:
    """Return what Celery's result object has to tell about a task.

    2.6.0 never fills ``name``, and tells ``date_done`` also of a task that is not done.
    """
    columns = task["columns"]
    done = columns["status"] in states.READY_STATES
    return {
        "state": task["status"],
        "result": task["result"],
        "traceback": task["traceback"],
        "name": columns["task_name"] if by_ours else None,
        "args": task["args"],
        "kwargs": task["kwargs"],
        "worker": columns["worker"],
        "date_done": columns["date_done"] if done or not by_ours else None,
    }
