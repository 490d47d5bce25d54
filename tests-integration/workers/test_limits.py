"""Tasks that are stopped from outside: revoked, or over their time."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery import states
from celery.exceptions import SoftTimeLimitExceeded, TaskRevokedError, TimeLimitExceeded
from celery.utils import uuid

from dcr_testkit.workers import wait_until
from workers.sites import Caller

pytestmark = pytest.mark.worker


def test_time_limits(caller: Caller) -> None:
    never = caller.path("never")
    noticed = caller.send("tidy_up", never, soft_time_limit=1)
    raised = caller.send("wait", never, soft_time_limit=1)
    killed = caller.send("wait", never, time_limit=1)

    assert caller.get(noticed) == "tidied up"
    with pytest.raises(SoftTimeLimitExceeded):
        caller.get(raised)
    with pytest.raises(TimeLimitExceeded):
        caller.get(killed)

    assert "SoftTimeLimitExceeded" in str(caller.row(raised).traceback)
    row = caller.row(killed)  # written by the parent, which has the task's request and not its context
    assert (row.status, row.task_name) == (states.FAILURE, "shop.tasks.wait")
    assert row.date_started is not None
    assert caller.get(caller.send("add", 2, 2)) == 4


def test_revoked_before_it_starts(caller: Caller) -> None:
    task_id = uuid()
    caller.app.control.revoke(task_id)
    wait_until(
        lambda: any(task_id in revoked for revoked in (caller.app.control.inspect().revoked() or {}).values()),
        "arrival of the revocation",
    )

    result = caller.send("close_day", caller.path("runs"), task_id=task_id)

    with pytest.raises(TaskRevokedError, match="revoked"):
        caller.get(result)
    assert caller.get(caller.send("add", 1, 2)) == 3
    assert not Path(caller.path("runs")).exists()
    row = caller.row(result)
    assert (row.status, row.task_name) == (states.REVOKED, "shop.tasks.close_day")
    assert row.date_started is None


def test_revoked_while_it_runs(caller: Caller) -> None:
    result = caller.send("wait", caller.path("never"))
    wait_until(lambda: result.state == states.STARTED, "start of the task")

    result.revoke(terminate=True)

    with pytest.raises(TaskRevokedError, match="terminated"):
        caller.get(result)
    row = caller.row(result)
    assert (row.status, row.task_name) == (states.REVOKED, "shop.tasks.wait")
    assert caller.get(caller.send("add", 2, 2)) == 4


def test_revoked_when_it_is_over(caller: Caller) -> None:
    result = caller.send("add", 2, 2)
    assert caller.get(result) == 4

    result.revoke(terminate=True)

    assert caller.get(caller.send("add", 3, 3)) == 6
    assert caller.row(result).status == states.SUCCESS
