"""The admin: what staff see, and what they may change."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.test import Client, RequestFactory
from django.urls import reverse

from parity.facts import Facts, sorted_facts
from parity.project import make_app, scenario

MODELS = ("taskresult", "groupresult")


def client_of(*codenames: str) -> Client:
    """Return the client of a member of staff with these permissions; of a superuser without any."""
    user = User.objects.create_user("staff", password="x", is_staff=True, is_superuser=not codenames)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def rows() -> dict[str, Any]:
    """Store a task and a group; return model name -> row."""
    from django_celery_results.models import GroupResult, TaskResult

    app = make_app(result_extended=True)
    app.backend.store_result("t", {"x": 1}, "SUCCESS")
    GroupResult.objects.store_group_result("application/json", "utf-8", "g", "[]")
    return {"taskresult": TaskResult.objects.get(), "groupresult": GroupResult.objects.get()}


def url(model: str, page: str, *args: Any) -> str:
    """Return the address of an admin page."""
    return reverse(f"admin:django_celery_results_{model}_{page}", args=args)


@scenario("admin: registered")
def registered() -> Facts:
    from django_celery_results import models

    names = [model for model in site._registry if model._meta.app_label == "django_celery_results"]
    return {
        "models": sorted_facts(names),
        "classes": [type(site._registry[model]) for model in (models.TaskResult, models.GroupResult)],
    }


@scenario("admin: pages")
def pages() -> Facts:
    made, client = rows(), client_of()
    facts: Facts = {"app list": client.get("/admin/django_celery_results/").status_code}
    for model, row in made.items():
        facts[f"{model}, list"] = client.get(url(model, "changelist")).status_code
        facts[f"{model}, search"] = client.get(url(model, "changelist"), {"q": "t"}).status_code
        facts[f"{model}, change"] = client.get(url(model, "change", row.pk)).status_code
        facts[f"{model}, add"] = client.get(url(model, "add")).status_code
        facts[f"{model}, delete"] = client.get(url(model, "delete", row.pk)).status_code
        facts[f"{model}, history"] = client.get(url(model, "history", row.pk)).status_code
        facts[f"{model}, not there"] = client.get(url(model, "change", 10**6)).status_code
    for page in ({"status": "SUCCESS"}, {"date_done__year": "2024"}, {"worker": "w"}, {"o": "1"}):
        facts[f"filtered by {page}"] = client.get(url("taskresult", "changelist"), page).status_code
    return facts


@scenario("admin: the change page of tasks")
def change_page() -> Facts:
    return _change_page("taskresult")


@scenario("admin: the change page of groups")
def group_change_page() -> Facts:
    return _change_page("groupresult")


def _change_page(model: str) -> Facts:
    row, client = rows()[model], client_of()
    context = client.get(url(model, "change", row.pk)).context
    form = context["adminform"]
    return {
        "fieldsets": [(title and str(title), list(options["fields"])) for title, options in form.fieldsets],
        "editable": list(form.form.fields),
        "read-only": sorted_facts(form.readonly_fields),
        "may change": context["has_change_permission"],
    }


@scenario("admin: readonly fields, asked of the class")
def readonly_fields() -> Facts:
    request = RequestFactory().get("/")
    facts: Facts = {}
    for model, model_admin in site._registry.items():
        if model._meta.app_label == "django_celery_results":
            facts[f"{model.__name__}, type"] = type(model_admin.get_readonly_fields(request))
            facts[model.__name__] = sorted_facts(model_admin.get_readonly_fields(request))
    return facts


@scenario("admin: actions")
def actions() -> Facts:
    rows()
    facts: Facts = {}
    for label, codenames in {
        "superuser": (),
        "may view": ("view_taskresult",),
        "may change": ("view_taskresult", "change_taskresult"),
        "may delete": ("view_taskresult", "delete_taskresult"),
    }.items():
        User.objects.all().delete()
        form = client_of(*codenames).get(url("taskresult", "changelist")).context["action_form"]
        facts[label] = [] if form is None else [name for name, _ in form.fields["action"].choices if name]
    return facts


@scenario("admin: saving a group")
def saving_a_group() -> Facts:
    from django_celery_results.models import GroupResult

    row, client = rows()["groupresult"], client_of()
    data = {"group_id": "changed", "content_type": "text/plain", "content_encoding": "utf-8"}
    response = client.post(url("groupresult", "change", row.pk), data)
    return {"answer": response.status_code, "group_id": GroupResult.objects.get().group_id}


@scenario("admin: saving a task")
def saving_a_task() -> Facts:
    from django_celery_results.models import TaskResult

    row, client = rows()["taskresult"], client_of()
    data = {"task_id": "changed", "task_name": "n", "periodic_task_name": "p", "status": "MINE", "worker": "w"}
    data |= {"content_type": "text/plain", "content_encoding": "utf-8", "task_args": "1", "task_kwargs": "2"}
    response = client.post(url("taskresult", "change", row.pk), data | {"traceback": "none"})
    after = TaskResult.objects.get()
    return {
        "answer": response.status_code,
        "row": (after.task_id, after.status, after.result, after.task_args, after.traceback),
        "date_done stays": after.date_done == row.date_done,
    }


@scenario("admin: deleting")
def deleting() -> Facts:
    made, client = rows(), client_of()
    facts: Facts = {}
    for model, row in made.items():
        client.post(url(model, "delete", row.pk), {"post": "yes"})
        facts[model] = type(row).objects.count()
    return facts


@scenario("admin: columns of the list")
def columns() -> Facts:
    rows()
    client = client_of()
    facts: Facts = {}
    for model in MODELS:
        changes = client.get(url(model, "changelist")).context["cl"]
        facts[f"{model}, columns"] = list(changes.list_display)
        facts[f"{model}, filters"] = [str(spec.title).lower() for spec in changes.filter_specs]
        facts[f"{model}, order"] = list(changes.get_ordering_field_columns())
        facts[f"{model}, found"] = changes.result_count
        facts[f"{model}, per page"] = changes.list_per_page
    return facts


@scenario("admin: subclassed by a project")
def subclassed() -> Facts:
    from django.contrib.admin import AdminSite

    from django_celery_results.admin import TaskResultAdmin
    from django_celery_results.models import TaskResult

    class OwnAdmin(TaskResultAdmin):
        list_display = (*TaskResultAdmin.list_display, "date_created")
        readonly_fields = (*TaskResultAdmin.readonly_fields, "traceback")

    own = AdminSite("own")
    own.register(TaskResult, OwnAdmin)
    model_admin = own._registry[TaskResult]
    return {
        "checks": [error.id for error in model_admin.check()],
        "list_display": model_admin.list_display,
        "readonly": sorted_facts(model_admin.get_readonly_fields(RequestFactory().get("/"))),
    }
