"""What a stored result costs, which way it takes, and what a process remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connection, transaction
from django.db.models import F
from django.db.models.signals import ModelSignal, post_save, pre_save
from django.test.utils import CaptureQueriesContext

from dcr_models.models import ChordCounter, GroupResult, TaskResult
from dcr_models.queries import orm, statements, upsert
from dcr_models.queries.plan import Write, plan_for
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantTaskResult

Store = Callable[..., Any]
Stored = Callable[..., dict[str, Any]]


@pytest.fixture(
    params=[
        pytest.param(False, marks=pytest.mark.django_db, id="in a transaction"),
        pytest.param(True, marks=pytest.mark.django_db(transaction=True), id="autocommit"),
    ]
)
def sent(request: pytest.FixtureRequest) -> Iterator[Callable[[], list[str]]]:
    """Return a function that tells the statements sent since it was last asked, BEGIN and COMMIT included."""
    request.getfixturevalue("transactional_db" if request.param else "db")
    with CaptureQueriesContext(connection) as context:
        seen = 0

        def new() -> list[str]:
            nonlocal seen
            start, seen = seen, len(context)
            return [query["sql"] for query in context.captured_queries[start:]]

        new()
        yield new


def verbs(statements_sent: list[str]) -> list[str]:
    return [sql.split()[0] for sql in statements_sent]


class TestOneStatement:
    """In autocommit mode a BEGIN would show: there is none."""

    def test_is_counted_truly(self, sent: Callable[[], list[str]]) -> None:
        with transaction.atomic():
            pass
        assert verbs(sent())[0] in {"BEGIN", "SAVEPOINT"}

    def test_stores_a_new_row(self, sent: Callable[[], list[str]], store: Store, task_id: str) -> None:
        store(task_id, worker="celery@here")
        assert verbs(sent()) == ["INSERT"]

    def test_updates_a_row_that_this_process_wrote(
        self, sent: Callable[[], list[str]], store: Store, task_id: str
    ) -> None:
        store(task_id, "STARTED")
        sent()
        store(task_id, "RETRY")
        store(task_id, "SUCCESS")
        assert verbs(sent()) == ["UPDATE", "UPDATE"]

    def test_updates_a_row_that_another_process_wrote(
        self, sent: Callable[[], list[str]], store: Store, stored: Stored, task_id: str
    ) -> None:
        TaskResult.objects.create(task_id=task_id, status="STARTED")
        sent()
        store(task_id, "SUCCESS")
        assert verbs(sent()) == ["INSERT"]
        assert stored(task_id)["status"] == "SUCCESS"

    def test_is_followed_by_a_read_where_success_was_kept(
        self, sent: Callable[[], list[str]], store: Store, task_id: str
    ) -> None:
        TaskResult.objects.create(task_id=task_id, status="SUCCESS")
        sent()
        store(task_id, "STARTED")
        assert verbs(sent()) == ["INSERT", "SELECT"]

    def test_saves_a_group(self, sent: Callable[[], list[str]]) -> None:
        group_id = uuid()
        for _ in range(2):
            GroupResult.objects.store_group_result("application/json", "utf-8", group_id, "[]")
        assert verbs(sent()) == ["INSERT", "UPDATE"]


@pytest.mark.django_db
class TestWhatAProcessRemembers:
    def test_progress_does_not_use_up_ids(self, store: Store, task_id: str) -> None:
        first = store(task_id, "STARTED").pk
        for done in range(100):
            assert store(task_id, "PROGRESS", result=str(done)).pk == first
        assert store(uuid()).pk == first + 1

    def test_a_row_that_was_deleted_meanwhile_is_written_anew(self, store: Store, stored: Stored, task_id: str) -> None:
        store(task_id, "STARTED", worker="celery@here")
        TaskResult.objects.all().delete()
        store(task_id, "SUCCESS")
        assert stored(task_id).items() >= {"status": "SUCCESS", "worker": None}.items()

    def test_a_row_that_was_rolled_back_is_written_anew(self, store: Store, stored: Stored, task_id: str) -> None:
        with transaction.atomic():
            store(task_id, "STARTED")
            transaction.set_rollback(True)
        store(task_id, "SUCCESS")
        assert stored(task_id)["status"] == "SUCCESS"

    def test_memory_is_bounded(self) -> None:
        assert upsert._written.limit == upsert.REMEMBERED_IDS


PATHS = [upsert._one_statement, orm.update_or_insert, orm.get_then_save]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
class TestEachPath:
    def write(self, task_id: str, status: str, **values: Any) -> Write:
        known = {"task_id": task_id, "status": status, "content_type": "application/json", "content_encoding": "utf-8"}
        return Write(key="task_id", values={**known, **values}, success_is_final=True)

    def test_returns_the_primary_key(self, path: upsert.Path, task_id: str) -> None:
        created = upsert.upsert(TaskResult, None, self.write(task_id, "STARTED"), path=path)
        changed = upsert.upsert(TaskResult, None, self.write(task_id, "SUCCESS"), path=path)
        assert created == changed == TaskResult.objects.get(task_id=task_id, status="SUCCESS").pk

    def test_returns_none_where_success_was_kept(self, path: upsert.Path, task_id: str) -> None:
        upsert.upsert(TaskResult, None, self.write(task_id, "SUCCESS"), path=path)
        assert upsert.upsert(TaskResult, None, self.write(task_id, "FAILURE"), path=path) is None

    def test_stores_the_values_of_a_model_with_columns_of_its_own(
        self, path: upsert.Path, stored: Stored, task_id: str
    ) -> None:
        upsert.upsert(TenantTaskResult, None, self.write(task_id, "SUCCESS", cost=3), path=path)
        assert stored(task_id, TenantTaskResult).items() >= {"tenant": "unknown", "cost": 3}.items()

    def test_evaluates_an_expression(self, path: upsert.Path, stored: Stored, task_id: str) -> None:
        # The vendor's own statement cannot; upsert finds that out where it may choose.
        able = None if path is upsert._one_statement else path
        upsert.upsert(TenantTaskResult, None, self.write(task_id, "STARTED", cost=3), path=path)
        upsert.upsert(TenantTaskResult, None, self.write(task_id, "SUCCESS", cost=F("cost") + 1), path=able)
        assert stored(task_id, TenantTaskResult)["cost"] == 4


class TestTheWay:
    write = Write(key="task_id", values={"task_id": "1"})

    def test_is_the_vendors_statement(self) -> None:
        for model in (TaskResult, GroupResult, TenantTaskResult, TaskResultProxy):
            assert upsert.path_for(plan_for(model), "default", self.write) is upsert._one_statement

    def test_is_portable_where_the_vendor_is_not_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(statements._DIALECTS, connection.vendor)
        assert upsert.path_for(plan_for(TaskResult), "default", self.write) is orm.update_or_insert

    @pytest.mark.parametrize("value", [F("result"), GroupResult()])
    def test_is_save_where_a_value_needs_the_orm(self, value: Any) -> None:
        write = Write(key="task_id", values={"task_id": "1", "result": value})
        assert upsert.path_for(plan_for(TaskResult), "default", write) is orm.get_then_save

    def test_is_save_where_the_model_has_parents(self) -> None:
        assert upsert.path_for(plan_for(InheritedTaskResult), "default", self.write) is orm.get_then_save

    def test_is_named_by_its_reason(self) -> None:
        assert upsert.save_reason(plan_for(ChordCounter)) is None
        assert upsert.save_reason(plan_for(InheritedTaskResult)) == "the model inherits from another table"


@pytest.fixture(params=[TaskResult, None], ids=["sender=TaskResult", "sender=None"])
def heard(request: pytest.FixtureRequest) -> Iterator[Callable[[ModelSignal], list[Any]]]:
    """Return a function that begins to listen to a signal, and returns the list that grows with what it hears."""
    connected = []

    def listen_to(signal: ModelSignal) -> list[Any]:
        instances: list[Any] = []

        def listen(instance: Any, **kwargs: Any) -> None:
            if isinstance(instance, TaskResult):
                instances.append((instance.task_id, instance.status, kwargs.get("created")))

        signal.connect(listen, sender=request.param, weak=False)
        connected.append((signal, listen))
        return instances

    yield listen_to
    for signal, listen in connected:
        signal.disconnect(listen, sender=request.param)


@pytest.mark.django_db
class TestSignals:
    def test_post_save_is_sent(self, heard: Any, store: Store, task_id: str) -> None:
        instances = heard(post_save)
        store(task_id, "STARTED")
        store(task_id, "SUCCESS")
        assert instances == [(task_id, "STARTED", True), (task_id, "SUCCESS", False)]

    def test_pre_save_is_sent(self, heard: Any, store: Store, task_id: str) -> None:
        instances = heard(pre_save)
        store(task_id, "STARTED")
        store(task_id, "SUCCESS")
        assert instances == [(task_id, "STARTED", None), (task_id, "SUCCESS", None)]

    def test_success_is_final_and_is_not_announced_again(
        self, heard: Any, store: Store, stored: Stored, task_id: str
    ) -> None:
        instances = heard(post_save)
        store(task_id, "SUCCESS", result="1")
        store(task_id, "FAILURE", result="2")
        assert instances == [(task_id, "SUCCESS", True)]
        assert stored(task_id).items() >= {"status": "SUCCESS", "result": "1"}.items()

    @pytest.mark.parametrize("signal", [pre_save, post_save])
    def test_the_reason_names_the_signal(self, heard: Any, signal: ModelSignal) -> None:
        heard(signal)
        name = "pre_save" if signal is pre_save else "post_save"
        assert upsert.save_reason(plan_for(TaskResult)) == f"something listens to {name}"

    def test_a_receiver_of_another_model_changes_nothing(
        self, store: Store, task_id: str, django_assert_num_queries: Any
    ) -> None:
        def listen(**kwargs: Any) -> None:
            raise AssertionError("a task result is no group")

        post_save.connect(listen, sender=GroupResult)
        try:
            with django_assert_num_queries(1):
                store(task_id)
        finally:
            post_save.disconnect(listen, sender=GroupResult)
