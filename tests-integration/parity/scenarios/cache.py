"""The backend ``django-cache``."""

from __future__ import annotations

from celery.result import AsyncResult, GroupResult
from django.core.cache import caches

from parity.facts import Facts, outcome
from parity.project import make_app, scenario, work


@scenario("django-cache: key by key")
def key_by_key() -> Facts:
    backend = make_app("django-cache").backend
    value = {"a": ValueError("kept as it is")}
    return {
        "class": type(backend),
        "as_uri()": backend.as_uri(),
        "serializer": backend.serializer,
        "supports_native_join": backend.supports_native_join,
        "supports_autoexpire": backend.supports_autoexpire,
        "encode": backend.encode(value) is value,
        "decode": backend.decode(value) is value,
        "get, unknown": backend.get("unknown"),
        "set returns": backend.set("text", value),
        "get": backend.get("text"),
        "get, key in bytes": backend.get(b"text"),
        "mget": outcome(backend.mget, ["text", "unknown"]),
        "delete returns": backend.delete(b"text"),
        "deleted": backend.get("text"),
        "delete, unknown": backend.delete("unknown"),
        "incr": outcome(backend.incr, "counter"),
        "expire": outcome(backend.expire, "text", 5),
        "cache_backend": backend.cache_backend.get("x", "asked") == caches["default"].get("x", "asked"),
    }


@scenario("django-cache: a result")
def a_result() -> Facts:
    app = make_app("django-cache", result_extended=True)

    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    work(app, add, 2, 3, task_id="t")
    result = AsyncResult("t", app=app)
    facts: Facts = {f"stored {name}": value for name, value in caches["default"].get("celery-task-meta-t").items()}
    facts.pop("stored date_done")
    facts |= {name: getattr(result, name) for name in ("status", "result", "name", "args", "worker", "date_done")}
    result.forget()
    return facts | {"forgotten": AsyncResult("t", app=app).status, "get()": outcome(lambda: result.get(timeout=0.01))}


@scenario("django-cache: an exception")
def an_exception() -> Facts:
    app = make_app("django-cache")
    app.backend.mark_as_failure("t", KeyError("article"), "Traceback: no")
    result = AsyncResult("t", app=app)
    return {
        "stored": caches["default"].get("celery-task-meta-t")["result"],
        "status": result.status,
        "result": result.result,
        "traceback": result.traceback,
        "get()": outcome(result.get, timeout=0.01),
    }


@scenario("django-cache: a group")
def a_group() -> Facts:
    app = make_app("django-cache")
    group = GroupResult("g", [AsyncResult("a", app=app)], app=app)
    group.save()
    app.backend.store_result("a", 1, "SUCCESS")
    restored = GroupResult.restore("g", app=app)
    facts: Facts = {
        "restored": restored.as_tuple(),
        "get": outcome(restored.get, timeout=0.1, interval=0.01),
        "unknown": GroupResult.restore("unknown", app=app),
    }
    restored.delete()
    return facts | {
        "deleted": GroupResult.restore("g", app=app),
        "delete, unknown": app.backend.delete_group("unknown"),
    }


@scenario("django-cache: the cache that cache_backend names")
def another_cache() -> Facts:
    app = make_app("django-cache", cache_backend="second", result_expires=60)
    app.backend.store_result("t", 1, "SUCCESS")
    return {
        "alias": app.backend.cache_backend is caches["second"],
        "in the default cache": caches["default"].get("celery-task-meta-t"),
        "in the second one": caches["second"].get("celery-task-meta-t")["result"],
        "lives for": app.backend.expires,
    }


@scenario("django-cache: how long entries live")
def lifetime() -> Facts:
    facts: Facts = {}
    for expires in (None, 0, 3600):
        backend = make_app("django-cache", result_expires=expires).backend
        backend.set("key", "value")
        facts[f"result_expires = {expires}"] = (backend.expires, backend.get("key"))
    return facts


@scenario("django-cache: other states")
def other_states() -> Facts:
    app = make_app("django-cache")
    app.backend.store_result("t", {"done": 1}, "PACKING")
    return {
        "own state": (AsyncResult("t", app=app).status, AsyncResult("t", app=app).info),
        "unknown": (AsyncResult("u", app=app).status, AsyncResult("u", app=app).result),
        "dotted path": type(make_app("django_celery_results.backends:CacheBackend").backend),
    }
