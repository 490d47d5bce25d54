"""Chords: parts return, one after another and from several processes."""

from __future__ import annotations

import time
from typing import Any

from celery.app.task import Context

from .children import Child
from .groups import SIZE
from .registry import BACKEND, Figures, Work, scenario
from .requests import VALUE, new_id, request
from .sites import Site


def part(task_id: str, index: int, group_id: str, body: dict[str, Any]) -> tuple[str, Context]:
    """Return id and request of a task in a chord's header."""
    return task_id, request(task_id, group=group_id, group_index=index, chord=body)


@scenario(BACKEND, "chord_part")
def chord_part(site: Site, operations: int, size: int = SIZE) -> Work:
    """Finish parts of a chord that needs more of them: each stores its result and counts."""
    task_ids = [new_id() for _ in range(size)]
    group_id, body = site.start_chord(task_ids)
    parts = [part(task_id, index, group_id, body) for index, task_id in enumerate(task_ids[:operations])]
    backend = site.backend

    def run() -> None:
        for task_id, each in parts:
            backend.mark_as_done(task_id, VALUE, request=each)

    return Work(run)


@scenario(BACKEND, "chord_last")
def chord_last(site: Site, operations: int, size: int = SIZE) -> Work:
    """Finish the last part: it stores, counts, joins the others and sends the body."""
    last_parts = []
    for _ in range(operations):
        task_ids = [*site.members(size - 1), new_id()]
        group_id, body = site.start_chord(task_ids)
        site.return_parts(group_id, body, task_ids)
        last_parts.append(part(task_ids[-1], size - 1, group_id, body))
    backend = site.backend
    bodies = site.bodies

    def run() -> None:
        for task_id, each in last_parts:
            backend.mark_as_done(task_id, VALUE, request=each)

    def finish() -> Figures:
        assert site.bodies - bodies == operations, f"{site.bodies - bodies} bodies sent for {operations} chords"
        return {}

    return Work(run, finish)


@scenario(BACKEND, "chord_race")
def chord_race(site: Site, operations: int, processes: int) -> Work:
    """Finish all parts of one chord in several processes at once."""
    task_ids = [new_id() for _ in range(operations)]
    group_id, body = site.start_chord(task_ids)
    children = [Child(site, _finish_parts) for _ in range(processes)]
    outcomes: list[dict[str, Any]] = []

    def run() -> Figures:
        for number, child in enumerate(children):
            child.send(group_id, body, list(enumerate(task_ids))[number::processes])
        outcomes.extend(child.receive() for child in children)
        return {
            "seconds": max(each["ended"] for each in outcomes) - min(each["started"] for each in outcomes),
            "cpu": sum(each["cpu"] for each in outcomes),
        }

    def finish() -> Figures:
        bodies = sum(each["bodies"] for each in outcomes)
        return {
            "bodies": bodies,
            "exactly_once": float(bodies == 1),
            "errors": sum(each["errors"] for each in outcomes),
        }

    return Work(run, finish)


def _finish_parts(site: Site, group_id: str, body: dict[str, Any], parts: list[tuple[int, str]]) -> dict[str, Any]:
    """Finish some of the parts; an error counts and the next part goes on, as in a worker."""
    requests = [part(task_id, index, group_id, body) for index, task_id in parts]
    bodies, errors = site.bodies, 0
    cpu, started = time.process_time(), time.monotonic()
    for task_id, each in requests:
        try:
            site.backend.mark_as_done(task_id, VALUE, request=each)
        except Exception:  # noqa: BLE001 - drivers raise what they like
            errors += 1
    return {
        "started": started,
        "ended": time.monotonic(),
        "cpu": time.process_time() - cpu,
        "bodies": site.bodies - bodies,
        "errors": errors,
    }
