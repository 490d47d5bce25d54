"""Differences of the backends that are meant: each its own scenario, like the rows that tell users of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest import mock

from celery.result import AsyncResult, GroupResult
from django.conf import settings
from django.db import InterfaceError, connections
from django.test import override_settings

from parity.facts import Facts, outcome
from parity.project import group_row, make_app, request_of, scenario, statements, task_row


@scenario("traceback without result_extended")
def traceback_is_kept() -> Facts:
    app = make_app()
    request = request_of("t", task="shop.fail", args=[], kwargs={})
    app.backend.store_result("t", ValueError("no"), "FAILURE", traceback="Traceback: no", request=request)
    return {"column": task_row("t")["column traceback"], "AsyncResult": AsyncResult("t", app=app).traceback}


@scenario("a write without a request")
def a_write_without_a_request() -> Facts:
    app = make_app(result_extended=True)
    request = request_of("t", task="shop.add", argsrepr="(1,)", kwargsrepr="{}", periodic_task_name="nightly")
    app.backend.store_result("t", None, "STARTED", request=request)
    app.backend.store_result("t", 1, "PROGRESS")
    row = task_row("t")
    names = ("task_name", "task_args", "task_kwargs", "worker", "periodic_task_name", "result", "status")
    return {name: row[f"column {name}"] for name in names}


@scenario("a late state after SUCCESS")
def late_states() -> Facts:
    app = make_app()
    facts: Facts = {}
    for state, value in (("STARTED", {"pid": 1}), ("REVOKED", OSError("late")), ("FAILURE", ValueError("late"))):
        app.backend.store_result(state, "the value", "SUCCESS")
        app.backend.store_result(state, value, state)
        row = task_row(state)
        facts[state] = (row["column status"], row["column result"])
    app.backend.store_result("again", ValueError("first"), "FAILURE")
    app.backend.store_result("again", "value", "SUCCESS")
    return facts | {"SUCCESS after FAILURE": task_row("again")["column status"]}


@scenario("AsyncResult.name")
def name_of_the_task() -> Facts:
    app = make_app(result_extended=True)
    request = request_of("t", task="shop.add", argsrepr="(1,)", kwargsrepr="{}")
    app.backend.store_result("t", 1, "SUCCESS", request=request)
    meta = app.backend.get_task_meta("t")
    return {"name": AsyncResult("t", app=app).name, "old key": meta["task_name"]}


@scenario("date_done while running")
def date_done_while_running() -> Facts:
    app = make_app()
    facts: Facts = {}
    for state in ("STARTED", "PACKING", "RETRY", "SUCCESS", "FAILURE"):
        app.backend.store_result(state, ValueError() if state in ("RETRY", "FAILURE") else 1, state)
        facts[f"{state}, meta"] = AsyncResult(state, app=app).date_done
        facts[f"{state}, column"] = task_row(state)["column date_done"]
    return facts


@scenario("the clock of date_started")
def the_clock_of_date_started() -> Facts:
    app = make_app(task_track_started=True)
    moment = datetime(2001, 2, 3, 4, 5, 6, 123456, tzinfo=UTC if settings.USE_TZ else None)
    with mock.patch("django.utils.timezone.now", return_value=moment):
        app.backend.store_result("t", None, "STARTED")
    started = task_row("t")["column date_started"]
    return {"the worker's": started.year == moment.year, "to the microsecond": started.microsecond == 123456}


@scenario("delete_group of an unknown id")
def delete_group_of_an_unknown_id() -> Facts:
    app = make_app()
    return {"outcome": outcome(app.backend.delete_group, "unknown")}


class ReadFromOther:
    """A router of a project that reads from a replica."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Return the replica."""
        return "other"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        """Return the primary database."""
        return "default"


@scenario("a router with a read alias")
def a_read_alias() -> Facts:
    from django_celery_results.models import GroupResult as Group
    from django_celery_results.models import TaskResult

    app = make_app()
    with override_settings(DATABASE_ROUTERS=["parity.scenarios.repairs.ReadFromOther"]):
        with statements("other") as on_other:
            GroupResult("g", [AsyncResult("a", app=app)], app=app).save()
        facts: Facts = {
            "group is in": [using for using in ("default", "other") if "row" not in group_row("g", using)],
            "group, writes to the read alias": any("INSERT" in sql or "UPDATE" in sql for sql in on_other),
        }
        with statements("other") as on_other:
            app.backend.store_result("t", 1, "SUCCESS")
        facts["task is in"] = [using for using in ("default", "other") if "row" not in task_row("t", using)]
        facts["task, statements on the read alias"] = len(on_other)
        facts["task, read in the same process"] = AsyncResult("t", app=app).status
        facts["task, get_task"] = TaskResult.objects.get_task("t").status
        facts["db_manager, group"] = _in_other(Group.objects.db_manager("other").store_group_result, group_row)
        facts["db_manager, task"] = _in_other(TaskResult.objects.db_manager("other").store_result, task_row, "SUCCESS")
    return facts


def _in_other(store: Any, row_of: Any, *more: Any) -> list[str]:
    store("application/json", "utf-8", "explicit", "[]", *more)
    return [using for using in ("default", "other") if "row" not in row_of("explicit", using)]


class Lost:
    """Let statements fail as drivers do whose connection is gone; 2.6 itself tries a store three times."""

    def __init__(self, statements: int = 3) -> None:
        self.left = statements

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Fail, or send the statement."""
        self.left -= 1
        if self.left >= 0:
            raise InterfaceError("connection already closed")
        return execute(sql, params, many, context)


@scenario("a lost connection")
def a_lost_connection() -> Facts:
    facts: Facts = {}
    for name, conf in (("as installed", {}), ("retries switched off", {"result_backend_always_retry": False})):
        app = make_app(result_backend_base_sleep_between_retries_ms=1, **conf)
        app.backend.store_result("t", 1, "SUCCESS")
        for verb, call in (
            ("storing", lambda a=app: a.backend.store_result("s", 1, "SUCCESS")),
            ("reading", lambda a=app: a.backend.get_task_meta("t", cache=False)["status"]),
            ("forgetting", lambda a=app: a.backend.forget("t")),
        ):
            with connections["default"].execute_wrapper(Lost()):
                facts[f"{name}, {verb}"] = outcome(call)
    return facts


@scenario("text that a column cannot hold")
def text_that_does_not_fit() -> Facts:
    app = make_app(result_extended=True)
    long = request_of("long", task="n" * 300, argsrepr="()", kwargsrepr="{}", periodic_task_name="p" * 300)
    nul = request_of("nul", task="shop.add", argsrepr="'a\x00b'", kwargsrepr="{}")
    facts: Facts = {
        "long name, storing": outcome(app.backend.store_result, "long", 1, "SUCCESS", request=long),
        "NUL, storing": outcome(app.backend.store_result, "nul", "a\x00b", "SUCCESS", request=nul),
        "NUL in a traceback, storing": outcome(
            app.backend.store_result, "raised", ValueError(), "FAILURE", traceback="a\x00b", request=nul
        ),
        "NUL, read back": outcome(lambda: AsyncResult("nul", app=app).result),
        "NUL in a traceback, column": task_row("raised").get("column traceback"),
        "half a surrogate pair, storing": outcome(
            app.backend.store_result, "half", ValueError(), "FAILURE", traceback="\ud83c", request=nul
        ),
        "long id, storing": outcome(app.backend.store_result, "i" * 300, 1, "SUCCESS"),
    }
    for name in ("task_name", "periodic_task_name"):
        stored = task_row("long").get(f"column {name}") or ""
        facts[f"long {name}, column"] = (len(stored), stored[-3:])
    return facts


@scenario("a group that is asked for before it is saved")
def asked_for_too_early() -> Facts:
    app = make_app(result_cache_max=100)
    facts: Facts = {"before": GroupResult.restore("g", app=app)}
    GroupResult("g", [AsyncResult("a", app=app)], app=app).save()
    return facts | {"after, same process": GroupResult.restore("g", app=app) is not None}


@scenario("a chord that is applied twice")
def applied_twice() -> Facts:
    app = make_app()
    header = GroupResult("g", [AsyncResult("a", app=app), AsyncResult("b", app=app)], app=app)
    body = app.signature("shop.total", app=app)
    outcomes = [outcome(app.backend.apply_chord, header, body) for _ in range(2)]
    return {"first": outcomes[0], "second": outcomes[1]}


@scenario("a row of another serializer than today's")
def another_serializer() -> Facts:
    accept = ["json", "pickle", "yaml"]
    facts: Facts = {}
    for then, now in (("pickle", "json"), ("json", "pickle"), ("yaml", "json")):
        make_app(result_serializer=then, accept_content=accept).backend.store_result(then, {"x": [1]}, "SUCCESS")
        app = make_app(result_serializer=now, accept_content=accept)
        facts[f"{then}, read with {now}"] = outcome(lambda a=app, t=then: AsyncResult(t, app=a).result)
        facts.setdefault("not accepted", outcome(lambda t=then: AsyncResult(t, app=make_app()).result))
    return facts


@scenario("request.meta with names of the result's own")
def meta_with_own_names() -> Facts:
    app = make_app()
    request = request_of("t", meta={"task_id": "of meta", "worker": "of meta", "date_done": None})
    app.backend.store_result("t", "the value", "SUCCESS", request=request)
    meta = app.backend.get_task_meta("t")
    return {name: meta[name] for name in ("task_id", "worker", "date_done")}
