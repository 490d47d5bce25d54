"""One task: its result is stored, updated and read."""

from __future__ import annotations

from celery import states

from .registry import BACKEND, Figures, Work, scenario
from .requests import STARTED, VALUE, tasks
from .sites import Site


@scenario(BACKEND, "store")
def store(site: Site, operations: int) -> Work:
    """Store results of tasks that nothing is known of."""
    backend = site.backend
    fresh = tasks(operations)

    def run() -> None:
        for task_id, request in fresh:
            backend.store_result(task_id, VALUE, states.SUCCESS, request=request)

    return Work(run)


@scenario(BACKEND, "lifecycle")
def lifecycle(site: Site, operations: int) -> Work:
    """Store that a task has started, then its result."""
    backend = site.backend
    fresh = tasks(operations)

    def run() -> None:
        for task_id, request in fresh:
            backend.store_result(task_id, STARTED, states.STARTED, request=request)
            backend.store_result(task_id, VALUE, states.SUCCESS, request=request)

    return Work(run)


@scenario(BACKEND, "progress")
def progress(site: Site, operations: int) -> Work:
    """Store progress of one task, as its ``update_state`` does; tell how many ids that took."""
    backend = site.backend
    model = getattr(backend, "TaskModel", None)
    (before, _), (task_id, request), (after, _) = tasks(3)
    backend.store_result(before, VALUE, states.SUCCESS)

    def run() -> None:
        for done in range(operations):
            backend.store_result(task_id, {"done": done}, "PROGRESS", request=request)

    def finish() -> Figures:
        if model is None:
            return {}
        backend.store_result(after, VALUE, states.SUCCESS)
        first, last = (model.objects.get(task_id=each).pk for each in (before, after))
        return {"ids_used": last - first - 1}

    return Work(run, finish)


@scenario(BACKEND, "read")
def read(site: Site, operations: int) -> Work:
    """Read results that are there."""
    backend = site.backend
    task_ids = site.members(operations)

    def run() -> None:
        for task_id in task_ids:
            assert backend.get_task_meta(task_id)["status"] == states.SUCCESS

    return Work(run)
