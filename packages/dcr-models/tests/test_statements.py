"""The text of the upserts: quoted, built once per set of columns, seen by whoever watches the cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connection, models
from django.test.utils import CaptureQueriesContext, isolate_apps

from dcr_models.models import AbstractTaskResult, TaskResult
from dcr_models.queries import statements
from dcr_models.queries.plan import Plan, Write, plan_for

Store = Callable[..., Any]


def upsert_text(plan: Plan, **write: Any) -> str:
    values = {"task_id": "1", "status": "SUCCESS", "worker": "w"}
    dialect = statements.dialect_for(connection)
    assert dialect is not None
    return dialect.insert(plan, connection, Write(key="task_id", values=values, **write))[0]


class TestDialectFor:
    def test_knows_the_vendor_under_test(self) -> None:
        kind = statements.OnDuplicateKey if connection.vendor == "mysql" else statements.OnConflict
        assert type(statements.dialect_for(connection)) is kind

    @pytest.mark.skipif(connection.vendor == "mysql", reason="gives the key back without RETURNING")
    def test_needs_returning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection.features, "can_return_columns_from_insert", False)
        assert statements.dialect_for(connection) is None

    def test_does_not_guess(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "vendor", "oracle")
        assert statements.dialect_for(connection) is None


class TestText:
    def test_is_built_once_per_set_of_columns(self) -> None:
        assert upsert_text(plan_for(TaskResult)) is upsert_text(plan_for(TaskResult))
        assert upsert_text(plan_for(TaskResult)) != upsert_text(plan_for(TaskResult), success_is_final=True)
        assert upsert_text(plan_for(TaskResult)) != upsert_text(plan_for(TaskResult), keep=frozenset({"worker"}))

    def test_has_no_values(self, store: Store, db: None) -> None:
        seen = []

        def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            seen.append((sql, params))
            return execute(sql, params, many, context)

        ids = [uuid(), uuid()]
        with connection.execute_wrapper(watch):
            for task_id in ids:
                store(task_id, worker="celery@here")
        (first, params), (second, _) = seen
        assert first is second
        assert ids[0] in params
        assert ids[0] not in first

    @isolate_apps("dcr_testkit.userland")
    def test_quotes_names_and_uses_the_columns_own(self) -> None:
        class Odd(AbstractTaskResult):
            order = models.IntegerField(default=1, db_column="group")

            class Meta:
                app_label = "userland"
                db_table = "select"

        quote = connection.ops.quote_name
        text = upsert_text(Plan(Odd))
        assert f"INSERT INTO {quote('select')} (" in text
        assert quote("group") in text
        assert quote("order") not in text

    @pytest.mark.skipif(connection.vendor != "mysql", reason="assignments run from left to right there only")
    def test_changes_the_status_last(self) -> None:
        text = upsert_text(plan_for(TaskResult), success_is_final=True)
        assert text.rpartition(", ")[2].startswith("VALUES(`status`)")
        assert text.rindex("`status` = IF(") > text.rindex("`worker` = IF(")


@pytest.mark.django_db
class TestExecute:
    def test_goes_through_djangos_cursor(self, store: Store, task_id: str) -> None:
        with CaptureQueriesContext(connection) as context:
            store(task_id)
        assert task_id in context.captured_queries[0]["sql"]
