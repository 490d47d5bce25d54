"""The two ways through Django's ORM: what they cost, who is heard, and which errors come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery.utils import uuid
from django.db import IntegrityError, connection
from django.test.utils import isolate_apps

from dcr_models.models import GroupResult, TaskResult
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantGroupResult, TenantTaskResult

Store = Callable[..., Any]
Stored = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("path")
class TestAnErrorThatIsNoDuplicate:
    def test_comes_out_as_it_is(self, store: Store, task_id: str) -> None:
        with pytest.raises(IntegrityError, match="content_type"):
            store(task_id, content_type=None)

    def test_comes_out_of_a_later_write_too(self, store: Store, task_id: str) -> None:
        store(task_id, "STARTED")
        with pytest.raises(IntegrityError, match="content_type"):
            store(task_id, "SUCCESS", content_type=None)


@contextmanager
def faster_writer(task_id: str, status: str) -> Iterator[None]:
    """Make the row just after the next UPDATE found none, as another process may."""
    updated = done = False

    def step_in(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal updated, done
        updated = updated or sql.startswith("UPDATE")
        if updated and not done and sql.startswith("SAVEPOINT"):
            done = True
            TaskResult.objects.bulk_create([TaskResult(task_id=task_id, status=status, worker="celery@faster")])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(step_in):
        yield
    assert done


@pytest.mark.parametrize("path", ["update or insert", "get then save"], indirect=True)
class TestAnotherWriterIsFaster:
    def test_its_row_is_changed(self, path: str, store: Store, stored: Stored, task_id: str) -> None:
        with faster_writer(task_id, "STARTED"):
            returned = store(task_id, "SUCCESS", result="2")
        row = stored(task_id)
        assert row.items() >= {"status": "SUCCESS", "result": "2", "worker": "celery@faster"}.items()
        assert returned.pk == row["id"]

    def test_its_success_stays(self, path: str, store: Store, stored: Stored, task_id: str) -> None:
        with faster_writer(task_id, "SUCCESS"):
            returned = store(task_id, "FAILURE", result="2")
        assert stored(task_id).items() >= {"status": "SUCCESS", "result": None}.items()
        assert returned.status == "SUCCESS"


class TestAModelOfTheProjectsOwn:
    def test_has_its_columns_filled(self, store: Store, stored: Stored, task_id: str) -> None:
        store(task_id, manager=TenantTaskResult.objects, cost=3)
        assert stored(task_id, TenantTaskResult).items() >= {"tenant": "unknown", "cost": 3}.items()
        assert not TaskResult.objects.exists()

    def test_has_its_columns_written(self, store: Store, stored: Stored, task_id: str) -> None:
        store(task_id, "STARTED", manager=TenantTaskResult.objects, tenant="acme", nonsense=1)
        returned = store(task_id, "SUCCESS", manager=TenantTaskResult.objects)
        assert stored(task_id, TenantTaskResult)["tenant"] == "acme"
        assert (type(returned), returned.tenant) == (TenantTaskResult, "acme")

    def test_can_keep_its_columns(self, store: Store, stored: Stored, task_id: str) -> None:
        store(task_id, "STARTED", manager=TenantTaskResult.objects, tenant="acme")
        store(task_id, "SUCCESS", manager=TenantTaskResult.objects, tenant="other", keep=["tenant"])
        assert stored(task_id, TenantTaskResult)["tenant"] == "acme"

    def test_may_be_a_group(self) -> None:
        group_id = uuid()
        group = TenantGroupResult.objects.store_group_result("application/json", "utf-8", group_id, "[]")
        assert (group.group_id, group.tenant) == (group_id, "unknown")


class TestAModelWithParents:
    def test_has_a_row_in_both_tables(self, store: Store, stored: Stored, task_id: str) -> None:
        returned = store(task_id, manager=InheritedTaskResult.objects, note="first", worker="celery@here")
        assert stored(task_id, InheritedTaskResult).items() >= {"note": "first", "worker": "celery@here"}.items()
        assert stored(task_id, TaskResult)["worker"] == "celery@here"
        assert returned.pk == TaskResult.objects.get(task_id=task_id).pk

    def test_is_returned_whole(self, store: Store, stored: Stored, task_id: str) -> None:
        store(task_id, "STARTED", manager=InheritedTaskResult.objects, note="first")
        returned = store(task_id, "SUCCESS", manager=InheritedTaskResult.objects)
        row = stored(task_id, InheritedTaskResult)
        assert {name: getattr(returned, name) for name in row} == row
        assert (returned.status, returned.note) == ("SUCCESS", "first")

    def test_keeps_success(self, store: Store, stored: Stored, task_id: str) -> None:
        store(task_id, "SUCCESS", manager=InheritedTaskResult.objects, note="first")
        before = stored(task_id, InheritedTaskResult)
        returned = store(task_id, "FAILURE", manager=InheritedTaskResult.objects, note="late")
        assert stored(task_id, InheritedTaskResult) == before
        assert (returned.status, returned.note) == ("SUCCESS", "first")

    def test_keeps_a_known_date_started_only(self, store: Store, stored: Stored, task_id: str) -> None:
        store(task_id, "STARTED", manager=InheritedTaskResult.objects)
        store(task_id, "RETRY", manager=InheritedTaskResult.objects, note="kept?", keep=["note"])
        assert stored(task_id, InheritedTaskResult)["note"] == ""


class TestAModelThatSavesItself:
    @isolate_apps("dcr_testkit.userland")
    def test_has_its_save_called(self, store: Store, stored: Stored, task_id: str) -> None:
        class Signed(TaskResult):
            class Meta:
                app_label = "userland"
                proxy = True

            def save(self, *args: Any, **kwargs: Any) -> None:
                self.worker = f"{self.worker or ''}!"
                super().save(*args, **kwargs)

        store(task_id, "STARTED", manager=Signed.objects)
        store(task_id, "SUCCESS", manager=Signed.objects)
        store(task_id, "FAILURE", manager=Signed.objects)
        assert stored(task_id).items() >= {"status": "SUCCESS", "worker": "!!"}.items()

    def test_is_none_where_it_is_a_plain_proxy(
        self, store: Store, task_id: str, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(1):
            returned = store(task_id, manager=TaskResultProxy.objects)
        assert isinstance(returned, TaskResultProxy)


NEW, KNOWN, KEPT = "STARTED", "SUCCESS", "FAILURE"

STATEMENTS = {
    "one statement": {NEW: "INSERT", KNOWN: "UPDATE", KEPT: "UPDATE INSERT SELECT"},
    "update or insert": {NEW: "UPDATE INSERT", KNOWN: "UPDATE SELECT", KEPT: "UPDATE INSERT UPDATE SELECT SELECT"},
    "get then save": {NEW: "UPDATE INSERT", KNOWN: "UPDATE SELECT UPDATE", KEPT: "UPDATE SELECT SELECT"},
}


def test_statements_are_few(path: str, store: Store, task_id: str) -> None:
    sent = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql.split()[0])
        return execute(sql, params, many, context)

    for state in (NEW, KNOWN, KEPT):
        sent.clear()
        with connection.execute_wrapper(watch):
            store(task_id, state)
        verbs = [verb for verb in sent if verb not in {"SAVEPOINT", "RELEASE", "ROLLBACK"}]
        assert " ".join(verbs) == STATEMENTS[path][state]


def test_a_group_is_replaced(stored: Stored) -> None:
    group_id = uuid()
    for members in ("[1]", "[2]"):
        GroupResult.objects.store_group_result("application/json", "utf-8", group_id, members)
    assert GroupResult.objects.get(group_id=group_id).result == "[2]"
