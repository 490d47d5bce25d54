"""Cleaning asks for the state: each kind of result has its own limit, and some rows stay whatever their age."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from celery import states
from django.db import connection
from django.db.models.signals import post_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dcr_models.managers import TaskResultManager
from dcr_models.models import TaskResult
from dcr_models.queries.retention import delete_in_batches
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantTaskResult

HOUR = timedelta(hours=1)

FINAL, FAILED, OTHERS = ("SUCCESS", "REVOKED"), ("FAILURE",), ("PENDING", "RECEIVED", "STARTED", "RETRY", "PROGRESS")

#: Hours since the rows of ``results`` were last written.
AGES = (1, 3, 5, 7)

pytestmark = pytest.mark.django_db


def make(
    task_id: str, hours: float = 2, status: str = "SUCCESS", model: Any = TaskResult, using: str = "default"
) -> str:
    """Store a result that was last written so many hours ago."""
    rows = model.objects.using(using)
    rows.create(task_id=task_id, status=status)
    rows.filter(task_id=task_id).update(date_done=timezone.now() - hours * HOUR)
    return task_id


def left(model: Any = TaskResult, using: str = "default") -> set[str]:
    return set(model.objects.using(using).values_list("task_id", flat=True))


def clean_up(manager: Any = None, *, ready: timedelta = HOUR, **more: Any) -> int:
    """Clean up; fail where that takes a hundred statements, since what goes wrong may have no end."""
    limits = {"failed": ready, "unready": None, **more}
    sent = count()

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        assert next(sent) < 100
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        return int((manager or TaskResult.objects).clean_up(ready=ready, **limits))


@pytest.fixture
def results() -> None:
    """Store results of every state and age; their ids are state and hours."""
    for state in (*FINAL, *FAILED, *OTHERS):
        for hours in AGES:
            make(f"{state} {hours}", hours, state)


def younger(limit: float | None, kind: tuple[str, ...]) -> set[str]:
    """Return the ids of ``results`` of one kind that a limit in hours leaves."""
    return {f"{state} {hours}" for state in kind for hours in AGES if limit is None or hours < limit}


@pytest.mark.usefixtures("results")
class TestLimits:
    @pytest.mark.parametrize("ready", [2, 4, 8])
    @pytest.mark.parametrize("failed", [None, 2, 6])
    @pytest.mark.parametrize("unready", [None, 4, 8])
    def test_are_applied_by_state(self, ready: float, failed: float | None, unready: float | None) -> None:
        before = TaskResult.objects.count()
        deleted = TaskResult.objects.clean_up(
            ready=ready * HOUR,
            failed=None if failed is None else failed * HOUR,
            unready=None if unready is None else unready * HOUR,
        )
        assert left() == younger(ready, FINAL) | younger(failed, FAILED) | younger(unready, OTHERS)
        assert deleted == before - TaskResult.objects.count()

    def test_cover_celerys_states(self) -> None:
        assert {*FINAL, *FAILED} == states.READY_STATES
        assert states.ALL_STATES - states.READY_STATES - {"REJECTED", "IGNORED"} < set(OTHERS)

    def test_may_leave_running_tasks_alone(self) -> None:
        clean_up(ready=0 * HOUR)
        assert left() == younger(None, OTHERS)

    def test_leave_nothing_for_a_second_time(self) -> None:
        limits: dict[str, Any] = {"ready": 2 * HOUR, "failed": 4 * HOUR, "unready": 6 * HOUR}
        assert TaskResult.objects.clean_up(**limits) > 0
        assert TaskResult.objects.clean_up(**limits) == 0


class TestKeptIds:
    def test_stay(self) -> None:
        kept, _ = (make(name) for name in ("kept", "gone"))
        running = make("running", 9, "STARTED")
        assert clean_up(kept_ids={kept, running, "unknown"}, unready=HOUR) == 1
        assert left() == {kept, running}

    @pytest.mark.parametrize("kept", [range(5), range(2, 6), range(7), range(0, 7, 2), [6], []])
    @pytest.mark.parametrize("same_moment", [False, True])
    def test_may_be_anywhere(self, kept: Any, same_moment: bool) -> None:
        """In front of the others, for instance, where a batch that looks from the start would never get past them."""
        all_ids = [make(str(number), 20 - number) for number in range(7)]
        if same_moment:
            TaskResult.objects.update(date_done=timezone.now() - 9 * HOUR)
        kept_ids = {all_ids[number] for number in kept}
        with CaptureQueriesContext(connection) as context:
            assert clean_up(kept_ids=kept_ids, failed=None, batch_size=2) == 7 - len(kept_ids)
        assert left() == kept_ids
        batches = [query["sql"] for query in context if "LIMIT 2" in query["sql"]]
        assert len(batches) == 5  # the last of them is empty

    def test_take_no_parameters(self, few_parameters: int) -> None:
        gone = make("gone")
        kept = {str(number) for number in range(few_parameters + 2)}
        assert clean_up(kept_ids=kept) == 1
        assert gone not in left()

    @pytest.mark.parametrize("model", [TenantTaskResult, InheritedTaskResult, TaskResultProxy])
    def test_stay_in_the_projects_own_models(self, model: Any) -> None:
        kept, _ = (make(name, model=model) for name in ("kept", "gone"))
        assert clean_up(model.objects, kept_ids={kept}) == 1
        assert left(model) == {kept}


class TestBatches:
    def test_are_bounded(self) -> None:
        for number in range(5):
            make(str(number), 9 - number, model=TenantTaskResult)  # which no other table refers to
        sizes: list[int] = []

        def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("DELETE"):
                sizes.append(len(params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(watch):
            assert clean_up(TenantTaskResult.objects, batch_size=2) == 5
        assert sizes == [2, 2, 1]

    def test_are_no_larger_than_a_statement_may_be(self, few_parameters: int) -> None:
        rows = few_parameters + 101
        TenantTaskResult.objects.bulk_create(
            TenantTaskResult(task_id=str(number), status="SUCCESS") for number in range(rows)
        )
        TenantTaskResult.objects.update(date_done=timezone.now() - 2 * HOUR)
        assert clean_up(TenantTaskResult.objects, batch_size=rows) == rows
        assert not TenantTaskResult.objects.exists()

    def test_hold_something(self) -> None:
        task_id = make("1")
        with pytest.raises(ValueError, match=r"^batch_size must be at least 1 row, got 0\.$"):
            clean_up(batch_size=0)
        assert left() == {task_id}

    def test_leave_what_is_written_meanwhile(self) -> None:
        """A row that is too young stays, whenever it comes."""
        first = make("old", 5)

        def write(**kwargs: Any) -> None:
            if not TaskResult.objects.filter(task_id="young").exists():
                make("young", 0)

        post_delete.connect(write, sender=TaskResult)
        try:
            assert delete_in_batches(TaskResult.objects.get_all_expired(HOUR), "default", 1) == 1
        finally:
            post_delete.disconnect(write, sender=TaskResult)
        assert first not in left()
        assert left() == {"young"}


@pytest.mark.django_db(transaction=True)
def test_interrupted_cleaning_can_be_run_again() -> None:
    for state, hours in (("SUCCESS", 5), ("SUCCESS", 4), ("FAILURE", 3), ("FAILURE", 2)):
        make(f"{state} {hours}", hours, state)

    def fail(instance: Any, **kwargs: Any) -> None:
        if instance.task_id == "FAILURE 2":
            raise KeyboardInterrupt

    post_delete.connect(fail, sender=TaskResult)
    try:
        with pytest.raises(KeyboardInterrupt):
            clean_up(batch_size=1)
    finally:
        post_delete.disconnect(fail, sender=TaskResult)
    assert left() == {"FAILURE 2"}
    assert clean_up(batch_size=1) == 1


class TestAManagerThatDecides:
    """One that overrides what 2.6 called knows best, as it did there."""

    @pytest.fixture(autouse=True)
    def rows(self) -> None:
        for state in ("SUCCESS", "FAILURE", "STARTED"):
            make(state, 2, state)

    def test_by_delete_expired(self, own_proxy: Any) -> None:
        asked = []

        class Manager(TaskResultManager):
            def delete_expired(self, expires: Any) -> int:  # type: ignore[override] # as in 2.6
                asked.append(expires)
                return 17

        assert clean_up(own_proxy(Manager()).objects, failed=None, kept_ids={"SUCCESS"}) == 17
        assert asked == [HOUR]
        assert left() == {"SUCCESS", "FAILURE", "STARTED"}

    def test_by_get_all_expired(self, own_proxy: Any) -> None:
        class Manager(TaskResultManager):
            def get_all_expired(self, expires: Any) -> Any:
                return self.filter(status="STARTED")

        assert clean_up(own_proxy(Manager()).objects, failed=None) == 1
        assert left() == {"SUCCESS", "FAILURE"}


@pytest.mark.django_db(databases=["default", "other"])
def test_one_database_is_cleaned() -> None:
    for using in ("default", "other"):
        make("1", using=using)
    assert clean_up(using="other") == 1
    assert (left(), left(using="other")) == ({"1"}, set())
