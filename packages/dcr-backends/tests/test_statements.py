"""Each operation's budget: round trips are what a result costs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.app.task import Context
from celery.result import AsyncResult, GroupResult
from django.db import connection

from dcr_backends.database import DatabaseBackend
from dcr_testkit.settings import VENDOR

#: Django's log then has BEGIN and COMMIT, which are round trips, too.
pytestmark = pytest.mark.django_db(transaction=True)

#: The last part of a chord of 1,000. SQLite reads 999 ids at once; MariaDB has no UPDATE … RETURNING.
LAST_PART = {"postgresql": 8, "sqlite": 9, "mariadb": 11}[VENDOR]


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
        with django_assert_num_queries(5):  # BEGIN, look, delete what a model inherits from the row, delete, COMMIT
            backend.forget(task_id)


class TestGroups:
    def test_save_restore_delete(self, app: Celery, backend: Any, task_id: str, django_assert_num_queries: Any) -> None:
        members = [AsyncResult(uuid4().hex, app=app) for _ in range(1_000)]
        group = GroupResult(task_id, members, app=app)
        with django_assert_num_queries(1):
            backend.save_group(task_id, group)
        with django_assert_num_queries(1):
            assert backend.restore_group(task_id) == group
        with django_assert_num_queries(3):  # BEGIN, delete, COMMIT
            backend.delete_group(task_id)

    def test_get(self, thousand: GroupResult, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(3):
            assert thousand.get(timeout=1) == list(range(1_000))

    @pytest.mark.parametrize("question", ["ready", "completed_count", "successful", "failed", "waiting"])
    @pytest.mark.parametrize(("unfinished", "budget"), [(0, 3), (5, 4)])
    def test_questions(
        self,
        app: Celery,
        thousand: GroupResult,
        question: str,
        unfinished: int,
        budget: int,
        django_assert_max_num_queries: Any,
    ) -> None:
        app.backend.TaskModel.objects.filter(result__in=range(unfinished)).delete()
        with django_assert_max_num_queries(budget):
            getattr(GroupResult.restore(thousand.id, app=app, backend=app._get_backend()), question)()

    @pytest.fixture
    def thousand(self, app: Celery) -> GroupResult:
        """Return a restored group whose members have all succeeded."""
        members = [AsyncResult(uuid4().hex, app=app) for _ in range(1_000)]
        for number, member in enumerate(members):
            app.backend.mark_as_done(member.id, number)
        GroupResult("thousand", members, app=app).save()
        app.backend._cache.clear()
        return GroupResult.restore("thousand", app=app)


class TestChords:
    def test_apply(self, app: Celery, tasks: SimpleNamespace, task_id: str, django_assert_num_queries: Any) -> None:
        members = [AsyncResult(str(number), app=app) for number in range(1_000)]
        with django_assert_num_queries(1):
            app.backend.apply_chord((task_id, members), tasks.record.s())

    def test_part(self, new_chord: Any, django_assert_num_queries: Any) -> None:
        made = new_chord(*(uuid4().hex for _ in range(100)))
        with django_assert_num_queries(2):  # the result, the counter
            made.part_returns(made.members[0].id, 1)

    def test_part_that_celery_does_not_store(self, new_chord: Any, django_assert_num_queries: Any) -> None:
        made = new_chord(uuid4().hex, uuid4().hex)
        with django_assert_num_queries(2):
            made.part_is_ignored(made.members[0].id, 1)

    def test_part_costs_the_same_in_a_large_chord(self, new_chord: Any) -> None:
        """The header is a megabyte at 10,000 parts: it is neither sent nor fetched."""

        def sent(size: int) -> int:
            made = new_chord(*(uuid4().hex for _ in range(size)))
            characters = 0

            def execute(run: Any, sql: str, params: Any, *rest: Any) -> Any:
                nonlocal characters
                characters += len(sql) + sum(len(param) for param in params if isinstance(param, str))
                assert "sub_tasks" not in sql
                return run(sql, params, *rest)

            with connection.execute_wrapper(execute):
                made.part_returns(made.members[0].id, 1)
            return characters

        assert sent(2) == sent(2_000)

    def test_last_part(self, new_chord: Any, worker: Any, tasks: Any, django_assert_max_num_queries: Any) -> None:
        made = new_chord(*(uuid4().hex for _ in range(1_000)))
        *others, last = made.members
        for number, other in enumerate(others):
            made.backend.mark_as_done(other.id, number)
            made.backend.on_chord_part_return(made.context(other.id), "SUCCESS", number)
        with django_assert_max_num_queries(LAST_PART):
            made.part_returns(last.id, 999)
        assert made.count is None
        worker.run()
        assert tasks.calls == [[list(range(1_000))]]

    @pytest.mark.parametrize("immutable", [False, True])
    def test_last_part_of_chains(
        self, app: Celery, tasks: Any, worker: Any, task_id: str, immutable: bool, django_assert_max_num_queries: Any
    ) -> None:
        """The links before a part are not asked for: it would have failed with them."""
        links = [AsyncResult(uuid4().hex, parent=AsyncResult(uuid4().hex, app=app), app=app) for _ in range(100)]
        body = tasks.record.s().set(immutable=immutable)
        app.backend.apply_chord((task_id, links), body)
        for link in links:
            app.backend.mark_as_done(link.parent.id, 0)
            app.backend.mark_as_done(link.id, 1)
        with django_assert_max_num_queries(LAST_PART):
            app.backend.finish_chord(task_id, body)
        worker.run()
        assert len(tasks.calls) == 1
