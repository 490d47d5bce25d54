"""The verbs that look results up, forget them and start chords; storing has modules of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connections

from dcr_models import conf
from dcr_models.managers import ResultManager
from dcr_models.models import ChordCounter, GroupResult, TaskResult
from dcr_testkit.userland.models import InheritedTaskResult, TenantTaskResult

Store = Callable[..., Any]

pytestmark = pytest.mark.django_db


def store_group(group_id: str, result: str = "[]") -> Any:
    return GroupResult.objects.store_group_result("application/json", "utf-8", group_id, result)


class TestGetTask:
    def test_returns_the_row(self, store: Store, task_id: str) -> None:
        store(task_id, "STARTED", worker="celery@here")
        task = TaskResult.objects.get_task(task_id)
        assert task.pk is not None
        assert (task.task_id, task.status, task.worker) == (task_id, "STARTED", "celery@here")

    def test_returns_a_pending_instance_where_there_is_no_row(self, task_id: str) -> None:
        task = TaskResult.objects.get_task(task_id)
        assert (task.pk, task.task_id, task.status, task.result) == (None, task_id, "PENDING", None)
        assert not TaskResult.objects.exists()

    def test_returns_the_projects_own_model(self, task_id: str) -> None:
        assert type(TenantTaskResult.objects.get_task(task_id)) is TenantTaskResult

    def test_takes_one_statement(self, store: Store, task_id: str, django_assert_num_queries: Any) -> None:
        store(task_id)
        with django_assert_num_queries(1):
            TaskResult.objects.get_task(task_id)
        with django_assert_num_queries(1):
            TaskResult.objects.get_task(uuid())


class TestGetGroup:
    def test_returns_the_row(self) -> None:
        group_id = uuid()
        store_group(group_id, "[1]")
        group = GroupResult.objects.get_group(group_id)
        assert group.pk is not None
        assert (group.group_id, group.result) == (group_id, "[1]")

    def test_returns_an_unsaved_instance_where_there_is_no_row(self) -> None:
        group = GroupResult.objects.get_group("unknown")
        assert (group.pk, group.group_id, group.result) == (None, "unknown", None)
        assert not GroupResult.objects.exists()


class TestStoreGroupResult:
    def test_returns_what_is_stored(self) -> None:
        group_id = uuid()
        first = store_group(group_id, "[1]")
        created = first.date_created
        second = store_group(group_id, "[2]")
        assert (second.pk, second.result, second.date_created) == (first.pk, "[2]", created)
        assert second.date_done >= first.date_done

    def test_refuses_an_id_that_does_not_fit(self) -> None:
        with pytest.raises(ValueError, match=r"^group_id has 256 characters and the column holds 255: 'x+'") as error:
            store_group("x" * 256)
        assert conf.TASK_ID_MAX_LENGTH_SETTING in str(error.value)

    def test_stores_text_that_the_database_cannot(self) -> None:
        group_id = uuid()
        returned = store_group(group_id, '"\x00\ud800"')
        assert returned.result == GroupResult.objects.get(group_id=group_id).result


class TestForget:
    @pytest.mark.parametrize("model", [TaskResult, TenantTaskResult, InheritedTaskResult])
    def test_deletes_one_result(self, model: Any, store: Store, task_id: str) -> None:
        other = uuid()
        for stored_id in (task_id, other):
            store(stored_id, manager=model.objects)
        model.objects.forget(task_id)
        model.objects.forget("unknown")
        assert list(model.objects.values_list("task_id", flat=True)) == [other]

    def test_deletes_one_group(self) -> None:
        first, second = uuid(), uuid()
        store_group(first)
        store_group(second)
        GroupResult.objects.forget(first)
        GroupResult.objects.forget("unknown")
        assert list(GroupResult.objects.values_list("group_id", flat=True)) == [second]


class TestStartAChord:
    def test_refuses_an_id_that_does_not_fit(self) -> None:
        with pytest.raises(ValueError, match=r"^group_id has 256 characters"):
            ChordCounter.objects.start(group_id="x" * 256, sub_tasks="[]", count=3)


class TestConnections:
    def test_are_those_of_the_default_database(self, settings: Any) -> None:
        for manager in (TaskResult.objects, GroupResult.objects):
            assert isinstance(manager, ResultManager)
            assert manager.connection_for_write() is connections["default"]
            assert manager.connection_for_read() is connections["default"]
            assert manager.current_engine() == settings.DATABASES["default"]["ENGINE"]
