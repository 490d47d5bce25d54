"""The four endpoints: status, headers and body, byte for byte."""

from __future__ import annotations

import importlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from celery.result import AsyncResult, GroupResult
from django.test import Client
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.text import format_lazy

from parity.facts import Facts, outcome
from parity.project import make_app, scenario

PATHS = ("task/done/{}/", "task/status/{}/", "group/done/{}/", "group/status/{}/")
OLD_PATHS = ("{}/done/", "{}/status/", "{}/group/done/", "{}/group/status/")


def answers(*paths: str, method: str = "get") -> Facts:
    """Return status and body of each path below the place where the package's URLs are included."""
    client = Client(raise_request_exception=False)
    facts: Facts = {}
    for path in paths:
        response = getattr(client, method)(f"/celery/{path}")
        body = response.content if response.status_code == 200 else response.headers["Content-Type"]
        facts[f"{method.upper()} {path}"] = (response.status_code, body)
    return facts


def task_paths(*ids: str) -> list[str]:
    """Return the paths about tasks with these ids."""
    return [path.format(task_id) for task_id in ids for path in PATHS[:2]]


def group_paths(*ids: str) -> list[str]:
    """Return the paths about groups with these ids."""
    return [path.format(group_id) for group_id in ids for path in PATHS[2:]]


def save_group(app: Any, group_id: str, *members: str) -> None:
    """Save a group of tasks with these ids."""
    GroupResult(group_id, [AsyncResult(member, app=app) for member in members], app=app).save()


@scenario("endpoints: tasks")
def tasks() -> Facts:
    backend = make_app().backend
    backend.store_result("done", {"x": [1, None, "ñ"]}, "SUCCESS")
    backend.store_result("none", None, "SUCCESS")
    backend.store_result("started", {"pid": 1}, "STARTED")
    backend.store_result("own", {"done": 3, "of": 7}, "PACKING")
    return answers(*task_paths("done", "none", "started", "own", "unknown", "with.dots-and_1"))


@scenario("endpoints: tasks that failed")
def failed_tasks() -> Facts:
    backend = make_app().backend
    backend.store_result("failed", KeyError("article"), "FAILURE", traceback=None)
    backend.store_result("failed-args", ValueError("no", 1), "FAILURE", traceback=None)
    backend.store_result("retried", OSError("busy"), "RETRY", traceback=None)
    backend.mark_as_revoked("revoked", "terminated")
    return answers(*task_paths("failed", "failed-args", "retried", "revoked"))


@scenario("endpoints: values that JSON knows in another form")
def values() -> Facts:
    backend = make_app(result_serializer="pickle", accept_content=["pickle"]).backend
    values = {
        "tuple": (1, 2),
        "moment": datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC),
        "day": date(2024, 2, 29),
        "decimal": Decimal("1.10"),
        "uuid": UUID("12345678-1234-5678-1234-567812345678"),
        "keys": {1: "one", None: "none", False: "no", 1.5: "half"},
        "lazy": format_lazy("{}", "text"),
    }
    for task_id, value in values.items():
        backend.store_result(task_id, value, "SUCCESS")
    return answers(*(f"task/status/{task_id}/" for task_id in values))


@scenario("endpoints: over another result backend")
def another_backend() -> Facts:
    app = make_app("django-cache")
    app.backend.store_result("done", {"x": 1}, "SUCCESS")
    app.backend.mark_as_failure("failed", KeyError("article"))
    save_group(app, "g", "done")
    return answers(*task_paths("done", "failed", "unknown"), *group_paths("g"))


@scenario("endpoints: groups")
def groups() -> Facts:
    app = make_app()
    app.backend.store_result("a", 1, "SUCCESS")
    app.backend.store_result("b", [2], "SUCCESS")
    save_group(app, "done", "a", "b")
    save_group(app, "waiting", "a", "later")
    save_group(app, "empty")
    return answers(*group_paths("done", "waiting", "empty"), *group_paths("unknown")[:1])


@scenario("endpoints: groups with failures, and groups in groups")
def odd_groups() -> Facts:
    app = make_app()
    app.backend.store_result("a", 1, "SUCCESS")
    app.backend.store_result("f", KeyError("article"), "FAILURE")
    save_group(app, "failed", "a", "f")
    inner = GroupResult("inner", [AsyncResult("a", app=app)], app=app)
    GroupResult("outer", [inner, AsyncResult("a", app=app)], app=app).save()
    return answers("group/done/failed/", "group/done/outer/")


@scenario("endpoints: ids first")
def ids_first() -> Facts:
    app = make_app()
    app.backend.store_result("t", 1, "SUCCESS")
    save_group(app, "g", "t")
    return answers(*(path.format("t") for path in OLD_PATHS[:2]), *(path.format("g") for path in OLD_PATHS[2:]))


@scenario("endpoints: paths that lead nowhere")
def nowhere() -> Facts:
    return answers("task/done/", "task/done/a b/", "task/done/a/b/", "task/done/a:b/", "task/status/a", "other/")


@scenario("endpoints: headers")
def headers() -> Facts:
    app = make_app()
    app.backend.store_result("t", 1, "SUCCESS")
    save_group(app, "g", "t")
    facts: Facts = {}
    for path in (PATHS[0].format("t"), PATHS[1].format("t"), PATHS[2].format("g"), PATHS[3].format("g")):
        facts[path] = {**Client().get(f"/celery/{path}").headers, "Cache-Control": "see the repairs"}
    return facts


@scenario("endpoints: the names of their URLs")
def names() -> Facts:
    facts: Facts = {}
    for name, argument in (
        ("is_task_successful", "task_id"),
        ("task_status", "task_id"),
        ("is_group_successful", "group_id"),
        ("group_status", "group_id"),
    ):
        url = reverse(f"celery-{name}", kwargs={argument: "a.b-c_d"})
        match = resolve(url)
        facts[f"{name}, resolved"] = (match.url_name, match.kwargs, match.func.__name__)
        facts[f"{name}, by position"] = reverse(f"celery-{name}", args=["x"]) == url.replace("a.b-c_d", "x")
        facts[f"{name}, not an id"] = outcome(reverse, f"celery-{name}", args=["a/b"])
    return facts | {"unknown name": outcome(reverse, "celery-other", args=["x"]) == f"raises {_name(NoReverseMatch)}"}


@scenario("endpoints: views called directly")
def views() -> Facts:
    from django.test import RequestFactory

    module = importlib.import_module("django_celery_results.views")
    app = make_app()
    app.backend.store_result("t", 1, "SUCCESS")
    save_group(app, "g", "t")
    request = RequestFactory().get("/")
    return {
        "is_task_successful": module.is_task_successful(request, "t").content,
        "task_status": module.task_status(request, task_id="t").content,
        "is_group_successful": module.is_group_successful(request, "g").content,
        "group_status": module.group_status(request, group_id="g").content,
    }


def _name(thing: type) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
