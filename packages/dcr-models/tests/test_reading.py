"""Many results cost few statements, and are what one at a time would be."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
from django.db import connection, connections, models
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from dcr_models.managers import TaskResultManager
from dcr_models.models import AbstractTaskResult, TaskResult
from dcr_models.queries import reading
from dcr_models.queries.reading import StoredTask
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantTaskResult

Store = Callable[..., Any]

DESCRIPTION = {
    "task_name": "shop.mail",
    "task_args": '"(1,)"',
    "task_kwargs": '"{}"',
    "worker": "celery@here",
    "meta": "null",
    "traceback": "Traceback",
}

pytestmark = pytest.mark.django_db


def ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


class TestGetTasks:
    def test_returns_what_is_stored_by_id(self, store: Store) -> None:
        first, unknown, second, other = ids(4)
        for number, task_id in enumerate((first, second, other)):
            store(task_id, "STARTED", result=str(number))
        found = TaskResult.objects.get_tasks([second, unknown, first])
        assert {task_id: row.result for task_id, row in found.items()} == {first: "0", second: "1"}

    def test_makes_no_instances(self, store: Store, task_id: str) -> None:
        store(task_id)
        assert type(TaskResult.objects.get_tasks([task_id])[task_id]) is StoredTask

    def test_returns_the_columns_of_the_row(self, store: Store, stored: Any, task_id: str) -> None:
        store(task_id, "FAILURE", **DESCRIPTION)
        row = TaskResult.objects.get_tasks([task_id])[task_id]
        columns = stored(task_id)
        assert row._asdict() == {name: columns[name] for name in StoredTask._fields}
        assert columns.items() >= DESCRIPTION.items()

    @pytest.mark.parametrize("model", [TaskResult, TenantTaskResult, InheritedTaskResult, TaskResultProxy])
    @pytest.mark.parametrize("count", [1, 3])
    def test_returns_what_get_task_does(self, model: Any, count: int, store: Store) -> None:
        some = ids(count)
        for task_id in some:
            store(task_id, manager=model.objects, **DESCRIPTION)
        found = model.objects.get_tasks(some)
        assert list(map(found.get, some)).count(None) == 0
        for task_id in some:
            one = model.objects.get_task(task_id)
            assert found[task_id].as_dict() == one.as_dict()
            assert (found[task_id].content_type, found[task_id].content_encoding) == ("application/json", "utf-8")

    def test_knows_the_time_zone(self, store: Store, task_id: str) -> None:
        before = timezone.now()
        store(task_id)
        moment = TaskResult.objects.get_tasks([task_id])[task_id].date_done
        assert moment.tzinfo is not None
        assert before <= moment <= timezone.now()

    def test_takes_one_statement(self, store: Store, django_assert_num_queries: Any) -> None:
        some = ids(500)
        for task_id in some[:3]:
            store(task_id)
        for count in (1, 2, 500):
            with django_assert_num_queries(1):
                assert len(TaskResult.objects.get_tasks(some[:count])) == min(count, 3)

    def test_takes_none_for_no_ids(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            assert TaskResult.objects.get_tasks([]) == {}

    def test_takes_an_id_twice(self, store: Store, task_id: str) -> None:
        store(task_id)
        assert TaskResult.objects.get_tasks([task_id, task_id]).keys() == {task_id}

    @pytest.mark.parametrize("model", [TaskResult, InheritedTaskResult])
    @pytest.mark.parametrize("count", [1, 2])
    def test_takes_uuids(self, model: Any, count: int, store: Store) -> None:
        some = [uuid.uuid4() for _ in range(count)]
        for task_id in some:
            store(str(task_id), manager=model.objects)
        assert model.objects.get_tasks(some).keys() == set(map(str, some))


class TestChunks:
    @pytest.mark.parametrize("model", [TaskResult, InheritedTaskResult])
    def test_make_one_answer(
        self, model: Any, store: Store, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        monkeypatch.setattr(reading, "MAX_IDS", 2)
        some = ids(5)
        for task_id in some[1:]:
            store(task_id, manager=model.objects)
        with django_assert_num_queries(3):
            found = model.objects.get_tasks(some)
        assert found.keys() == set(some[1:])

    def test_hold_ten_thousand_ids_where_the_database_can(
        self, store: Store, task_id: str, django_assert_num_queries: Any
    ) -> None:
        store(task_id)
        many = [*map(str, range(10_000)), task_id]
        with django_assert_num_queries(ceil(len(many) / min(connection.features.max_query_params or 10_000, 10_000))):
            assert TaskResult.objects.get_tasks(many).keys() == {task_id}

    @pytest.mark.parametrize("model", [TaskResult, InheritedTaskResult])
    def test_hold_what_the_database_can(
        self, model: Any, store: Store, task_id: str, few_parameters: int, django_assert_num_queries: Any
    ) -> None:
        store(task_id, manager=model.objects)
        many = [*map(str, range(few_parameters)), task_id]
        with django_assert_num_queries(2):
            assert model.objects.get_tasks(many).keys() == {task_id}

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="only there an array is a parameter")
    def test_are_one_parameter_on_postgresql(self) -> None:
        seen = []

        def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            seen.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(watch):
            TaskResult.objects.get_tasks(["1", "2"])
            TaskResult.objects.get_tasks(["3", "4", "5"])
        (first, params), (second, _) = seen
        assert (first, params) == (second, [["1", "2"]])


class TestWithoutValues:
    @pytest.mark.parametrize("count", [1, 3])
    def test_leaves_out_what_can_be_large(self, count: int, store: Store) -> None:
        some = ids(count)
        for task_id in some:
            store(task_id, **DESCRIPTION)
        with CaptureQueriesContext(connection) as context:
            found = TaskResult.objects.get_tasks(some, values=False)
        large = ("result", "traceback", "task_args", "task_kwargs")
        assert len(context) == 1
        assert not [name for name in large if connection.ops.quote_name(name) in context[0]["sql"]]
        assert connection.ops.quote_name("status") in context[0]["sql"]
        with_values = TaskResult.objects.get_tasks(some)
        for task_id in some:
            assert found[task_id] == with_values[task_id]._replace(**dict.fromkeys(large))
            assert found[task_id].meta == "null"

    def test_may_return_more_where_the_model_has_to_be_asked(self, store: Store, task_id: str) -> None:
        store(task_id, manager=InheritedTaskResult.objects)
        assert InheritedTaskResult.objects.get_tasks([task_id], values=False)[task_id].result == "1"


class TestAProjectsOwn:
    """What get_task would return through the project's code, get_tasks returns too."""

    def test_get_task_is_called(self, own_proxy: Any, store: Store, task_id: str) -> None:
        class Manager(TaskResultManager):
            def get_task(self, task_id: str) -> Any:
                task = super().get_task(task_id)
                task.worker = f"by {self.write_alias()}"
                return task

        own = own_proxy(Manager())
        store(task_id)
        found = own.objects.get_tasks([task_id, "unknown"])
        assert [(type(task), task.task_id, task.worker) for task in found.values()] == [(own, task_id, "by default")]

    def test_get_queryset_chooses_the_rows(self, own_proxy: Any, store: Store) -> None:
        class Manager(TaskResultManager):
            def get_queryset(self) -> Any:
                return super().get_queryset().filter(worker="mine")

        own = own_proxy(Manager())
        mine, other = ids(2)
        store(mine, worker="mine")
        store(other, worker="yours")
        assert own.objects.get_tasks([mine, other]).keys() == {mine}
        assert own.objects.get_task(other).pk is None

    def test_as_dict_makes_the_columns(
        self, own_proxy: Any, store: Store, task_id: str, django_assert_num_queries: Any
    ) -> None:
        def as_dict(task: Any) -> dict[str, Any]:
            return {**TaskResult.as_dict(task), "task_name": "secret"}

        own = own_proxy(TaskResultManager(), as_dict=as_dict)
        store(task_id, task_name="shop.mail")
        with django_assert_num_queries(1):
            found = own.objects.get_tasks([task_id, "unknown"])
        assert type(found[task_id]) is own
        assert found[task_id].as_dict()["task_name"] == "secret"

    def test_columns_of_parents_are_read_with_the_others(
        self, store: Store, task_id: str, django_assert_num_queries: Any
    ) -> None:
        store(task_id, manager=InheritedTaskResult.objects, note="mine")
        plain = ids(1)[0]
        store(plain)
        with django_assert_num_queries(1):
            found = InheritedTaskResult.objects.get_tasks([task_id, plain])
            assert {key: row.note for key, row in found.items()} == {task_id: "mine"}

    def test_tables_are_kept_apart(self, store: Store, task_id: str) -> None:
        store(task_id, manager=TenantTaskResult.objects, result="2")
        assert TaskResult.objects.get_tasks([task_id]) == {}
        assert TenantTaskResult.objects.get_tasks([task_id])[task_id].result == "2"


class Shouting(models.TextField):  # type: ignore[type-arg] # generic in the stubs only
    """A field whose values differ in Python and in the database, as those of encrypted columns do."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value and value.upper()


@isolate_apps("dcr_testkit.userland")
def test_columns_may_be_of_another_kind(scratch: str) -> None:
    class Odd(AbstractTaskResult):
        task_id = models.CharField(max_length=255, unique=True, db_column="celery_id")
        worker = None
        result = Shouting(null=True)

        class Meta:
            app_label = "userland"

    with connections[scratch].schema_editor() as editor:
        editor.create_model(Odd)
    some = ids(2)
    for task_id in some:
        Odd.objects.store_result("a/b", "utf-8", task_id, "done", "SUCCESS", worker="none", using=scratch)
    for asked in (some, some[:1]):
        for task_id, row in Odd.objects.get_tasks(asked, using=scratch).items():
            assert row.as_dict() == Odd.objects.db_manager(scratch).get_task(task_id).as_dict()
            assert (row.task_id, row.result, row.worker) == (task_id, "DONE", None)
    assert Odd.objects.get_tasks(some, using=scratch).keys() == set(some)


class TestForget:
    def test_takes_many_ids(self, store: Store) -> None:
        some = ids(3)
        for task_id in some:
            store(task_id)
        TaskResult.objects.forget(some[0], "unknown", some[2])
        assert list(TaskResult.objects.values_list("task_id", flat=True)) == [some[1]]

    def test_takes_none(self, store: Store, task_id: str, django_assert_num_queries: Any) -> None:
        store(task_id)
        with django_assert_num_queries(0):
            TaskResult.objects.forget()
        assert TaskResult.objects.count() == 1

    @pytest.mark.parametrize("model", [TaskResult, TenantTaskResult])
    def test_takes_more_ids_than_a_statement_parameters(self, model: Any, few_parameters: int) -> None:
        many = [str(number) for number in range(few_parameters + 2)]
        model.objects.bulk_create(model(task_id=task_id) for task_id in many)
        model.objects.forget(*many[1:])
        assert list(model.objects.values_list("task_id", flat=True)) == ["0"]
