"""How a task can end, and what is then stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from celery import states
from celery.exceptions import WorkerLostError

from dcr_models.models import TaskResult
from dcr_testkit.workers import wait_until
from workers.sites import Caller

pytestmark = pytest.mark.worker


def test_success(caller: Caller) -> None:
    result = caller.send("add", 2, 3)

    assert caller.get(result) == 5
    assert result.state == states.SUCCESS
    row = caller.row(result)
    assert (row.status, row.result, row.traceback) == (states.SUCCESS, "5", None)
    assert (row.content_type, row.content_encoding) == ("application/json", "utf-8")
    assert row.task_name == "shop.tasks.add"
    assert row.worker is not None
    assert row.worker.startswith("celery@")
    assert row.date_started is not None
    assert row.date_started <= row.date_done
    assert row.date_created <= row.date_done


def test_failure(caller: Caller) -> None:
    result = caller.send("fail", "no such tea")

    with pytest.raises(ValueError, match="no such tea"):
        caller.get(result)
    row = caller.row(result)
    assert row.status == result.state == states.FAILURE
    assert json.loads(row.result or "")["exc_message"] == ["no such tea"]
    assert row.traceback == result.traceback
    assert "raise ValueError(message)" in str(row.traceback)
    assert str(row.traceback).endswith("ValueError: no such tea\n")


def test_exception_of_the_project(caller: Caller) -> None:
    from shop.errors import OutOfStockError  # on the import path only while a caller exists

    with pytest.raises(OutOfStockError) as caught:
        caller.get(caller.send("order", "cups", 2))

    assert (caught.value.article, caught.value.left) == ("cups", 2)


def test_retry_then_success(caller: Caller) -> None:
    # Without a delay an attempt can end before RETRY is stored for the one that sent it.
    result = caller.send("restock", 2, 0)

    assert caller.get(result) == {"attempts": 3}
    row = caller.row(result)
    assert (row.status, row.traceback) == (states.SUCCESS, None)
    assert TaskResult.objects.filter(task_id=result.id).count() == 1


def test_retry_until_giving_up(caller: Caller) -> None:
    from shop.errors import SupplierBusyError

    result = caller.send("restock", 99)

    with pytest.raises(SupplierBusyError, match="attempt 2"):
        caller.get(result)
    assert caller.row(result).status == states.FAILURE


def test_state_while_running(caller: Caller) -> None:
    result = caller.send("wait", caller.path("go"))

    wait_until(lambda: result.state == states.STARTED, "start of the task")
    row = caller.row(result)
    assert set(result.info) == {"pid", "hostname"}
    assert result.info["hostname"] == row.worker
    assert result.date_done is None
    assert row.date_started is not None
    Path(caller.path("go")).touch()
    assert caller.get(result) == "waited"
    assert caller.row(result).date_started == row.date_started


def test_state_of_its_own(caller: Caller) -> None:
    result = caller.send("report", caller.path("go"))

    wait_until(lambda: result.state == "PACKING", "progress report")
    assert result.info == {"packed": 3, "of": 7}
    assert not result.ready()
    Path(caller.path("go")).touch()
    assert caller.get(result) == "packed"
    assert result.state == states.SUCCESS


def test_state_of_its_own_to_the_end(caller: Caller) -> None:
    result = caller.send("skip")

    wait_until(lambda: result.state == "SKIPPED", "state of its own")
    assert caller.get(caller.send("add", 1, 1)) == 2
    assert caller.row(result).status == "SKIPPED"
    assert result.info == {"why": "holiday"}


def test_ignored_result(caller: Caller) -> None:
    result = caller.send("touch", caller.path("touched"))

    wait_until(Path(caller.path("touched")).exists, "run of the task")
    assert caller.get(caller.send("add", 1, 1)) == 2
    assert not TaskResult.objects.filter(task_id=result.id).exists()
    assert result.state == states.PENDING


def test_ignored_by_the_caller(caller: Caller) -> None:
    result = caller.send("echo", caller.path("touched"), ignore_result=True)

    assert caller.get(caller.send("add", 1, 1)) == 2
    # Celery 5.5 stores STARTED all the same, because it asks the task only.
    assert not TaskResult.objects.filter(task_id=result.id).exclude(status=states.STARTED).exists()


def test_error_of_an_ignored_result(caller: Caller) -> None:
    result = caller.send("fail_unasked", "who cares")

    with pytest.raises(ValueError, match="who cares"):
        caller.get(result)
    assert caller.row(result).task_name == "shop.tasks.fail_unasked"


def test_result_that_cannot_be_encoded(caller: Caller) -> None:
    result = caller.send("make_object")

    failure = caller.get(result, propagate=False)
    assert result.state == states.FAILURE
    assert type(failure).__name__ == "EncodeError"
    assert "object is not JSON serializable" in str(failure)
    assert "Object of type object is not JSON serializable" in str(caller.row(result).traceback)
    assert caller.get(caller.send("add", 2, 2)) == 4


def test_lost_process(caller: Caller) -> None:
    result = caller.send("crash")

    with pytest.raises(WorkerLostError, match="SIGKILL"):
        caller.get(result)
    row = caller.row(result)
    assert (row.status, row.task_name) == (states.FAILURE, "shop.tasks.crash")
    assert caller.get(caller.send("add", 2, 2)) == 4


def test_forgotten(caller: Caller) -> None:
    result = caller.send("add", 2, 2)
    assert caller.get(result) == 4

    result.forget()

    assert result.state == states.PENDING
    assert not TaskResult.objects.filter(task_id=result.id).exists()
