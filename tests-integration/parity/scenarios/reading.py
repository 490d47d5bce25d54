"""What readers get: Celery's meta, key by key, and the waits."""

from __future__ import annotations

import pickle

from celery.result import AsyncResult, GroupResult
from django.db import InterfaceError, OperationalError

from parity.facts import Facts, outcome
from parity.project import make_app, request_of, scenario

NAMES = ("supports_native_join", "supports_autoexpire", "persistent", "serializer", "expires", "subpolling_interval")


@scenario("meta of a finished task")
def meta_of_a_finished_task() -> Facts:
    app = make_app()
    app.backend.store_result("t", {"x": 1}, "SUCCESS")
    return dict(app.backend.get_task_meta("t"))


@scenario("meta of a finished task, with result_extended")
def meta_of_a_finished_task_extended() -> Facts:
    app = make_app(result_extended=True)
    request = request_of("t", task="shop.add", argsrepr="(1,)", kwargsrepr="{'a': 2}", periodic_task_name="nightly")
    app.backend.store_result("t", {"x": 1}, "SUCCESS", request=request)
    return dict(app.backend.get_task_meta("t"))


@scenario("meta of a failed task")
def meta_of_a_failed_task() -> Facts:
    app = make_app()
    app.backend.store_result("t", ValueError("no"), "FAILURE")
    return dict(app.backend.get_task_meta("t"))


@scenario("meta of a task that nobody knows")
def meta_of_an_unknown_task() -> Facts:
    return dict(make_app().backend.get_task_meta("unknown"))


@scenario("the backend as Celery sees it")
def the_backend() -> Facts:
    backend = make_app(result_expires=3600).backend
    facts: Facts = {name: getattr(backend, name) for name in NAMES}
    return facts | {
        "class": type(backend),
        "as_uri()": backend.as_uri(),
        "expires, by default": make_app().backend.expires,
        "result_expires = None": make_app(result_expires=None).backend.expires,
        "pickled": type(pickle.loads(pickle.dumps(backend))),
        "dotted path": type(make_app("django_celery_results.backends:DatabaseBackend").backend),
        "dotted path of the module": type(make_app("django_celery_results.backends.database.DatabaseBackend").backend),
    }


@scenario("waiting")
def waiting() -> Facts:
    app = make_app()
    result = AsyncResult("t", app=app)
    facts: Facts = {"not there": outcome(result.get, timeout=0.02, interval=0.01)}
    app.backend.store_result("t", [1], "SUCCESS")
    facts["there"] = outcome(result.get, timeout=0.02, interval=0.01)
    app.backend.store_result("f", ValueError("no"), "FAILURE")
    facts["failed"] = outcome(AsyncResult("f", app=app).get, timeout=0.02, interval=0.01)
    facts["failed, not propagated"] = outcome(AsyncResult("f", app=app).get, propagate=False)
    group = GroupResult("g", [AsyncResult("t", app=app), AsyncResult("f", app=app)], app=app)
    facts["group.join()"] = outcome(group.join, timeout=0.05, interval=0.01)
    facts["group.join(propagate=False)"] = outcome(group.join, timeout=0.05, interval=0.01, propagate=False)
    facts["group.get(propagate=False)"] = outcome(group.get, timeout=0.05, interval=0.01, propagate=False)
    facts["group.completed_count()"] = group.completed_count()
    return facts


@scenario("arguments that somebody edited in the admin")
def edited_arguments() -> Facts:
    from django_celery_results.models import TaskResult

    app = make_app(result_extended=True)
    app.backend.store_result("t", 1, "SUCCESS", request=request_of("t", task="a", args=[1], kwargs={}))
    TaskResult.objects.filter(task_id="t").update(task_args="not json (")
    meta = app.backend.get_task_meta("t")
    return {name: meta[name] for name in ("args", "task_args", "kwargs", "task_kwargs", "result")}


@scenario("encode_content and decode_content")
def content() -> Facts:
    from django_celery_results.models import TaskResult

    facts: Facts = {}
    for serializer in ("json", "pickle", "yaml"):
        backend = make_app(result_serializer=serializer, accept_content=[serializer]).backend
        content_type, encoding, text = backend.encode_content({"a": [1]})
        facts[f"{serializer}, encoded"] = (content_type, encoding, type(text), text if serializer != "pickle" else "")
        row = TaskResult(content_type=content_type, content_encoding=encoding)
        facts[f"{serializer}, decoded"] = backend.decode_content(row, text)
        facts[f"{serializer}, nothing"] = (backend.decode_content(row, None), backend.decode_content(row, ""))
    return facts


@scenario("errors that are safe to retry")
def safe_to_retry() -> Facts:
    backend = make_app().backend
    errors = (InterfaceError("connection already closed"), OperationalError("no such column"), ValueError("no"))
    return {type(error).__name__: backend.exception_safe_to_retry(error) for error in errors}
