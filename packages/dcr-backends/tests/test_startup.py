"""What a worker does when it is ready, and at every interval after that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, signals
from django.db import connection, connections

from dcr_backends.database import DatabaseBackend
from dcr_models.models import ChordCounter, GroupResult, TaskResult

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(app: Celery, consumer: Any) -> Callable[[], Any]:
    """Return a function that says that the worker is ready, and returns its timer's queue."""

    def ready() -> Any:
        assert isinstance(app.backend, DatabaseBackend)
        signals.worker_ready.send(sender=consumer)
        return consumer.timer.queue

    return ready


@pytest.fixture
def left(new_chord: Any) -> Callable[[str], Any]:
    """Return a function that makes a chord whose last worker died before it counted its part."""

    def left(part: str) -> Any:
        made = new_chord(part)
        made.backend.mark_as_done(part, part)
        return made

    return left


class TestSweeps:
    def test_at_the_start(self, ready: Any, left: Any, tasks: SimpleNamespace, worker: Any) -> None:
        left("one")
        ready()
        worker.run()
        assert tasks.calls == [[["one"]]]

    @pytest.mark.parametrize(("options", "seconds"), [({}, 60), ({"CHORD_SWEEP_INTERVAL": 7.5}, 7.5)])
    def test_at_the_interval(
        self, ready: Any, left: Any, tasks: SimpleNamespace, worker: Any, settings: Any, options: Any, seconds: float
    ) -> None:
        settings.DJANGO_CELERY_RESULTS = options
        [scheduled] = ready()
        assert scheduled.eta - time.monotonic() == pytest.approx(seconds, abs=1)
        left("one")
        scheduled.entry()
        worker.run()
        assert tasks.calls == [[["one"]]]

    def test_again_and_again(
        self, ready: Any, consumer: Any, left: Any, tasks: SimpleNamespace, worker: Any, settings: Any
    ) -> None:
        settings.DJANGO_CELERY_RESULTS = {"CHORD_SWEEP_INTERVAL": 0.01}
        ready()
        deadline = time.monotonic() + 10
        for number in range(3):
            left(f"part {number}")
            for _, entry in consumer.timer:
                if entry is not None:
                    entry()
                if not ChordCounter.objects.exists():
                    break
                assert time.monotonic() < deadline
        worker.run()
        assert tasks.calls == [[["part 0"]], [["part 1"]], [["part 2"]]]

    def test_none_but_at_the_start(
        self, ready: Any, left: Any, tasks: SimpleNamespace, worker: Any, settings: Any
    ) -> None:
        settings.DJANGO_CELERY_RESULTS = {"CHORD_SWEEP_INTERVAL": 0}
        left("one")
        assert ready() == []
        worker.run()
        assert tasks.calls == [[["one"]]]

    def test_once_for_all_backends_of_the_process(self, app: Celery, ready: Any) -> None:
        for _ in range(3):
            DatabaseBackend(app=app)
        assert len(ready()) == 1

    def test_not_for_other_backends(self, consumer: Any, left: Any) -> None:
        made = left("one")
        consumer.app = Celery("other", set_as_current=False, broker="memory://", backend="cache+memory://")
        signals.worker_ready.send(sender=consumer)
        assert consumer.timer.queue == []
        assert made.count == 1

    def test_trouble_is_logged_and_over_at_the_next_time(
        self, ready: Any, left: Any, raising: Any, tasks: SimpleNamespace, worker: Any, caplog: Any
    ) -> None:
        with raising(RuntimeError("no luck"), before=r"FROM \S*chordcounter"), caplog.at_level(logging.ERROR):
            left("one")
            [scheduled] = ready()
            assert [record.getMessage() for record in caplog.records] == ["Chords could not be looked after"]
        scheduled.entry()
        worker.run()
        assert tasks.calls == [[["one"]]]


class TestConnections:
    """The worker's main process forks its pool: what it does not need it does not keep."""

    @pytest.fixture
    def routed(self, settings: Any, scratch: str) -> str:
        class Router:
            def db_for_write(self, model: Any, **hints: Any) -> str:
                return scratch

        settings.DATABASE_ROUTERS = [Router()]
        return scratch

    def test_closed_is_closed_again(self, ready: Any, routed: str) -> None:
        [scheduled] = ready()
        assert connections[routed].connection is None
        scheduled.entry()
        assert connections[routed].connection is None

    def test_open_stays_open(self, ready: Any) -> None:
        [scheduled] = ready()
        scheduled.entry()
        assert connection.connection is not None

    def test_database_that_comes_later(self, ready: Any, routed: str, caplog: pytest.LogCaptureFixture) -> None:
        """A worker that started without its database, or before its tables were made, sweeps all the same."""
        [scheduled] = ready()
        assert "finds no table" in caplog.text
        with connections[routed].schema_editor() as editor:
            for model in (TaskResult, GroupResult, ChordCounter):
                editor.create_model(model)
        caplog.clear()
        scheduled.entry()
        assert caplog.records == []
