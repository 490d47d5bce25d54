"""Fixtures of the backends' tests: an app with a queue of its own, some tasks, and a worker in this thread."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.app.task import Context
from celery.canvas import Signature
from celery.result import AsyncResult, GroupResult
from celery.worker import state as worker_state
from celery.worker.request import Request
from celery.worker.strategy import proto1_to_proto2
from django.db import connection, connections
from kombu.asynchronous.timer import Timer

from dcr_models.models import ChordCounter


class InlineWorker:
    """Takes messages from the app's queue and runs them in this thread, with Celery's own Request and tracer.

    An estimated time of arrival is not waited for, so a retry runs at once.
    """

    hostname = "worker@tests"

    def __init__(self, app: Celery) -> None:
        self.app = app
        #: Names of the tasks that ran, in order.
        self.ran: list[str] = []

    def run(self, limit: int = 200) -> list[str]:
        """Run what is queued and what that queues, ``limit`` messages at most; return the names of the tasks."""
        before = len(self.ran)
        for request in self.receive():
            self.ran.append(request.name)
            if not request.revoked():
                request.execute()
            if len(self.ran) - before >= limit:
                raise AssertionError(f"The queue does not get empty; ran {self.ran[before:]}")
        return self.ran[before:]

    def receive(self) -> Iterator[Request]:
        """Yield the queued messages as requests, as the worker's main process makes them."""
        with self.app.connection_for_read() as connection:
            queue = self.app.amqp.queues[self.app.conf.task_default_queue].bind(connection.default_channel)
            queue.declare()
            while message := queue.get(no_ack=True, accept=self.app.conf.accept_content):
                yield self._request(message)

    def _request(self, message: Any) -> Request:
        opts: dict[str, Any] = {"app": self.app, "hostname": self.hostname}
        if "task" not in message.headers:
            body, headers, decoded, utc = proto1_to_proto2(message, message.payload)
            opts.update(body=body, headers=headers, decoded=decoded, utc=utc)
        return Request(message, **opts)


class Chord:
    """A chord whose parts return by hand."""

    def __init__(self, app: Celery, body: Signature, members: list[Any]) -> None:
        self.backend = app.backend
        self.group_id = uuid4().hex
        self.body = body
        self.members = members

    def apply(self) -> None:
        self.backend.apply_chord((self.group_id, self.members), self.body)

    def context(self, part: str) -> Context:
        return Context(id=part, group=self.group_id, chord=self.body, children=[])

    def part_returns(self, part: str, value: Any) -> None:
        self.backend.mark_as_done(part, value, request=self.context(part))

    def part_fails(self, part: str, error: Exception) -> None:
        self.backend.mark_as_failure(part, error, request=self.context(part))

    def part_is_ignored(self, part: str, value: Any) -> None:
        """Return as a task that ignores its result."""
        self.backend.mark_as_done(part, value, request=self.context(part), store_result=False)

    @property
    def count(self) -> int | None:
        return ChordCounter.objects.filter(group_id=self.group_id).values_list("count", flat=True).first()


@pytest.fixture
def app(celery_app: Celery) -> Celery:
    """Return the current app, with a queue of its own; configure it before its backend is used."""
    celery_app.conf.task_default_queue = f"tests-{uuid4().hex}"
    return celery_app


@pytest.fixture
def configured(app: Celery) -> Callable[..., Any]:
    """Return a function that configures the app and returns its result backend."""

    def configured(**conf: Any) -> Any:
        app.conf.update(conf)
        return app.backend

    return configured


@pytest.fixture
def worker(app: Celery) -> Iterator[InlineWorker]:
    """Return a worker that runs the app's tasks in this thread."""
    revoked = set(worker_state.revoked)
    yield InlineWorker(app)
    for task_id in set(worker_state.revoked) - revoked:
        worker_state.revoked.discard(task_id)


@pytest.fixture
def task_id() -> str:
    """Return an id that no other test uses: caches outlive a test."""
    return uuid4().hex


@pytest.fixture
def consumer(app: Celery) -> Any:
    """Return who sends ``worker_ready``, as far as a receiver can know it."""
    return type("Consumer", (), {"app": app, "timer": Timer()})()


@pytest.fixture
def raising(db: None) -> Callable[..., AbstractContextManager[None]]:
    """Return a context in which ``error`` is raised ``before`` each statement that this pattern is found in."""

    @contextmanager
    def raising(error: Any, *, before: str) -> Iterator[None]:
        def execute(run: Any, sql: str, *rest: Any) -> Any:
            if re.search(before, re.sub(r'["`]', "", sql)):
                raise error
            return run(sql, *rest)

        with connection.execute_wrapper(execute):
            yield

    return raising


@pytest.fixture
def scratch(db: None, tmp_path: Path) -> Iterator[str]:
    """Return the alias of a SQLite database in a file of its own, without any table."""
    entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "scratch.sqlite3", "OPTIONS": {"timeout": 0.01}}
    connections.databases["scratch"] = connections.configure_settings({"default": entry})["default"]
    connection = connections["scratch"]

    def ensure_connection() -> None:
        """Connect: Django's test cases refuse aliases that were not there when they began."""
        if connection.connection is None:
            with connection.wrap_database_errors:
                connection.connect()

    connection.ensure_connection = ensure_connection
    yield "scratch"
    connection.close()
    del connections["scratch"]
    del connections.databases["scratch"]


@pytest.fixture
def tasks(app: Celery) -> SimpleNamespace:
    """Return tasks, and ``calls``: what those that record their arguments were called with.

    Not shared: Celery would register them with every app that comes later.
    """
    calls: list[Any] = []

    @app.task(shared=False, name="tests.add")
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(shared=False, name="tests.echo")
    def echo(*args: Any, **kwargs: Any) -> Any:
        return args[0] if args else kwargs

    @app.task(shared=False, name="tests.fail")
    def fail(message: str = "failed on purpose", *args: Any, **kwargs: Any) -> None:
        raise ValueError(message)

    @app.task(shared=False, name="tests.total")
    def total(numbers: list[int]) -> int:
        calls.append(numbers)
        return sum(numbers)

    @app.task(shared=False, name="tests.record")
    def record(*args: Any) -> str:
        calls.append(list(args))
        return "recorded"

    @app.task(bind=True, max_retries=2, shared=False, name="tests.flaky")
    def flaky(self: Any, succeed_at: int, **kwargs: Any) -> int:
        if self.request.retries < succeed_at:
            raise self.retry(exc=ValueError(f"attempt {self.request.retries}"), countdown=1)
        return int(self.request.retries)

    @app.task(bind=True, shared=False, name="tests.report")
    def report(self: Any, state: str, meta: Any) -> None:
        self.update_state(state=state, meta=meta)
        calls.append(self.AsyncResult(self.request.id).state)

    @app.task(bind=True, shared=False, name="tests.spawn")
    def spawn(self: Any, *numbers: int) -> int:
        for number in numbers:
            add.delay(number, number)
        return len(numbers)

    return SimpleNamespace(
        add=add,
        echo=echo,
        fail=fail,
        total=total,
        record=record,
        flaky=flaky,
        report=report,
        spawn=spawn,
        calls=calls,
    )


@pytest.fixture
def new_chord(app: Celery, tasks: SimpleNamespace) -> Any:
    def new_chord(*members: Any) -> Chord:
        made = Chord(app, tasks.record.s().clone(), [result(app, member) for member in members])
        made.body.freeze()
        made.apply()
        return made

    return new_chord


def result(app: Celery, member: Any) -> Any:
    if isinstance(member, str):
        return AsyncResult(member, app=app)
    return GroupResult(uuid4().hex, [result(app, inner) for inner in member], app=app)
