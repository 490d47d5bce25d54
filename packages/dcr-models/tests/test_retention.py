"""Expired rows go in batches, oldest first, and everything else stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connection
from django.db.models import Max
from django.db.models.signals import post_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dcr_models.models import GroupResult, TaskResult
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantTaskResult

HOUR = timedelta(hours=1)

Aged = Callable[..., list[str]]


@pytest.fixture
def aged() -> Aged:
    """Return a function that makes rows which were last written so many hours ago."""

    def rows(*hours: float, model: Any = TaskResult) -> list[str]:
        key = "group_id" if model is GroupResult else "task_id"
        ids = [f"{age} hours, {uuid()}" for age in hours]
        for row_id, age in zip(ids, hours, strict=True):
            model.objects.create(**{key: row_id})
            model.objects.filter(**{key: row_id}).update(date_done=timezone.now() - age * HOUR)
        return ids

    return rows


@pytest.fixture
def deleted() -> Iterator[list[str]]:
    """Listen to the deletion of task results; return the list of their ids, which grows."""
    ids: list[str] = []

    def listen(instance: Any, **kwargs: Any) -> None:
        ids.append(instance.task_id)

    post_delete.connect(listen, sender=TaskResult)
    yield ids
    post_delete.disconnect(listen, sender=TaskResult)


def task_ids(model: Any = TaskResult) -> set[str]:
    return set(model.objects.values_list("task_id", flat=True))


@pytest.mark.django_db
class TestGetAllExpired:
    @pytest.mark.parametrize("expires", [1.5 * HOUR, 5400, 5400.0])
    def test_takes_a_timedelta_or_seconds(self, aged: Aged, expires: Any) -> None:
        old, _, older = aged(2, 1, 3)
        assert {row.task_id for row in TaskResult.objects.get_all_expired(expires)} == {old, older}

    def test_asks_for_no_state(self, aged: Aged) -> None:
        (old,) = aged(2)
        assert TaskResult.objects.get_all_expired(HOUR).get().status == "PENDING"
        assert task_ids() == {old}

    def test_works_without_time_zones(self, aged: Aged, settings: Any) -> None:
        settings.USE_TZ = False
        old, _ = aged(48, 1)
        assert {row.task_id for row in TaskResult.objects.get_all_expired(30 * HOUR)} == {old}


@pytest.mark.django_db
class TestDeleteExpired:
    @pytest.mark.parametrize("expires", [1.5 * HOUR, 5400])
    def test_deletes_what_is_older_and_counts_it(self, aged: Aged, expires: Any) -> None:
        _, young, _ = aged(2, 1, 3)
        assert TaskResult.objects.delete_expired(expires) == 2
        assert task_ids() == {young}
        assert TaskResult.objects.delete_expired(expires) == 0

    def test_deletes_groups(self, aged: Aged) -> None:
        aged(2, 1, model=GroupResult)
        assert GroupResult.objects.delete_expired(1.5 * HOUR) == 1
        assert GroupResult.objects.count() == 1

    def test_goes_from_old_to_young_in_batches(self, aged: Aged, deleted: list[str]) -> None:
        ages = [5, 3, 7, 4, 6]
        ids = dict(zip(ages, aged(*ages), strict=True))
        with CaptureQueriesContext(connection) as context:
            assert TaskResult.objects.delete_expired(HOUR, batch_size=2) == 5
        batches = [deleted[start : start + 2] for start in (0, 2, 4)]
        assert [set(batch) for batch in batches] == [{ids[7], ids[6]}, {ids[5], ids[4]}, {ids[3]}]
        picked = [sql for sql in (query["sql"] for query in context) if "ORDER BY" in sql and "date_done" in sql]
        assert len(picked) == 4
        assert all("LIMIT 2" in sql for sql in picked)

    def test_tells_listeners(self, aged: Aged, deleted: list[str]) -> None:
        old, _ = aged(2, 0.5)
        TaskResult.objects.delete_expired(HOUR)
        assert deleted == [old]

    @pytest.mark.parametrize("batch_size", [0, -1])
    def test_refuses_a_batch_of_nothing(self, aged: Aged, batch_size: int) -> None:
        (old,) = aged(2)
        with pytest.raises(ValueError, match=f"^batch_size must be at least 1 row, got {batch_size}.$"):
            TaskResult.objects.delete_expired(HOUR, batch_size=batch_size)
        assert task_ids() == {old}

    @pytest.mark.parametrize("model", [TenantTaskResult, InheritedTaskResult, TaskResultProxy])
    def test_counts_rows_of_the_projects_own_model(self, aged: Aged, model: Any) -> None:
        _, _, young = aged(2, 3, 0.5, model=model)
        assert model.objects.delete_expired(HOUR) == 2
        assert task_ids(model) == {young}

    def test_takes_along_what_refers_to_a_row(self, aged: Aged) -> None:
        aged(2, 3, model=InheritedTaskResult)
        assert TaskResult.objects.delete_expired(HOUR, batch_size=1) == 2
        assert not InheritedTaskResult.objects.exists()

    def test_deletes_more_rows_than_a_statement_may_have_parameters(self) -> None:
        TenantTaskResult.objects.bulk_create(TenantTaskResult(task_id=str(number)) for number in range(2100))
        TenantTaskResult.objects.update(date_done=timezone.now() - 2 * HOUR)
        assert TenantTaskResult.objects.delete_expired(HOUR, batch_size=2000) == 2100


@pytest.mark.django_db(transaction=True)
class TestInterrupted:
    def test_keeps_what_was_done_and_can_run_again(self, aged: Aged) -> None:
        aged(5, 4, 3, 2)

        def fail(instance: Any, **kwargs: Any) -> None:
            if instance.task_id.startswith("2 "):
                raise KeyboardInterrupt

        post_delete.connect(fail, sender=TaskResult)
        try:
            with pytest.raises(KeyboardInterrupt):
                TaskResult.objects.delete_expired(HOUR, batch_size=2)
        finally:
            post_delete.disconnect(fail, sender=TaskResult)
        oldest = TaskResult.objects.aggregate(newest=Max("date_done"))["newest"]
        assert (TaskResult.objects.count(), timezone.now() - oldest > 1.9 * HOUR) == (2, True)
        assert TaskResult.objects.delete_expired(HOUR, batch_size=2) == 2
