"""What projects build on top: a backend, a model, a manager of their own; signals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery.result import AsyncResult, GroupResult
from django.db.models.signals import post_delete, post_save, pre_save

from django_celery_results.backends import CacheBackend, DatabaseBackend
from parity.facts import Facts
from parity.project import make_app, request_of, scenario, task_row
from parity.shop.models import OrderResult, OrderResultManager


class HookedBackend(DatabaseBackend):
    """A backend that overrides the hooks."""

    def _get_extended_properties(self, request: Any, traceback: Any) -> dict[str, Any]:
        return {**super()._get_extended_properties(request, traceback), "task_name": "own"}

    def _get_meta_from_request(self, request: Any = None) -> dict[str, Any]:
        return {**super()._get_meta_from_request(request), "own": True}

    def encode_content(self, data: Any) -> tuple[str, str, str]:
        """Encode integers one higher."""
        encoded: tuple[str, str, str] = super().encode_content(data + 1 if type(data) is int else data)
        return encoded


class OrderBackend(DatabaseBackend):
    """A backend that stores into the project's own table."""

    TaskModel = OrderResult


class UpperCacheBackend(CacheBackend):
    """A cache backend that encodes."""

    def encode(self, data: Any) -> Any:
        """Keep the text of everything."""
        return repr(data).upper()

    def decode(self, data: Any) -> Any:
        """Return the text's length."""
        return len(data)


@scenario("a backend that overrides hooks")
def hooked_backend() -> Facts:
    app = make_app(f"{__name__}.HookedBackend", result_extended=True)
    request = request_of("t", task="shop.add", argsrepr="()", kwargsrepr="{}")
    app.backend.store_result("t", 1, "SUCCESS", request=request)
    row = task_row("t")
    return {name: row[name] for name in ("column task_name", "column worker", "column meta", "column result")}


@scenario("a cache backend that overrides encode and decode")
def encoding_cache_backend() -> Facts:
    backend = make_app(f"{__name__}.UpperCacheBackend").backend
    backend.set("key", backend.encode({"a": 1}))
    return {"stored": backend.get("key"), "decoded": backend.decode(backend.get("key"))}


@scenario("a table of the project's own")
def own_table() -> Facts:
    app = make_app(f"{__name__}.OrderBackend", result_extended=True)
    request = request_of("t", task="shop.add", argsrepr="()", kwargsrepr="{}")
    facts: Facts = {}
    for state in ("STARTED", "SUCCESS"):
        app.backend.store_result("t", state.lower(), state, request=request)
        row = OrderResult.objects.get()
        facts[state] = (type(row), row.shop, row.status, row.result, row.task_name, row.worker)
        # The number of positional arguments, and the names of the others.
        facts[f"{state}, what the manager gets"] = OrderResultManager.last_call
    facts["read"] = AsyncResult("t", app=app).result
    facts["in the table of all"] = task_row("t")["column status"]
    app.backend.forget("t")
    facts["forgotten"] = (OrderResult.objects.count(), "row" in task_row("t"))
    app.backend.store_result("old", 1, "SUCCESS")
    OrderResult.objects.update(date_done=OrderResult.objects.get().date_done - timedelta(days=2))
    app.backend.cleanup()
    facts["cleaned"] = (OrderResult.objects.count(), "row" in task_row("old"))
    return facts


@scenario("signals of the models")
def signals() -> Facts:
    from django_celery_results import models

    seen: list[Any] = []

    def saw_pre(sender: type, instance: Any, **kwargs: Any) -> None:
        seen.append(("pre_save", sender.__name__, getattr(instance, "status", None)))

    def saw_post(sender: type, instance: Any, created: bool, **kwargs: Any) -> None:
        seen.append(("post_save", sender.__name__, getattr(instance, "status", None), created, instance.pk is not None))

    def saw_delete(sender: type, instance: Any, **kwargs: Any) -> None:
        seen.append(("post_delete", sender.__name__))

    app, facts = make_app(), {}
    receivers = ((pre_save, saw_pre), (post_save, saw_post), (post_delete, saw_delete))
    for model in (models.TaskResult, models.GroupResult):
        for signal, receiver in receivers:
            signal.connect(receiver, sender=model)
    try:
        group = GroupResult("g", [AsyncResult("t", app=app)], app=app)
        for title, call in (
            ("a task starts", lambda: app.backend.store_result("t", None, "STARTED")),
            ("it succeeds", lambda: app.backend.store_result("t", 1, "SUCCESS")),
            ("it is forgotten", lambda: app.backend.forget("t")),
            ("a group is saved", group.save),
            ("it is saved again", group.save),
            ("it is deleted", group.delete),
        ):
            call()
            facts[title] = list(seen)
            seen.clear()
    finally:
        for model in (models.TaskResult, models.GroupResult):
            for signal, receiver in receivers:
                signal.disconnect(receiver, sender=model)
    return facts
