"""What a row that is written without an instance has to hold, and which models cannot be written so."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import models
from django.db.models.functions import Now, Upper
from django.test.utils import isolate_apps
from django.utils import timezone

from dcr_models.models import AbstractTaskResult, ChordCounter, GroupResult, TaskResult
from dcr_models.queries.plan import Plan, Write, plan_for
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantTaskResult


class TestKnown:
    def test_leaves_out_what_is_no_column(self) -> None:
        assert plan_for(TenantTaskResult).known({"tenant": "x", "nonsense": 1}) == {"tenant": "x"}

    def test_leaves_out_what_the_model_sets_itself(self) -> None:
        now = timezone.now()
        values = {"date_created": now, "date_done": now, "date_started": now}
        assert plan_for(TaskResult).known(values) == {"date_started": now}

    def test_counts_the_columns_of_parents(self) -> None:
        assert plan_for(InheritedTaskResult).known({"worker": "x", "note": "y"}) == {"worker": "x", "note": "y"}


class TestRow:
    def test_an_existing_row_takes_over_what_was_given_and_auto_now(self) -> None:
        values = {"task_id": "1", "status": "SUCCESS"}
        row, changes = plan_for(TaskResult).row(Write(key="task_id", values=values))
        assert changes == ["status", "date_done"]
        assert row.items() >= values.items()

    def test_a_new_row_gets_the_defaults_too(self) -> None:
        before = timezone.now()
        row, changes = plan_for(TenantTaskResult).row(Write(key="task_id", values={"task_id": "1"}))
        assert (row["tenant"], row["status"]) == ("unknown", "PENDING")
        assert before <= row["date_created"] == row["date_done"] <= timezone.now()
        assert not {"tenant", "status", "date_created"}.intersection(changes)

    def test_columns_that_are_null_by_default_are_left_to_the_database(self) -> None:
        row, _ = plan_for(TenantTaskResult).row(Write(key="task_id", values={"task_id": "1"}))
        assert not {"cost", "worker", "id"}.intersection(row)

    @isolate_apps("dcr_testkit.userland")
    def test_what_the_database_fills_is_left_to_it(self) -> None:
        class Filled(AbstractTaskResult):
            inserted = models.DateTimeField(db_default=Now())
            loud = models.GeneratedField(
                expression=Upper("task_id"), output_field=models.CharField(max_length=255), db_persist=True
            )

            class Meta:
                app_label = "userland"

        row, _ = Plan(Filled).row(Write(key="task_id", values={"task_id": "1"}))
        assert not {"inserted", "loud"}.intersection(row)


class TestSaveReason:
    @pytest.mark.parametrize("model", [TaskResult, GroupResult, ChordCounter, TenantTaskResult, TaskResultProxy])
    def test_is_none_for_plain_models(self, model: Any) -> None:
        assert plan_for(model).save_reason is None

    def test_names_parents(self) -> None:
        assert plan_for(InheritedTaskResult).save_reason == "the model inherits from another table"

    @isolate_apps("dcr_testkit.userland")
    def test_names_parents_behind_a_proxy(self) -> None:
        class InheritedProxy(InheritedTaskResult):
            class Meta:
                app_label = "userland"
                proxy = True

        assert Plan(InheritedProxy).save_reason == "the model inherits from another table"

    @isolate_apps("dcr_testkit.userland")
    def test_names_a_key_that_the_database_does_not_make(self) -> None:
        class WithUuid(AbstractTaskResult):
            id = models.UUIDField(primary_key=True, default=uuid.uuid4)

            class Meta:
                app_label = "userland"

        assert Plan(WithUuid).save_reason == "its primary key is not one that the database counts up"

    @isolate_apps("dcr_testkit.userland")
    def test_names_an_overridden_save(self) -> None:
        class Saving(AbstractTaskResult):
            class Meta:
                app_label = "userland"

            def save(self, *args: Any, **kwargs: Any) -> None:
                super().save(*args, **kwargs)

        assert Plan(Saving).save_reason == "the model overrides save()"

    @isolate_apps("dcr_testkit.userland")
    def test_names_a_field_with_a_pre_save_of_its_own(self) -> None:
        class WithFile(AbstractTaskResult):
            report = models.FileField()

            class Meta:
                app_label = "userland"

        assert Plan(WithFile).save_reason == "its field 'report' computes its value in pre_save()"

    @isolate_apps("dcr_testkit.userland")
    def test_names_a_field_with_sql_of_its_own(self) -> None:
        class WithBytes(AbstractTaskResult):
            raw = models.BinaryField(null=True)

            class Meta:
                app_label = "userland"

        assert Plan(WithBytes).save_reason == "its field 'raw' has SQL of its own"

    @isolate_apps("dcr_testkit.userland")
    def test_is_none_for_fields_that_hold_dates_themselves(self) -> None:
        class WithDates(AbstractTaskResult):
            day = models.DateField(auto_now=True)
            moment = models.TimeField(auto_now_add=True)

            class Meta:
                app_label = "userland"

        plan = Plan(WithDates)
        assert plan.save_reason is None
        assert set(plan.auto_now) == {"date_done", "day"}
        assert set(plan.auto_now_add) == {"date_created", "moment"}


def test_a_plan_is_made_once() -> None:
    assert plan_for(TaskResult) is plan_for(TaskResult)
