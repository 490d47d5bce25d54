"""Admins of projects: subclasses, proxies, models of their own, other sites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import path, reverse
from pytest_django import Settings

from dcr_admin.admin import GroupResultAdmin, TaskResultAdmin
from dcr_models.models import GroupResult, TaskResult
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantGroupResult, TenantTaskResult


class ChargeAdmin(TaskResultAdmin):
    """What projects write: more columns, more fields, an action of their own."""

    list_display = (*TaskResultAdmin.list_display, "seconds")
    list_filter = ["status"]
    readonly_fields = (*TaskResultAdmin.readonly_fields, "seconds")
    fieldsets = (*TaskResultAdmin.fieldsets, ("Own", {"fields": ("seconds",)}))
    actions = [*TaskResultAdmin.actions, "bill"]

    @admin.display(description="Seconds it took")
    def seconds(self, row: TaskResult) -> str:
        """Return text that no column holds."""
        return f"took {row.pk} s"

    @admin.action(description="Bill")
    def bill(self, request: Any, queryset: Any) -> None:
        """Do what the project does."""


class TenantTaskResultAdmin(TaskResultAdmin):
    """The admin of a model with a column more."""

    list_display = (*TaskResultAdmin.list_display, "tenant")
    fieldsets = (*TaskResultAdmin.fieldsets, ("Tenant", {"fields": ("tenant", "cost")}))


REGISTRY: dict[type[Model], type[admin.ModelAdmin[Any]]] = {
    TaskResult: TaskResultAdmin,
    TaskResultProxy: TaskResultAdmin,
    InheritedTaskResult: TaskResultAdmin,
    TenantTaskResult: TenantTaskResultAdmin,
    GroupResult: GroupResultAdmin,
    TenantGroupResult: GroupResultAdmin,
}


def url(model: type[Model], page: str, *args: Any) -> str:
    """Return the address of one of the admin's pages of ``model``."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def text_of(client: Client, address: str) -> str:
    """Return the page, which must answer with 200."""
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def own_site(settings: Settings) -> None:
    """Serve a site of the project's own where all models of ``REGISTRY`` are registered."""
    site = admin.AdminSite(name="admin")
    for model, cls in REGISTRY.items():
        site.register(model, cls)
    settings.ROOT_URLCONF = (path("results/", site.urls),)
    assert [message for model_admin in site._registry.values() for message in model_admin.check()] == []


@pytest.fixture
def replaced(settings: Settings) -> Iterator[None]:
    """Put the project's class in the place of ours on the default site."""
    admin.site.unregister(TaskResult)
    admin.site.register(TaskResult, ChargeAdmin)
    settings.ROOT_URLCONF = (path("admin/", admin.site.urls),)
    yield
    admin.site.unregister(TaskResult)
    admin.site.register(TaskResult, TaskResultAdmin)


@pytest.mark.parametrize("model", [TaskResult, GroupResult])
def test_djangos_checks_find_nothing_in_our_classes(model: type[Model]) -> None:
    assert admin.site.get_model_admin(model).check() == []


@pytest.mark.usefixtures("own_site")
@pytest.mark.parametrize("model", REGISTRY)
def test_every_page_of_every_model_answers(admin_client: Client, model: type[Model]) -> None:
    key = "group_id" if issubclass(model, GroupResult) or model is TenantGroupResult else "task_id"
    row = model._default_manager.create(**{key: "found-me", "content_type": "application/json"})
    assert "found-me" in text_of(admin_client, url(model, "changelist"))
    assert "found-me" in text_of(admin_client, url(model, "changelist") + "?q=found")
    text_of(admin_client, url(model, "add"))
    text_of(admin_client, url(model, "history", row.pk))
    assert "found-me" in text_of(admin_client, url(model, "delete", row.pk))
    page = text_of(admin_client, url(model, "change", row.pk))
    assert "found-me" in page
    assert 'type="text"' not in page  # nothing to type into: every column is shown as text


@pytest.mark.usefixtures("own_site")
def test_a_proxy_has_permissions_of_its_own(
    staff: Callable[..., User], client_of: Callable[..., Client], celery_app: Celery
) -> None:
    row = TaskResultProxy.objects.create(task_id="a")
    form = {"action": "terminate_task", "_selected_action": [row.pk]}
    client = client_of(staff("change_taskresultproxy"))
    response = client.post(url(TaskResultProxy, "changelist"), form, follow=True)
    assert [str(message) for message in response.context["messages"]] == ["1 task(s) was terminated successfully."]
    assert client.post(url(TaskResult, "changelist"), form).status_code == 403


@pytest.mark.usefixtures("own_site")
def test_columns_of_the_projects_own_are_shown(admin_client: Client) -> None:
    row = TenantTaskResult.objects.create(task_id="a", tenant="north")
    assert "north" in text_of(admin_client, url(TenantTaskResult, "changelist"))
    assert "north" in text_of(admin_client, url(TenantTaskResult, "change", row.pk))


@pytest.mark.usefixtures("replaced")
def test_a_subclass_takes_the_place_of_ours(admin_client: Client, task: TaskResult) -> None:
    page = text_of(admin_client, url(TaskResult, "changelist"))
    assert "Seconds it took" in page
    assert f"took {task.pk} s" in page
    for action in ("terminate_task", "bill", "delete_selected"):
        assert f'<option value="{action}">' in page
    page = text_of(admin_client, url(TaskResult, "change", task.pk))
    assert f"took {task.pk} s" in page
    assert "shop.tasks.charge" in page
