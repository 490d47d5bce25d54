"""Chords of ``django-db`` that fail: one ChordError, which names the culprit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import ChordError
from celery.result import AsyncResult, GroupResult

from dcr_backends.callback import trigger_callback
from dcr_models.models import TaskResult

pytestmark = pytest.mark.django_db


class TestFailing:
    def test_culprit_is_named(self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one", ["two", "three"], "four")
        for part in ("one", "two", "four"):
            made.part_returns(part, part)
        made.part_fails("three", ValueError("no luck"))
        assert worker.run() == []
        body = AsyncResult(made.body.id, app=app)
        assert str(body.get(timeout=1, propagate=False)) == "Dependency three raised ValueError('no luck')"
        assert made.count is None

    def test_error_has_its_cause(self, app: Celery, new_chord: Any) -> None:
        seen: list[Any] = []

        @app.task(shared=False)
        def errback(request: Any, error: Any, traceback: Any) -> None:
            seen.append(error)

        made = new_chord("one")
        made.body.on_error(errback.s())
        made.part_fails("one", ValueError("no luck"))
        [error] = seen
        assert isinstance(error, ChordError)
        assert repr(error.__cause__) == "ValueError('no luck')"

    def test_each_errback_is_called_once(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one", "two")
        made.body.on_error(tasks.record.si("errback"))
        made.part_fails("one", ValueError("first"))
        made.part_fails("two", ValueError("second"))
        worker.run()
        assert tasks.calls == [["errback"]]

    def test_body_that_cannot_be_sent(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one")
        made.body.set(serializer="no such serializer")
        made.part_returns("one", 1)
        error = AsyncResult(made.body.id, app=app).get(timeout=1, propagate=False)
        assert isinstance(error, ChordError)
        assert "Callback error" in str(error)
        assert made.backend.get_state("one") == "SUCCESS"

    def test_immutable_body_of_a_failed_header(self, app: Celery, new_chord: Any, tasks: Any, worker: Any) -> None:
        made = new_chord("one")
        made.body.set(immutable=True)
        made.part_fails("one", ValueError("no luck"))
        worker.run()
        assert tasks.calls == []
        assert AsyncResult(made.body.id, app=app).failed()

    def test_immutable_body_has_one_error_that_names_one(
        self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        made = new_chord("one", ["two", "three"], "four")
        made.body.set(immutable=True)
        made.body.on_error(tasks.record.si("errback"))
        made.part_fails("four", KeyError("later"))
        for part in ("one", "two"):
            made.part_returns(part, part)
        made.part_fails("three", ValueError("no luck"))
        worker.run()
        assert tasks.calls == [["errback"]]
        error = AsyncResult(made.body.id, app=app).get(timeout=1, propagate=False)
        assert isinstance(error, ChordError)
        assert str(error) == "Dependency three raised ValueError('no luck')"
        assert made.count is None

    def test_immutable_body_and_part_that_was_revoked(self, app: Celery, new_chord: Any, tasks: Any) -> None:
        made = new_chord("one", "two")
        made.body.set(immutable=True)
        made.part_returns("one", 1)
        made.backend.mark_as_revoked("two", "terminated", request=made.context("two"))
        error = AsyncResult(made.body.id, app=app).get(timeout=1, propagate=False)
        assert str(error) == "Dependency two raised TaskRevokedError('terminated')"

    def test_immutable_body_needs_no_results(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        """Not even such as can be read."""
        made = new_chord("one", "two")
        made.body.set(immutable=True)
        made.part_returns("one", 1)
        TaskResult.objects.filter(task_id="one").update(result="{")
        made.part_returns("two", 2)
        worker.run()
        assert tasks.calls == [[]]

    def test_traceback_says_why(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one")
        made.part_fails("one", ValueError("no luck"))
        traceback = AsyncResult(made.body.id, app=app).traceback
        assert traceback.splitlines()[-1].endswith("ChordError: Dependency one raised ValueError('no luck')")
        assert "ValueError: no luck" in traceback

    def test_row_that_cannot_be_read(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one", "two")
        made.part_returns("one", 1)
        TaskResult.objects.filter(task_id="one").update(result="{")
        made.part_returns("two", 2)
        error = AsyncResult(made.body.id, app=app).get(timeout=1, propagate=False)
        assert isinstance(error, ChordError)
        assert "result of task one cannot be decoded" in str(error)


class TestTriggerCallback:
    """Part of the surface of 2.x: projects call it to finish chords by hand."""

    def test_joins_and_sends(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        for number, name in enumerate(("one", "two")):
            app.backend.mark_as_done(name, number)
        header = GroupResult("group", [AsyncResult("one", app=app), AsyncResult("two", app=app)], app=app)
        trigger_callback(app=app, callback=tasks.record.s(), group_result=header)
        worker.run()
        assert tasks.calls == [[[0, 1]]]

    def test_waits_no_longer_than_configured(self, app: Celery, tasks: SimpleNamespace) -> None:
        app.conf.result_chord_join_timeout = 0.01
        body = tasks.record.s()
        body.freeze()
        header = GroupResult("group", [AsyncResult("never", app=app)], app=app)
        trigger_callback(app, body, header)
        error = AsyncResult(body.id, app=app).get(timeout=1, propagate=False)
        assert isinstance(error, ChordError)
        assert "never" not in str(error)  # a member that is late is no culprit
