"""What a task's request carries into the table: arguments, meta, children, the rest of a chain."""

from __future__ import annotations

from typing import Any

from celery.result import AsyncResult

from parity.facts import Facts
from parity.project import make_app, request_of, scenario, task_row, work


@scenario("a task writes into request.meta")
def a_task_writes_meta() -> Facts:
    app = make_app()

    @app.task(name="shop.meta", bind=True)
    def meta(self: Any) -> str:
        self.request.meta = {"order": 12}
        return "done"

    work(app, meta, task_id="t")
    return {"column meta": task_row("t")["column meta"], "get_task_meta": app.backend.get_task_meta("t")["order"]}


@scenario("a task sends another one")
def a_task_sends_another() -> Facts:
    app = make_app()

    @app.task(name="shop.child")
    def child() -> None:
        pass

    @app.task(name="shop.parent")
    def parent() -> str:
        child.apply_async(task_id="c")
        return "sent"

    work(app, parent, task_id="t")
    children = AsyncResult("t", app=app).children
    return {"column meta": task_row("t")["column meta"], "children": [(type(c), c.id) for c in children or ()]}


@scenario("a task fails in a chain")
def a_task_fails_in_a_chain() -> Facts:
    app = make_app(result_extended=True)

    @app.task(name="shop.fail")
    def fail() -> None:
        raise ValueError("first")

    @app.task(name="shop.next")
    def following(x: int) -> int:
        return x

    rest = following.s().set(task_id="next")
    rest.options["reply_to"] = None
    work(app, fail, task_id="t", chain=[dict(rest)])
    row = task_row("next")
    return row | {"column traceback": (row.get("column traceback") or "").splitlines()[-1:]}


@scenario("arguments that the sender masked")
def masked_arguments() -> Facts:
    app = make_app(result_extended=True)

    @app.task(name="shop.login")
    def login(password: str, **more: Any) -> None:
        pass

    work(app, login, "secret", task_id="t", argsrepr="('***',)", kwargsrepr="{'token': '***'}", kwargs={"token": "x"})
    row = task_row("t")
    return {name: row[name] for name in ("column task_args", "column task_kwargs")}


@scenario("arguments of task protocol 1")
def arguments_of_protocol_1() -> Facts:
    app = make_app(result_extended=True)
    request = request_of("t", task="shop.old", args=[1, "zwei", {"drei": None}], kwargs={"vier": [4]})
    app.backend.store_result("t", None, "SUCCESS", request=request)
    row = task_row("t")
    meta = app.backend.get_task_meta("t")
    return {name: row[name] for name in ("column task_args", "column task_kwargs", "column task_name")} | {
        "args": meta["args"],
        "kwargs": meta["kwargs"],
    }


@scenario("masked arguments, after a retry")
def masked_after_a_retry() -> Facts:
    """Celery publishes a retry with the representation that it makes of the real arguments."""
    app = make_app(result_extended=True)
    first = request_of("t", task="shop.login", argsrepr="('***',)", kwargsrepr="{}", retries=0)
    second = request_of("t", task="shop.login", argsrepr="('secret',)", kwargsrepr="{}", retries=1)
    app.backend.store_result("t", OSError(), "RETRY", request=first)
    app.backend.store_result("t", 1, "SUCCESS", request=second)
    return {"column task_args": task_row("t")["column task_args"]}


@scenario("the name of a schedule entry, as a header of an eager run")
def name_of_a_schedule_entry() -> Facts:
    app = make_app(result_extended=True)
    request = request_of("t", task="shop.add", headers={"periodic_task_name": "nightly"})
    app.backend.store_result("t", 1, "SUCCESS", request=request)
    return {"column": task_row("t")["column periodic_task_name"]}
