"""Names, shapes and texts of the models that projects and Celery rely on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from celery import Celery, states
from celery.result import GroupResult as CeleryGroupResult
from celery.utils import uuid
from django.db.models import AutoField, DateTimeField
from django.utils import timezone

from dcr_models import counters, managers, models
from dcr_models.models import ChordCounter, GroupResult, TaskResult
from dcr_testkit.userland.models import TenantGroupResult, TenantTaskResult


class TestTaskResult:
    def test_as_dict_has_the_keys_of_2_6(self) -> None:
        moment = timezone.now()
        task = TaskResult(
            task_id="1",
            task_name="shop.mail",
            task_args='"()"',
            task_kwargs='"{}"',
            status="FAILURE",
            result="{}",
            date_done=moment,
            traceback="Traceback",
            meta="null",
            worker="celery@here",
            periodic_task_name="every minute",
        )
        assert task.as_dict() == {
            "task_id": "1",
            "task_name": "shop.mail",
            "task_args": '"()"',
            "task_kwargs": '"{}"',
            "status": "FAILURE",
            "result": "{}",
            "date_done": moment,
            "traceback": "Traceback",
            "meta": "null",
            "worker": "celery@here",
        }

    def test_str_names_id_and_state(self) -> None:
        assert str(TaskResult(task_id="1")) == "<Task: 1 (PENDING)>"

    def test_status_takes_any_text(self) -> None:
        field = TaskResult._meta.get_field("status")
        assert (field.choices, field.default) == (None, states.PENDING)


class TestGroupResult:
    def test_as_dict_has_the_keys_of_2_6(self) -> None:
        moment = timezone.now()
        group = GroupResult(group_id="1", result="[]", date_done=moment)
        assert group.as_dict() == {"group_id": "1", "result": "[]", "date_done": moment}

    def test_str_names_the_id(self) -> None:
        assert str(GroupResult(group_id="1")) == "<Group: 1>"


class TestChordCounter:
    def test_group_result_is_the_header(self, celery_app: Celery) -> None:
        member = celery_app.AsyncResult(uuid())
        nested = CeleryGroupResult(uuid(), [celery_app.AsyncResult(uuid(), parent=member)])
        counter = ChordCounter(group_id="chord", sub_tasks=json.dumps([member.as_tuple(), nested.as_tuple()]), count=2)
        header = counter.group_result()
        assert header == CeleryGroupResult("chord", [member, nested])
        assert isinstance(header.results[1], CeleryGroupResult)
        assert header.results[1].results[0].parent == member

    def test_group_result_belongs_to_the_app_that_is_given(self, celery_app: Celery) -> None:
        other = Celery("other", set_as_current=False, backend="cache+memory://")
        counter = ChordCounter(
            group_id="chord", sub_tasks=json.dumps([celery_app.AsyncResult("1").as_tuple()]), count=1
        )
        header = counter.group_result(app=other)
        assert (header.app, header.results[0].app) == (other, other)
        default = counter.group_result()
        assert (default.app.main, default.results[0].app.main) == (celery_app.main, celery_app.main)

    def test_str_names_id_and_count(self) -> None:
        assert str(ChordCounter(group_id="1", sub_tasks="[]", count=3)) == "<Chord: 1 (3)>"


def test_states_are_celerys() -> None:
    assert sorted(states.ALL_STATES) == models.ALL_STATES
    assert [(state, state) for state in models.ALL_STATES] == models.TASK_STATE_CHOICES


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (TaskResult, "django_celery_results_taskresult"),
        (GroupResult, "django_celery_results_groupresult"),
        (ChordCounter, "django_celery_results_chordcounter"),
    ],
)
class TestTables:
    def test_have_the_names_of_2_6(self, model: Any, table: str) -> None:
        assert (model._meta.app_label, model._meta.db_table) == ("django_celery_results", table)

    def test_have_32_bit_keys_as_in_2_6(self, model: Any, table: str) -> None:
        assert type(model._meta.pk) is AutoField

    def test_say_what_each_column_is(self, model: Any, table: str) -> None:
        for field in model._meta.local_fields:
            assert field.primary_key or field.help_text, field


@pytest.mark.parametrize(
    ("model", "base", "manager"),
    [
        (TaskResult, models.AbstractTaskResult, managers.TaskResultManager),
        (TenantTaskResult, models.AbstractTaskResult, managers.TaskResultManager),
        (GroupResult, models.AbstractGroupResult, managers.GroupResultManager),
        (TenantGroupResult, models.AbstractGroupResult, managers.GroupResultManager),
        (ChordCounter, models.AbstractChordCounter, counters.ChordCounterManager),
    ],
)
def test_models_stand_on_public_bases(model: Any, base: Any, manager: type) -> None:
    assert issubclass(model, base)
    assert base._meta.abstract
    assert type(model.objects) is type(model._default_manager) is manager


@pytest.mark.parametrize("model", [TaskResult, GroupResult, TenantTaskResult, TenantGroupResult])
def test_results_are_listed_from_new_to_old(model: Any) -> None:
    assert model._meta.ordering == ["-date_done"]
    assert isinstance(model._meta.get_field("date_done"), DateTimeField)
