"""How workers with each of Celery's pools start, work and end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import chord, states

from dcr_testkit.workers import wait_until, worker
from workers.sites import Caller, calling, installed

pytestmark = pytest.mark.worker


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Return the settings of an installation that has no worker."""
    with installed(tmp_path_factory.mktemp("pools"), vendor="sqlite", broker="filesystem") as settings:
        yield settings


@pytest.fixture
def caller(settings: dict[str, Any], tmp_path: Path, django_db_blocker: Any) -> Iterator[Caller]:
    """Return a process that sends tasks to the installation."""
    with django_db_blocker.unblock(), calling(settings, tmp_path) as caller:
        yield caller


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_pool(settings: dict[str, Any], caller: Caller, tmp_path: Path, pool: str) -> None:
    with worker(settings=settings, folder=tmp_path, pool=pool, concurrency=3) as process:
        failed = caller.send("fail", "no tea")
        total = chord([caller.task("add", n, n) for n in range(10)], app=caller.app)(caller.task("total"))

        assert caller.get(total) == 90
        with pytest.raises(ValueError, match="no tea"):
            caller.get(failed)
        assert caller.get(caller.send("restock", 1)) == {"attempts": 2}
        assert process.unexpected == []


def test_processes_that_are_replaced_and_work_under_way_at_the_end(
    settings: dict[str, Any], caller: Caller, tmp_path: Path
) -> None:
    with worker("--max-tasks-per-child", "2", settings=settings, folder=tmp_path, concurrency=1) as process:
        processes = [caller.get(caller.send("process_id")) for _ in range(5)]
        assert [processes.count(one) for one in dict.fromkeys(processes)] == [2, 2, 1]

        result = caller.send("wait", caller.path("go"))
        wait_until(lambda: result.state == states.STARTED, "start of the task")
        process.terminate()
        process.wait_for("Warm shutdown")
        assert result.state == states.STARTED
        Path(caller.path("go")).touch()
        assert process.wait() == 0, process.log
        assert not process.has_orphans
        assert process.unexpected == []
    assert caller.get(result) == "waited"
