"""What projects import, subclass and patch."""

from __future__ import annotations

from unittest import mock

import celery
import pytest
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from dcr_admin import admin as module
from dcr_models.models import GroupResult, TaskResult


def test_both_models_are_registered_on_the_default_site() -> None:
    assert type(admin.site.get_model_admin(TaskResult)) is module.TaskResultAdmin
    assert type(admin.site.get_model_admin(GroupResult)) is module.GroupResultAdmin


def test_attributes_that_projects_extend() -> None:
    tasks, groups = module.TaskResultAdmin, module.GroupResultAdmin
    assert (tasks.model, groups.model) == (TaskResult, GroupResult)
    assert tasks.date_hierarchy == groups.date_hierarchy == "date_done"
    assert tasks.list_display == ("task_id", "periodic_task_name", "task_name", "date_done", "status", "worker")
    assert tasks.list_filter == ("status", "date_done", "periodic_task_name", "task_name", "worker")
    assert tasks.readonly_fields == ("date_created", "date_started", "date_done", "result", "meta")
    assert tasks.search_fields == ("task_name", "task_id", "status", "task_args", "task_kwargs")
    assert tasks.actions == ["terminate_task"]
    assert groups.list_display == ("group_id", "date_done")
    assert groups.list_filter == ("date_done",)
    assert groups.readonly_fields == ("date_created", "date_done", "result")
    assert groups.search_fields == ("group_id",)


def test_fieldsets_have_three_groups() -> None:
    sections = module.TaskResultAdmin.fieldsets
    assert [(title and str(title), options["fields"], options["classes"]) for title, options in sections] == [
        (
            None,
            ("task_id", "task_name", "periodic_task_name", "status", "worker", "content_type", "content_encoding"),
            ("extrapretty", "wide"),
        ),
        ("Parameters", ("task_args", "task_kwargs"), ("extrapretty", "wide")),
        (
            "Result",
            ("result", "date_created", "date_started", "date_done", "traceback", "meta"),
            ("extrapretty", "wide"),
        ),
    ]


def test_celery_app_is_celerys_proxy() -> None:
    assert module.celery_app is celery.current_app


def test_star_import_brings_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from dcr_admin.admin import *", names)
    assert names.keys() - {"__builtins__"} == {"ALLOW_EDITS", "GroupResultAdmin", "TaskResultAdmin", "celery_app"}


def test_allow_edits_follows_the_setting(settings: Settings) -> None:
    assert module.ALLOW_EDITS is False
    settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": True}
    assert module.ALLOW_EDITS is True
    del settings.DJANGO_CELERY_RESULTS
    assert module.ALLOW_EDITS is False


@pytest.mark.parametrize("allowed", [True, False])
def test_a_patched_allow_edits_wins_over_the_setting_while_it_lasts(settings: Settings, allowed: bool) -> None:
    settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": not allowed}
    with mock.patch("dcr_admin.admin.ALLOW_EDITS", allowed):
        assert module.ALLOW_EDITS is allowed
        assert module.edits_allowed() is allowed
    assert module.edits_allowed() is not allowed
    settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": allowed}
    assert module.edits_allowed() is allowed


@pytest.mark.parametrize(("value", "allowed"), [(1, True), ("yes", True), (0, False), (None, False)])
def test_any_truth_value_will_do_as_in_2_x(value: object, allowed: bool, settings: Settings) -> None:
    settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": value}
    assert module.ALLOW_EDITS is allowed


def test_a_setting_that_is_no_dict_is_named(settings: Settings) -> None:
    settings.DJANGO_CELERY_RESULTS = "no"
    with pytest.raises(ImproperlyConfigured, match=r"DJANGO_CELERY_RESULTS must be a dict .* got 'no'"):
        _ = module.ALLOW_EDITS


def test_other_names_are_missing_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match=r"'dcr_admin.admin' has no attribute 'ALLOW_EDIT'"):
        _ = module.ALLOW_EDIT
