"""Chords: the counter, the parts, the body, the errors."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery, chord, group
from celery.result import AsyncResult, GroupResult

from parity.facts import Facts, outcome
from parity.project import make_app, request_of, scenario, sent, task_row, work


class Records(logging.Handler):
    """Keep (level, logger) of what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a record."""
        self.seen.append((record.levelname, record.name))


def shop(**conf: Any) -> Celery:
    """Return an app with the tasks of a chord."""
    app = make_app(**conf)

    @app.task(name="shop.part")
    def part(x: int) -> int:
        if x < 0:
            raise ValueError(x)
        return x

    @app.task(name="shop.total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    return app


def counters() -> list[tuple[str, str, int]]:
    """Return the rows of chords that are still counting."""
    from django_celery_results.models import ChordCounter

    return list(ChordCounter.objects.order_by("group_id").values_list("group_id", "sub_tasks", "count"))


def apply(app: Celery, *task_ids: str) -> Any:
    """Start the counter of a chord over parts with these ids; return the body's signature."""
    body = app.signature("shop.total", task_id="body", app=app)
    app.backend.apply_chord(GroupResult("g", [AsyncResult(task_id, app=app) for task_id in task_ids], app=app), body)
    return body


@scenario("a chord is applied")
def a_chord_is_applied() -> Facts:
    app = shop()
    apply(app, "a", "b")
    from django_celery_results.models import ChordCounter

    counter = ChordCounter.objects.get()
    header = counter.group_result(app=app)
    return {
        "counter": counters(),
        "group_result": (isinstance(header, GroupResult), header.as_tuple()),
        "group_result of the current app": counter.group_result().as_tuple(),
    }


@scenario("a chord is applied with Celery's tuple")
def a_chord_is_applied_with_a_tuple() -> Facts:
    app = shop()
    result = app.backend.apply_chord(("g", [AsyncResult("a", app=app)]), app.signature("shop.total", app=app))
    return {"returns": result, "counter": counters()}


@scenario("a chord is sent")
def a_chord_is_sent() -> Facts:
    app = shop()
    tasks = app.tasks
    header = group(tasks["shop.part"].s(1), tasks["shop.part"].s(2), app=app)
    result = chord(header, app=app)(tasks["shop.total"].s())
    counter = counters()[0]
    return {
        "result": type(result),
        "parent is the header's group": result.parent.id == counter[0],
        "count": counter[2],
        "messages": sent(app),
    }


@scenario("the parts of a chord return")
def the_parts_return() -> Facts:
    app = shop()
    body = apply(app, "a", "b")
    part = app.tasks["shop.part"]
    work(app, part, 1, task_id="a", group="g", chord=dict(body))
    facts: Facts = {"counter, one returned": [row[2] for row in counters()], "sent, one returned": sent(app)}
    work(app, part, 2, task_id="b", group="g", chord=dict(body))
    return facts | {"counter, both returned": counters(), "sent, both returned": sent(app)}


@scenario("a worker dies between a part's result and its count")
def a_worker_dies() -> Facts:
    app = shop()
    body = apply(app, "a", "b")
    app.backend.store_result("a", 1, "SUCCESS")  # and no more: its worker was killed
    work(app, app.tasks["shop.part"], 2, task_id="b", group="g", chord=dict(body))
    facts: Facts = {"sent": sent(app)}
    app.backend.cleanup()
    return facts | {"sent, after cleanup": sent(app), "counters": [row[2] for row in counters()]}


@scenario("a part of a chord fails")
def a_part_fails() -> Facts:
    app = shop()
    body = apply(app, "a", "b")
    part = app.tasks["shop.part"]
    work(app, part, -1, task_id="a", group="g", chord=dict(body))
    work(app, part, 2, task_id="b", group="g", chord=dict(body))
    row = task_row("body")
    return {
        "counter": counters(),
        "sent": sent(app),
        "body's state": row.get("column status"),
        "body's result": row.get("column result"),
        "body's error": outcome(AsyncResult("body", app=app).get, timeout=0.01, interval=0.01),
    }


@scenario("a chord whose body cannot be sent")
def a_body_that_cannot_be_sent() -> Facts:
    app = shop()
    body = apply(app, "a")
    body.options["queue"] = object()
    work(app, app.tasks["shop.part"], 1, task_id="a", group="g", chord=dict(body))
    row = task_row("body")
    return {"part": task_row("a")["column status"], "body": row.get("column status"), "counter": counters()}


@scenario("a part of a chord that has no counter")
def a_part_without_counter() -> Facts:
    app = shop()
    records = Records()
    logging.getLogger().addHandler(records)
    try:
        returned = outcome(app.backend.on_chord_part_return, request_of("a", group="gone"), "SUCCESS", 1)
    finally:
        logging.getLogger().removeHandler(records)
    return {"returns": returned, "level of the log": [level for level, _ in records.seen], "sent": sent(app)}


@scenario("a part without a group")
def a_part_without_a_group() -> Facts:
    app = shop()
    apply(app, "a")
    app.backend.on_chord_part_return(request_of("a"), "SUCCESS", 1)
    return {"counter": [row[2] for row in counters()]}


@scenario("trigger_callback")
def the_trigger() -> Facts:
    from django_celery_results.backends.database import trigger_callback

    app = shop()
    app.backend.store_result("a", 5, "SUCCESS")
    header = GroupResult("g", [AsyncResult("a", app=app)], app=app)
    body = app.signature("shop.total", task_id="body", app=app)
    returned = outcome(trigger_callback, app=app, callback=body, group_result=header)
    return {"returns": returned, "sent": sent(app)}


@scenario("a chord with a group in its header")
def a_nested_header() -> Facts:
    app = shop()
    inner = GroupResult("inner", [AsyncResult("b", app=app), AsyncResult("c", app=app)], app=app)
    app.backend.apply_chord(
        GroupResult("g", [AsyncResult("a", app=app), inner], app=app), app.signature("shop.total", app=app)
    )
    return {"count": [row[2] for row in counters()], "header": [row[1] for row in counters()]}


@scenario("a part of a chord that returns twice")
def a_part_returns_twice() -> Facts:
    app = shop()
    body = apply(app, "a", "b")
    part = app.tasks["shop.part"]
    for task_id in ("a", "a", "b"):
        work(app, part, 1, task_id=task_id, group="g", chord=dict(body))
    return {"sent": sent(app), "counter": [row[2] for row in counters()]}
