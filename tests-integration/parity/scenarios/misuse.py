"""What happens when something is wrong: the class of the exception is the interface, its words are not."""

from __future__ import annotations

from celery.result import AsyncResult, GroupResult

from parity.facts import Facts, outcome
from parity.project import make_app, request_of, scenario, task_row
from parity.scenarios.tables import store


@scenario("wrong: a value that the serializer cannot encode")
def unencodable() -> Facts:
    backend = make_app().backend
    return {
        "store_result": outcome(backend.store_result, "t", object(), "SUCCESS"),
        "mark_as_done": outcome(backend.mark_as_done, "t", object()),
        "encode_content": outcome(backend.encode_content, object()),
        "row": task_row("t"),
    }


@scenario("wrong: meta that the serializer cannot encode")
def unencodable_meta() -> Facts:
    backend = make_app().backend
    request = request_of("t", meta={"own": object()})
    return {"store_result": outcome(backend.store_result, "t", 1, "SUCCESS", request=request), "row": task_row("t")}


@scenario("wrong: arguments that the serializer cannot encode")
def unencodable_arguments() -> Facts:
    backend = make_app(result_extended=True).backend
    request = request_of("t", task="shop.add", args=[object], kwargs={"key": {1}})
    facts: Facts = {"store_result": outcome(backend.store_result, "t", 1, "SUCCESS", request=request)}
    row = task_row("t")
    return facts | {name: row.get(f"column {name}") for name in ("task_args", "task_kwargs", "status")}


@scenario("wrong: content that is not accepted")
def not_accepted() -> Facts:
    make_app(result_serializer="pickle", accept_content=["pickle"]).backend.store_result("t", {1}, "SUCCESS")
    app = make_app(result_serializer="pickle", accept_content=["json"])
    return {"result": outcome(lambda: AsyncResult("t", app=app).result)}


@scenario("wrong: a stored value that is damaged")
def damaged() -> Facts:
    facts: Facts = {}
    for name, encoding, text in (
        ("not JSON", "utf-8", '{"half'),
        ("not base64", "binary", "!"),
        ("empty", "utf-8", ""),
        ("null", "utf-8", None),
    ):
        app = make_app()
        store(f"r-{encoding}-{name[:4].strip()}", result=text, content_encoding=encoding, status="SUCCESS")
        task_id = f"r-{encoding}-{name[:4].strip()}"
        facts[name] = outcome(lambda a=app, t=task_id: AsyncResult(t, app=a).result)
    return facts


@scenario("wrong: a row without content type, as the admin can make it")
def no_content_type() -> Facts:
    app = make_app()
    store("t", content_type="", content_encoding="", status="SUCCESS")
    return {"result": outcome(lambda: AsyncResult("t", app=app).result)}


@scenario("wrong: the manager's columns")
def the_managers_columns() -> Facts:
    from django_celery_results.models import GroupResult as Group
    from django_celery_results.models import TaskResult

    return {
        "no status": outcome(TaskResult.objects.store_result, "application/json", "utf-8", "t", "1"),
        "no content type": outcome(store, "t", content_type=None),
        "no id": outcome(store, None),
        "no group id": outcome(Group.objects.store_group_result, "application/json", "utf-8", None, "[]"),
        "a database that is not configured": outcome(store, "t", using="nowhere"),
        "rows": (TaskResult.objects.count(), Group.objects.count()),
    }


@scenario("wrong: names of caches")
def names_of_caches() -> Facts:
    def use(alias: str) -> str:
        return outcome(lambda: make_app("django-cache", cache_backend=alias).backend.get("key"))

    return {"an unknown cache": use("nowhere"), "the name of the backend": use("django-cache")}


@scenario("wrong: groups")
def groups() -> Facts:
    app = make_app()
    return {
        "save_group of a list": outcome(app.backend.save_group, "g", [1]),
        "restore_group of None": outcome(app.backend.restore_group, None),
        "a damaged group": _damaged_group(app),
    }


def _damaged_group(app: object) -> str:
    from django_celery_results.models import GroupResult as Group

    Group.objects.store_group_result("application/json", "utf-8", "g", "{half")
    return outcome(GroupResult.restore, "g", app=app)
