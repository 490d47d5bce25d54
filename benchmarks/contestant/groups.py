"""Groups: saved, restored, asked, joined."""

from __future__ import annotations

from celery.result import GroupResult

from .registry import BACKEND, Work, scenario
from .requests import VALUE, new_id
from .sites import Site

SIZE = 1000


def saved_groups(site: Site, count: int, pending: int = 0) -> list[str]:
    """Return the ids of groups that are saved."""
    groups = [group(site, pending) for _ in range(count)]
    for each in groups:
        each.save()
    return [str(each.id) for each in groups]


def group(site: Site, pending: int = 0) -> GroupResult:
    """Return a group as the caller of ``apply_async`` has it; the last ``pending`` members have no result."""
    task_ids = [*site.members(SIZE - pending), *(new_id() for _ in range(pending))]
    return site.app.GroupResult(new_id(), [site.app.AsyncResult(task_id) for task_id in task_ids])


@scenario(BACKEND, "group_get")
def group_get(site: Site, operations: int) -> Work:
    """Get the results of a group that is done."""
    groups = [group(site) for _ in range(operations)]

    def run() -> None:
        for each in groups:
            assert each.get(timeout=60) == [VALUE] * SIZE

    return Work(run)


@scenario(BACKEND, "group_ready")
def group_ready(site: Site, operations: int, pending: int = 0) -> Work:
    """Restore a group and ask it how far it is, as a page that shows progress does."""
    saved = saved_groups(site, operations, pending)
    done = pending == 0

    def run() -> None:
        for group_id in saved:
            restored = site.app.GroupResult.restore(group_id)
            assert restored.ready() is done
            assert restored.completed_count() == SIZE - pending
            assert restored.successful() is done

    return Work(run)


@scenario(BACKEND, "group_save")
def group_save(site: Site, operations: int) -> Work:
    """Save groups."""
    groups = [group(site) for _ in range(operations)]

    def run() -> None:
        for each in groups:
            each.save()

    return Work(run)


@scenario(BACKEND, "group_restore")
def group_restore(site: Site, operations: int) -> Work:
    """Restore groups."""
    saved = saved_groups(site, operations)

    def run() -> None:
        for group_id in saved:
            assert len(site.app.GroupResult.restore(group_id)) == SIZE

    return Work(run)
