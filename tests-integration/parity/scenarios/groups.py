"""Groups: saved, restored, deleted, nested."""

from __future__ import annotations

from celery.result import AsyncResult, GroupResult

from parity.facts import Facts, outcome
from parity.project import group_row, make_app, scenario


@scenario("a group is saved and restored")
def a_group_is_saved() -> Facts:
    app = make_app()
    group = GroupResult("g", [AsyncResult("a", app=app), AsyncResult("b", app=app)], app=app)
    app.backend.store_result("a", 1, "SUCCESS")
    facts = {"save() returns": type(group.save()), **group_row("g")}
    restored = GroupResult.restore("g", app=app)
    return facts | {
        "restored, equal": restored == group,
        "restored, a GroupResult": isinstance(restored, GroupResult),
        "members": [(type(member), member.id) for member in restored],
        "ready": restored.ready(),
        "completed": restored.completed_count(),
        "as_tuple": restored.as_tuple(),
    }


@scenario("meta of a saved group")
def meta_of_a_group() -> Facts:
    app = make_app()
    GroupResult("g", [AsyncResult("a", app=app)], app=app).save()
    meta = app.backend.get_group_meta("g")
    return {**meta, "result": isinstance(meta["result"], GroupResult)}


@scenario("a nested group")
def a_nested_group() -> Facts:
    app = make_app()
    inner = GroupResult("inner", [AsyncResult("b", app=app)], app=app)
    outer = GroupResult("outer", [AsyncResult("a", app=app), inner], app=app)
    outer.save()
    for task_id in ("a", "b"):
        app.backend.store_result(task_id, task_id.upper(), "SUCCESS")
    restored = GroupResult.restore("outer", app=app)
    return {
        "column result": group_row("outer")["column result"],
        "restored": restored.as_tuple(),
        "joined": outcome(restored.join, timeout=0.1, interval=0.01),
    }


@scenario("a group in pickle")
def a_group_in_pickle() -> Facts:
    app = make_app(result_serializer="pickle", accept_content=["pickle"])
    GroupResult("g", [AsyncResult("a", app=app)], app=app).save()
    row = group_row("g")
    return {
        "content": (row["column content_type"], row["column content_encoding"]),
        "restored": GroupResult.restore("g", app=app).as_tuple(),
    }


@scenario("a group is saved twice")
def a_group_is_saved_twice() -> Facts:
    app = make_app()
    GroupResult("g", [AsyncResult("a", app=app)], app=app).save()
    created = group_row("g")["column date_created"]
    GroupResult("g", [AsyncResult("b", app=app)], app=app).save()
    row = group_row("g")
    return {"members": row["column result"], "date_created stays": row["column date_created"] == created}


@scenario("a group is deleted")
def a_group_is_deleted() -> Facts:
    app = make_app()
    group = GroupResult("g", [AsyncResult("a", app=app)], app=app)
    group.save()
    app.backend.store_result("a", 1, "SUCCESS")
    group.delete()
    return group_row("g") | {
        "restored": GroupResult.restore("g", app=app),
        "the members' results stay": AsyncResult("a", app=app).result,
    }


@scenario("a group that nobody saved")
def an_unknown_group() -> Facts:
    app = make_app()
    return {
        "restore": GroupResult.restore("unknown", app=app),
        "get_group_meta": app.backend.get_group_meta("unknown", cache=False),
    }


@scenario("an empty group")
def an_empty_group() -> Facts:
    app = make_app()
    GroupResult("g", [], app=app).save()
    return group_row("g") | {"restore": outcome(GroupResult.restore, "g", app=app)}
