"""Tasks run as a worker runs them: what lands in the table, and what AsyncResult then says."""

from __future__ import annotations

from typing import Any
from unittest import mock

from celery import Celery
from celery.exceptions import Ignore, Reject
from celery.result import AsyncResult

from parity.facts import Facts, outcome
from parity.project import make_app, request_of, scenario, task_row, work

ATTRIBUTES = ("status", "result", "traceback", "children", "args", "kwargs", "worker", "task_id")
METHODS = ("ready", "successful", "failed")


def seen(app: Celery, task_id: str) -> Facts:
    """Return the row of a task, and what AsyncResult tells of it in another process."""
    reader = Celery("reader", broker="memory://", config_source=None, set_as_current=False)
    reader.conf.update(app.conf.changes)
    reading = AsyncResult(task_id, app=reader)
    facts = {f"AsyncResult.{name}": getattr(reading, name) for name in ATTRIBUTES}
    facts.update({f"AsyncResult.{name}()": getattr(reading, name)() for name in METHODS})
    if reading.ready():
        facts["AsyncResult.date_done"] = reading.date_done
    return {**task_row(task_id), **facts, "AsyncResult.get()": outcome(reading.get, timeout=0.01, interval=0.01)}


@scenario("a task returns a value")
def a_task_returns_a_value() -> Facts:
    app = make_app()

    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    work(app, add, 2, 3, task_id="t")
    return seen(app, "t")


@scenario("a task returns a value, with result_extended")
def a_task_returns_a_value_extended() -> Facts:
    app = make_app(result_extended=True)

    @app.task(name="shop.order")
    def order(*items: str, **options: Any) -> dict[str, Any]:
        return {"items": items, "ü": None}

    work(app, order, "book", "lámpara", task_id="t", kwargs={"gift": True}, periodic_task_name="nightly")
    return seen(app, "t")


@scenario("a task raises an exception")
def a_task_raises() -> Facts:
    app = make_app(result_extended=True)

    @app.task(name="shop.fail")
    def fail() -> None:
        raise KeyError("article", 7)

    work(app, fail, task_id="t")
    facts = seen(app, "t")
    # Its last line: the others are the paths of each environment.
    return facts | {name: facts[name].splitlines()[-1] for name in ("column traceback", "AsyncResult.traceback")}


@scenario("a task raises an exception of its own module")
def a_task_raises_its_own() -> Facts:
    app = make_app()

    class SoldOutError(Exception):
        pass

    @app.task(name="shop.sell")
    def sell() -> None:
        raise SoldOutError("lamp", {"left": 0})

    work(app, sell, task_id="t")
    facts = seen(app, "t")
    return {name: facts[name] for name in ("column status", "column result", "AsyncResult.get()")}


@scenario("a task asks for a retry")
def a_task_retries() -> Facts:
    app = make_app(result_extended=True)

    @app.task(name="shop.again", bind=True)
    def again(self: Any) -> None:
        raise self.retry(exc=OSError("busy"), countdown=10)

    work(app, again, task_id="t", reply_to=None, correlation_id="t")
    row = task_row("t")
    return row | {"column traceback": (row["column traceback"] or "").splitlines()[-1:]}


@scenario("a task reports progress in a state of its own")
def a_task_reports_progress() -> Facts:
    app = make_app()

    @app.task(name="shop.pack", bind=True)
    def pack(self: Any) -> None:
        self.update_state(state="PACKING", meta={"done": 3, "of": 7})
        raise Ignore

    work(app, pack, task_id="t")
    return seen(app, "t")


@scenario("a task is reported as started")
def a_task_is_started() -> Facts:
    app = make_app(task_track_started=True)

    @app.task(name="shop.start")
    def start() -> None:
        raise Ignore

    with mock.patch("os.getpid", return_value=4711):  # the worker's process id is part of the stored value
        work(app, start, task_id="t")
    return seen(app, "t")


@scenario("a task is revoked")
def a_task_is_revoked() -> Facts:
    app = make_app(result_extended=True)
    request = request_of("t", task="shop.add", args=[1], kwargs={})
    app.backend.mark_as_revoked("t", "terminated", request=request, store_result=True)
    return seen(app, "t")


@scenario("a task is rejected")
def a_task_is_rejected() -> Facts:
    app = make_app()

    @app.task(name="shop.reject")
    def reject() -> None:
        raise Reject("no", requeue=False)

    work(app, reject, task_id="t")
    return task_row("t")


@scenario("a task that nobody knows")
def an_unknown_task() -> Facts:
    return seen(make_app(), "unknown")


@scenario("a task whose result is ignored")
def an_ignored_task() -> Facts:
    app = make_app()

    @app.task(name="shop.quiet", ignore_result=True)
    def quiet(fail: bool = False) -> None:
        if fail:
            raise ValueError("still kept")

    work(app, quiet, task_id="t", ignore_result=True)
    quiet.store_errors_even_if_ignored = True
    work(app, quiet, task_id="t-failed", kwargs={"fail": True}, ignore_result=True)
    return task_row("t") | {"failed, kept": task_row("t-failed").get("column status")}


@scenario("an eager task, stored")
def an_eager_task() -> Facts:
    app = make_app(task_always_eager=True, task_store_eager_result=True, result_extended=True)

    @app.task(name="shop.eager")
    def eager(x: int) -> int:
        return x

    eager.apply_async(args=(5,), task_id="t")
    return task_row("t")


@scenario("a result is forgotten")
def a_result_is_forgotten() -> Facts:
    app = make_app()
    app.backend.store_result("t", 1, "SUCCESS")
    AsyncResult("t", app=app).forget()
    return task_row("t") | {"again": outcome(AsyncResult("t", app=app).forget), "status": AsyncResult("t").status}


@scenario("one id, stored again and again")
def stored_again() -> Facts:
    app = make_app()
    dates = []
    for state, value in {"PENDING": None, "STARTED": {"pid": 1}, "PROGRESS": 50, "RETRY": OSError(), "A": "b"}.items():
        app.backend.store_result("t", value, state)
        dates.append(task_row("t")["column date_created"])
    row = task_row("t")
    return {
        "column status": row["column status"],
        "column result": row["column result"],
        "date_created stays": len(set(dates)) == 1,
        "date_done moves": row["column date_done"] > row["column date_created"],
    }
