"""A project in a bottle: its Celery app, its databases, its worker; what every scenario works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from celery.app.task import Context
from celery.app.trace import build_tracer
from django.core.cache import caches
from django.db import connections

from parity.facts import Facts

#: Scenario title -> what runs it, in the order of definition.
SCENARIOS: dict[str, Callable[[], Facts]] = {}

HOSTNAME = "worker@host"


def scenario(title: str) -> Callable[[Callable[[], Facts]], Callable[[], Facts]]:
    """Register a function that does something through the public interface and returns what came of it."""

    def register(function: Callable[[], Facts]) -> Callable[[], Facts]:
        assert title not in SCENARIOS, f"two scenarios have the title {title!r}"
        SCENARIOS[title] = function
        return function

    return register


def make_app(backend: str = "django-db", **conf: Any) -> Celery:
    """Return the current Celery app of a project that set ``result_backend`` and ``conf``."""
    app = Celery("parity", broker="memory://", config_source=None, set_as_current=True)
    app.conf.update(result_backend=backend, **conf)
    return app


def work(app: Celery, task: Any, *args: Any, task_id: str, **request: Any) -> Any:
    """Run a task as a worker's process does, from a message of task protocol 2; return its outcome."""
    kwargs = request.pop("kwargs", {})
    message = {
        "id": task_id,
        "task": task.name,
        "args": args,
        "kwargs": kwargs,
        "argsrepr": repr(args),
        "kwargsrepr": repr(kwargs),
        "root_id": task_id,
        "hostname": HOSTNAME,
        "retries": 0,
        "is_eager": False,
        "delivery_info": {"exchange": "", "routing_key": "celery", "priority": 0, "redelivered": False},
        **request,
    }
    return build_tracer(task.name, task, hostname=HOSTNAME, app=app)(task_id, args, kwargs, message)


def request_of(task_id: str, **attributes: Any) -> Context:
    """Return the request of a task that is running."""
    return Context({"id": task_id, "hostname": HOSTNAME, **attributes})


def sent(app: Celery) -> list[Any]:
    """Take all messages out of the queue ``celery``; return (task name, its args) of each."""
    messages = []
    with app.connection_for_write() as connection, connection.SimpleQueue("celery") as queue:
        while True:
            try:
                message = queue.get(block=False)
            except queue.Empty:
                return messages
            message.ack()
            messages.append((message.headers["task"], message.payload[0]))


def task_row(task_id: str, using: str = "default") -> Facts:
    """Return the columns of a stored task, as the database has them."""
    from django_celery_results.models import TaskResult

    row = TaskResult.objects.using(using).filter(task_id=task_id).values().first()
    return {"row": None} if row is None else {f"column {name}": row[name] for name in row if name != "id"}


def group_row(group_id: str, using: str = "default") -> Facts:
    """Return the columns of a saved group, as the database has them."""
    from django_celery_results.models import GroupResult

    row = GroupResult.objects.using(using).filter(group_id=group_id).values().first()
    return {"row": None} if row is None else {f"column {name}": row[name] for name in row if name != "id"}


@contextmanager
def statements(using: str = "default") -> Iterator[list[str]]:
    """Record the SQL that is sent to a database."""
    seen: list[str] = []

    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connections[using].execute_wrapper(record):
        yield seen


def clear() -> None:
    """Empty what scenarios fill: tables, caches, and the queue of the in-memory broker."""
    from django.contrib.auth.models import User

    from django_celery_results import models

    for using in connections:
        for model in (models.TaskResult, models.GroupResult, models.ChordCounter, User):
            model.objects.using(using).all().delete()
    for cache in caches.all():
        cache.clear()
    sent(make_app())
