"""One task: one statement for each write and read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.contestant.registry import FLOOR, Work, scenario
from benchmarks.contestant.requests import STARTED, VALUE, new_id

from .driver import TASKS
from .site import FloorSite

#: Columns with the time of the write.
DATES = ("date_created", "date_done", "date_started")
NOT_FINAL = "status <> 'SUCCESS'"


def storing(site: FloorSite, template: dict[str, Any]) -> Callable[[str, Any], None]:
    """Return what stores a value under a task's id, in the columns of ``template``."""
    driver = site.driver
    execute, now = driver.cursor.execute, driver.now
    statement = driver.upsert(TASKS, "task_id", list(template), NOT_FINAL)
    values = list(template.values())
    places = {name: place for place, name in enumerate(template)}
    dates = [places[name] for name in DATES if name in places]
    meta = json.loads(template["meta"])

    def store(task_id: str, value: Any) -> None:
        values[places["task_id"]] = task_id
        values[places["result"]] = json.dumps(value)
        values[places["meta"]] = json.dumps(meta)
        for place in dates:
            values[place] = now()
        execute(statement, values)

    return store


@scenario(FLOOR, "store")
def store(site: FloorSite, operations: int) -> Work:
    """Insert rows."""
    task_ids = [new_id() for _ in range(operations)]
    insert = storing(site, site.template())

    def run() -> None:
        for task_id in task_ids:
            insert(task_id, VALUE)

    return Work(run)


@scenario(FLOOR, "lifecycle")
def lifecycle(site: FloorSite, operations: int) -> Work:
    """Insert rows, and update in each what the end of a task changes."""
    task_ids = [new_id() for _ in range(operations)]
    insert = storing(site, site.template(started=True))
    update = _updating(site)

    def run() -> None:
        for task_id in task_ids:
            insert(task_id, STARTED)
            update(task_id, "SUCCESS", VALUE)

    return Work(run)


@scenario(FLOOR, "progress")
def progress(site: FloorSite, operations: int) -> Work:
    """Update one row."""
    task_id = new_id()
    insert, update = storing(site, site.template(started=True)), _updating(site)
    insert(task_id, STARTED)

    def run() -> None:
        for done in range(operations):
            update(task_id, "PROGRESS", {"done": done})

    return Work(run)


def _updating(site: FloorSite) -> Callable[[str, str, Any], None]:
    """Return what writes state and value of a row that is there."""
    driver, mark = site.driver, site.driver.mark
    execute, now = driver.cursor.execute, driver.now
    changed = ("status", "result", "traceback", "meta", "date_done")
    assignments = ", ".join(f"{name} = {mark}" for name in changed)
    statement = f"UPDATE {TASKS} SET {assignments} WHERE task_id = {mark} AND {NOT_FINAL}"

    def update(task_id: str, state: str, value: Any) -> None:
        execute(statement, (state, json.dumps(value), None, json.dumps({"children": []}), now(), task_id))

    return update


@scenario(FLOOR, "read")
def read(site: FloorSite, operations: int) -> Work:
    """Read rows and decode their values."""
    task_ids = site.members(operations)
    cursor = site.driver.cursor
    columns = ["result", "meta", *(name for name in site.template() if name not in ("result", "meta"))]
    statement = f"SELECT {', '.join(columns)} FROM {TASKS} WHERE task_id = {site.driver.mark}"

    def run() -> None:
        for task_id in task_ids:
            cursor.execute(statement, (task_id,))
            row = cursor.fetchone()
            assert json.loads(row[0]) == VALUE
            json.loads(row[1])

    return Work(run)
