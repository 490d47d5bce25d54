"""Results are read-only, groups as well as tasks, unless the project allows edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from dcr_admin.admin import GroupResultAdmin, TaskResultAdmin
from dcr_models.models import GroupResult, TaskResult
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantTaskResult

TASK_COLUMNS = [
    "id",
    "task_id",
    "periodic_task_name",
    "task_name",
    "task_args",
    "task_kwargs",
    "status",
    "worker",
    "content_type",
    "content_encoding",
    "result",
    "date_created",
    "date_started",
    "date_done",
    "traceback",
    "meta",
]


@pytest.fixture
def edits(settings: Settings) -> None:
    """Allow edits."""
    settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": True}


def change_url(row: Model) -> str:
    """Return the address of the row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


class TestFields:
    """``get_readonly_fields`` of models of every make."""

    @pytest.mark.parametrize(
        ("model", "own"),
        [
            (TaskResult, []),
            (TaskResultProxy, []),
            (TenantTaskResult, ["tenant", "cost"]),
            (InheritedTaskResult, ["taskresult_ptr", "note"]),
        ],
    )
    def test_every_column_is_read_only(self, rf: Any, model: type[Model], own: list[str]) -> None:
        fields = TaskResultAdmin(model, admin.site).get_readonly_fields(rf.get("/"))
        assert len(fields) == len(set(fields))
        assert set(fields) == {*TASK_COLUMNS, *own}

    def test_the_order_is_the_models_then_the_subclass(self, rf: Any) -> None:
        class Subclass(TaskResultAdmin):
            readonly_fields = ("duration", *TaskResultAdmin.readonly_fields, "link")

        fields = Subclass(TaskResult, admin.site).get_readonly_fields(rf.get("/"))
        assert fields == [*(field.name for field in TaskResult._meta.fields), "duration", "link"]

    @pytest.mark.usefixtures("edits")
    @pytest.mark.parametrize(("model", "cls"), [(TaskResult, TaskResultAdmin), (GroupResult, GroupResultAdmin)])
    def test_with_edits_the_class_decides(self, rf: Any, model: type[Model], cls: Any) -> None:
        assert cls(model, admin.site).get_readonly_fields(rf.get("/")) == cls.readonly_fields

    def test_a_page_without_fieldsets_leaves_the_automatic_key_out(self, rf: Any, admin_user: User) -> None:
        request: HttpRequest = rf.get("/")
        request.user = admin_user
        fields = GroupResultAdmin(GroupResult, admin.site).get_fields(request)
        assert sorted(fields) == [
            "content_encoding",
            "content_type",
            "date_created",
            "date_done",
            "group_id",
            "result",
        ]

    def test_fields_that_a_subclass_names_stay(self, rf: Any) -> None:
        class Subclass(GroupResultAdmin):
            fields = ("id", "group_id")

        assert Subclass(GroupResult, admin.site).get_fields(rf.get("/")) == ("id", "group_id")


class TestPages:
    """What a click on "Save" does."""

    @pytest.mark.parametrize("kind", ["task", "group"])
    def test_a_row_cannot_be_changed(
        self, request: pytest.FixtureRequest, staff: Callable[..., User], client_of: Callable[..., Client], kind: str
    ) -> None:
        row = request.getfixturevalue(kind)
        client = client_of(staff(f"change_{kind}result"))
        page = client.get(change_url(row))
        assert page.status_code == 200
        assert not page.context["adminform"].form.fields

        values = {field.name: "2001-02-03" for field in row._meta.fields}
        assert client.post(change_url(row), {**values, f"{kind}_id": "other"}).status_code == 302
        stored = type(row).objects.values().get()
        assert stored == {field.attname: getattr(row, field.attname) for field in row._meta.fields}

    @pytest.mark.parametrize("kind", ["task", "group"])
    def test_the_add_page_answers_and_adds_nothing(
        self, staff: Callable[..., User], client_of: Callable[..., Client], kind: str
    ) -> None:
        url = reverse(f"admin:django_celery_results_{kind}result_add")
        client = client_of(staff(f"add_{kind}result", f"view_{kind}result"))
        assert client.get(url).status_code == 200
        assert client.post(url, {f"{kind}_id": "made-up"}).status_code == 403
        assert TaskResult.objects.count() + GroupResult.objects.count() == 0

    @pytest.mark.usefixtures("edits")
    def test_edits_are_stored_where_they_are_allowed(
        self, staff: Callable[..., User], client_of: Callable[..., Client], task: TaskResult, group: GroupResult
    ) -> None:
        client = client_of(staff("change_taskresult", "change_groupresult"))
        for row, change in ((task, {"status": "FAILURE"}), (group, {"group_id": "group-2"})):
            form = client.get(change_url(row)).context["adminform"].form
            values = {name: form[name].value() or "-" for name in form.fields}
            assert client.post(change_url(row), {**values, **change}).status_code == 302
        assert TaskResult.objects.get().status == "FAILURE"
        assert GroupResult.objects.get().group_id == "group-2"

    @pytest.mark.usefixtures("edits")
    def test_a_row_can_be_added_where_edits_are_allowed(
        self, staff: Callable[..., User], client_of: Callable[..., Client]
    ) -> None:
        client = client_of(staff("add_groupresult", "view_groupresult"))
        values = {"group_id": "by-hand", "content_type": "application/json", "content_encoding": "utf-8"}
        response = client.post(reverse("admin:django_celery_results_groupresult_add"), values)
        assert response.status_code == 302
        assert GroupResult.objects.get().group_id == "by-hand"

    @pytest.mark.usefixtures("edits")
    def test_edits_need_the_change_permission(
        self, staff: Callable[..., User], client_of: Callable[..., Client], task: TaskResult
    ) -> None:
        client = client_of(staff("view_taskresult"))
        assert client.get(change_url(task)).status_code == 200
        assert client.post(change_url(task), {"status": "FAILURE"}).status_code == 403
        assert TaskResult.objects.get().status == "SUCCESS"
