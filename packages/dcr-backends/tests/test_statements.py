"""Each operation's budget: round trips are what a result costs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.app.task import Context
from celery.result import AsyncResult, GroupResult

from dcr_backends.database import DatabaseBackend

pytestmark = pytest.mark.django_db


@pytest.fixture
def backend(app: Celery) -> DatabaseBackend:
    return app.backend


@pytest.fixture
def request_(app: Celery, task_id: str) -> Context:
    """Return a worker's request, and have its columns stored."""
    app.conf.result_extended = True
    return Context(id=task_id, task="shop.pay", hostname="w@h", args=[1], kwargs={"a": 2}, argsrepr="(1,)")


class TestResults:
    def test_first_store(self, backend: Any, task_id: str, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            backend.mark_as_done(task_id, "value")

    def test_each_later_store(self, backend: Any, task_id: str, request_: Any, django_assert_num_queries: Any) -> None:
        backend.store_result(task_id, None, "STARTED", request=request_)
        with django_assert_num_queries(3):
            backend.store_result(task_id, 1, "PROGRESS", request=request_)
            backend.store_result(task_id, 2, "PROGRESS")
            backend.mark_as_done(task_id, "value", request=request_)

    def test_store_that_success_rejects(self, backend: Any, task_id: str, django_assert_num_queries: Any) -> None:
        backend.mark_as_done(task_id, "value")
        with django_assert_num_queries(3):  # not changed, not created, then the row as it is
            backend.store_result(task_id, None, "STARTED")

    def test_read(self, backend: Any, task_id: str, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            backend.get_task_meta(task_id)
        backend.mark_as_done(task_id, "value")
        with django_assert_num_queries(1):
            backend.get_task_meta(task_id)

    def test_forget(self, backend: Any, task_id: str, django_assert_num_queries: Any) -> None:
        backend.mark_as_done(task_id, "value")
        with django_assert_num_queries(3):  # look, delete what a project's model inherits from the row, delete
            backend.forget(task_id)

    def test_groups(self, app: Celery, backend: Any, task_id: str, django_assert_num_queries: Any) -> None:
        group = GroupResult(task_id, [AsyncResult(str(number), app=app) for number in range(100)], app=app)
        with django_assert_num_queries(1):
            backend.save_group(task_id, group)
        with django_assert_num_queries(1):
            assert backend.restore_group(task_id) == group
        with django_assert_num_queries(1):
            backend.delete_group(task_id)


class TestChords:
    def test_apply(self, app: Celery, tasks: SimpleNamespace, django_assert_max_num_queries: Any) -> None:
        members = [AsyncResult(str(number), app=app) for number in range(100)]
        with django_assert_max_num_queries(4):
            app.backend.apply_chord(("group", members), tasks.record.s())

    def test_part(self, new_chord: Any, django_assert_num_queries: Any) -> None:
        made = new_chord(*(uuid4().hex for _ in range(100)))
        with django_assert_num_queries(2):  # the result, the counter
            made.part_returns(made.members[0].id, 1)

    def test_header_is_not_read_for_each_part(self, new_chord: Any, django_assert_num_queries: Any) -> None:
        made = new_chord(uuid4().hex, uuid4().hex)
        with django_assert_num_queries(2) as captured:
            made.part_returns(made.members[0].id, 1)
        assert not any("sub_tasks" in query["sql"] for query in captured.captured_queries)
