"""Groups and chords: one statement for each thing that is read or written, whatever the number of members."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from celery import states

from benchmarks.contestant.groups import SIZE, group, saved_groups
from benchmarks.contestant.registry import FLOOR, Figures, Work, scenario
from benchmarks.contestant.requests import VALUE, new_id

from .driver import COUNTERS, GROUPS, TASKS
from .results import storing
from .site import FloorSite


@scenario(FLOOR, "group_get")
def group_get(site: FloorSite, operations: int) -> Work:
    """Read the members' rows and decode their values."""
    task_ids = site.members(SIZE)

    def run() -> None:
        for _ in range(operations):
            assert _join(site, task_ids) == [VALUE] * SIZE

    return Work(run)


@scenario(FLOOR, "group_ready")
def group_ready(site: FloorSite, operations: int, pending: int = 0) -> Work:
    """Read the group and the members' states."""
    saved = saved_groups(site, operations, pending)
    driver = site.driver

    def run() -> None:
        for group_id in saved:
            task_ids = _restore(site, group_id)
            condition, values = driver.among("task_id", task_ids)
            rows = driver.execute(f"SELECT task_id, status FROM {TASKS} WHERE {condition}", values).fetchall()
            assert sum(status == states.SUCCESS for _, status in rows) == SIZE - pending

    return Work(run)


@scenario(FLOOR, "group_save")
def group_save(site: FloorSite, operations: int) -> Work:
    """Insert groups."""
    groups = [group(site) for _ in range(operations)]
    driver = site.driver
    columns = ("group_id", "date_created", "date_done", "content_type", "content_encoding", "result")
    statement = driver.upsert(GROUPS, "group_id", columns)

    def run() -> None:
        for each in groups:
            now = driver.now()
            text = json.dumps(each.as_tuple())
            driver.execute(statement, (each.id, now, now, "application/json", "utf-8", text))

    return Work(run)


@scenario(FLOOR, "group_restore")
def group_restore(site: FloorSite, operations: int) -> Work:
    """Read groups."""
    saved = saved_groups(site, operations)

    def run() -> None:
        for group_id in saved:
            assert len(_restore(site, group_id)) == SIZE

    return Work(run)


@scenario(FLOOR, "chord_part")
def chord_part(site: FloorSite, operations: int, size: int = SIZE) -> Work:
    """Insert the part's row and count down."""
    task_ids = [new_id() for _ in range(size)]
    group_id, body = site.start_chord(task_ids)
    insert = storing(site, site.template(group=group_id, group_index=0, chord=body))
    count = _counting(site)

    def run() -> None:
        for task_id in task_ids[:operations]:
            insert(task_id, VALUE)
            count(group_id)

    return Work(run)


@scenario(FLOOR, "chord_last")
def chord_last(site: FloorSite, operations: int, size: int = SIZE) -> Work:
    """Insert the part's row, count down to zero, read all members, delete the counter."""
    chords = []
    for _ in range(operations):
        task_ids = [*site.members(size - 1), new_id()]
        group_id, body = site.start_chord(task_ids)
        site.return_parts(group_id, body, task_ids)
        chords.append((group_id, task_ids))
    insert = storing(site, site.template(group=group_id, group_index=0, chord=body))
    count = _counting(site)
    driver = site.driver
    left: list[Any] = []

    def run() -> None:
        for group_id, task_ids in chords:
            insert(task_ids[-1], VALUE)
            left.append(count(group_id))
            assert len(_join(site, task_ids)) == size
            driver.execute(f"DELETE FROM {COUNTERS} WHERE group_id = {driver.mark}", (group_id,))

    def finish() -> Figures:
        assert left == [0] * operations, f"the counters said {left}"
        return {}

    return Work(run, finish)


def _join(site: FloorSite, task_ids: list[str]) -> list[Any]:
    """Return the values of the members, in their order; all have to be done."""
    condition, values = site.driver.among("task_id", task_ids)
    statement = f"SELECT task_id, status, result FROM {TASKS} WHERE {condition}"
    found = {
        task_id: json.loads(text)
        for task_id, status, text in site.driver.execute(statement, values).fetchall()
        if status == states.SUCCESS
    }
    return [found[task_id] for task_id in task_ids]


def _restore(site: FloorSite, group_id: str) -> list[str]:
    """Return the ids of a saved group's members."""
    statement = f"SELECT result FROM {GROUPS} WHERE group_id = {site.driver.mark}"
    (text,) = site.driver.execute(statement, (group_id,)).fetchone()
    return [member[0][0] for member in json.loads(text)[1]]


def _counting(site: FloorSite) -> Callable[[str], int]:
    """Return what counts one part of a chord and tells how many are left, in one statement."""
    driver = site.driver
    update = f"UPDATE {COUNTERS} SET count = {{}} WHERE group_id = {driver.mark}"

    def count_by_insert_id(group_id: str) -> int:
        return int(driver.execute(update.format("LAST_INSERT_ID(count - 1)"), (group_id,)).lastrowid)

    def count_returning(group_id: str) -> int:
        (left,) = driver.execute(update.format("count - 1") + " RETURNING count", (group_id,)).fetchone()
        return int(left)

    return count_by_insert_id if driver.vendor == "mariadb" else count_returning
