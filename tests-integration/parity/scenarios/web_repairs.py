"""Differences of the endpoints and the admin that are meant: each its own scenario."""

from __future__ import annotations

from celery.result import AsyncResult, GroupResult
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse

from parity.facts import Facts
from parity.project import make_app, scenario
from parity.scenarios.admin import client_of, rows, url
from parity.scenarios.http import answers, group_paths, save_group


@scenario("group/status/ of an unknown group")
def unknown_group() -> Facts:
    make_app()
    return answers(*group_paths("unknown"))


@scenario("an odd result over HTTP")
def odd_results() -> Facts:
    app = make_app(result_serializer="pickle", accept_content=["pickle"])
    for task_id, value in {"set": {1}, "bytes": b"\xff", "type": ValueError}.items():
        app.backend.store_result(task_id, value, "SUCCESS")
    app.backend.store_result("failed", KeyError("article"), "FAILURE")
    save_group(app, "odd", "set", "failed")
    GroupResult("nested", [GroupResult("inner", [AsyncResult("set", app=app)], app=app)], app=app).save()
    groups = ("group/status/odd/", "group/status/nested/")
    return answers(*(f"task/status/{task_id}/" for task_id in ("set", "bytes", "type")), *groups)


@scenario("NaN over HTTP")
def nan() -> Facts:
    make_app().backend.store_result("t", [float("nan"), float("inf")], "SUCCESS")
    return answers("task/status/t/")


@scenario("methods and caching of the endpoints")
def methods() -> Facts:
    make_app().backend.store_result("t", 1, "SUCCESS")
    facts: Facts = {"Cache-Control": Client().get("/celery/task/done/t/").headers.get("Cache-Control")}
    for method in ("head", "options", "post", "put", "patch", "delete"):
        response = getattr(Client(raise_request_exception=False), method)("/celery/task/done/t/")
        facts[method.upper()] = response.status_code
    return facts


@scenario("reverse()")
def reverse_gives() -> Facts:
    names = {"celery-is_task_successful": "task_id", "celery-task_status": "task_id"}
    names |= {"celery-is_group_successful": "group_id", "celery-group_status": "group_id"}
    return {name: reverse(name, kwargs={argument: "x"}) for name, argument in names.items()}


@scenario("terminate_task")
def terminating() -> Facts:
    post = {"action": "terminate_task", "_selected_action": [rows()["taskresult"].pk]}
    facts: Facts = {}
    for who, codenames in {"may only view": (), "may change": ("change_taskresult",)}.items():
        User.objects.all().delete()
        client = client_of("view_taskresult", *codenames)
        client.post(url("taskresult", "changelist"), post)
        page = client.get(url("taskresult", "changelist")).context
        facts[f"{who}, told"] = [str(message) for message in page["messages"]]
    return facts


@scenario("the admin of groups")
def group_admin() -> Facts:
    row, client = rows()["groupresult"], client_of()
    page = client.get(url("groupresult", "change", row.pk)).context
    return {
        "editable": list(page["adminform"].form.fields),
        "add page": client.get(url("groupresult", "add")).status_code,
    }


@scenario("ALLOW_EDITS, changed while the process runs")
def allow_edits() -> Facts:
    row, client = rows()["taskresult"], client_of()
    facts: Facts = {}
    for allowed in (True, False):
        with override_settings(DJANGO_CELERY_RESULTS={"ALLOW_EDITS": allowed}):
            page = client.get(url("taskresult", "change", row.pk)).context
            facts[str(allowed)] = len(page["adminform"].form.fields) > 0
    return facts
