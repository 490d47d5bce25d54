"""Results go where the routers, or the caller, say; never to a replica."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, chord
from celery.result import AsyncResult, GroupResult
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dcr_models import models

pytestmark = pytest.mark.django_db(databases=["default", "other"])


class WriteToOther:
    """Writes to ``other`` and reads from ``default``, which stands for a replica that lags for ever."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model._meta.app_label == "django_celery_results" else None

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "default" if model._meta.app_label == "django_celery_results" else None


class CountersOnDefault(WriteToOther):
    """Keeps results on ``other`` and the counters of chords on ``default``."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "default" if model is models.ChordCounter else super().db_for_write(model)


@pytest.fixture
def routed(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [WriteToOther()]


@pytest.fixture
def default_is_not_touched(routed: None) -> Iterator[None]:
    with CaptureQueriesContext(connections["default"]) as captured:
        yield
    assert captured.captured_queries == []


@pytest.mark.usefixtures("default_is_not_touched")
class TestRouter:
    def test_tasks(self, app: Celery, task_id: str) -> None:
        app.backend.store_result(task_id, None, "STARTED")
        app.backend.mark_as_done(task_id, "value")
        assert app.backend.get_result(task_id) == "value"
        assert models.TaskResult.objects.using("other").get().task_id == task_id
        app.backend.mark_as_failure(task_id, ValueError("late"))  # reads the row that it may not change
        app.backend.forget(task_id)
        assert not models.TaskResult.objects.using("other").exists()

    def test_groups(self, app: Celery, task_id: str) -> None:
        group = GroupResult(task_id, [AsyncResult("one", app=app)], app=app)
        group.save()
        assert GroupResult.restore(task_id, app=app) == group
        assert models.GroupResult.objects.using("other").get().group_id == task_id
        group.delete()
        assert not models.GroupResult.objects.using("other").exists()

    def test_chords(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.echo.s(n) for n in range(3)])(tasks.total.s())
        assert models.ChordCounter.objects.using("other").get().count == 3
        worker.run()
        assert tasks.calls == [[0, 1, 2]]
        assert result.get(timeout=1) == 3
        assert not models.ChordCounter.objects.using("other").exists()

    def test_failing_chord(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.echo.s(1), tasks.fail.s("no luck")])(tasks.total.s())
        worker.run()
        assert "no luck" in str(AsyncResult(result.id, app=app).get(timeout=1, propagate=False))

    def test_cleanup(self, app: Celery, task_id: str) -> None:
        app.backend.mark_as_done(task_id, "value")
        app.backend.save_group(task_id, GroupResult(task_id, [AsyncResult("one", app=app)], app=app))
        for model in (models.TaskResult, models.GroupResult):
            model.objects.using("other").update(date_done=timezone.now() - timedelta(days=2))
        app.backend.cleanup()
        assert not models.TaskResult.objects.using("other").exists()
        assert not models.GroupResult.objects.using("other").exists()


class TestTablesInTwoDatabases:
    def test_chord(self, app: Celery, tasks: SimpleNamespace, worker: Any, settings: Any) -> None:
        settings.DATABASE_ROUTERS = [CountersOnDefault()]
        result = chord([tasks.echo.s(n) for n in range(3)])(tasks.total.s())
        assert models.ChordCounter.objects.using("default").get().count == 3
        worker.run()
        assert tasks.calls == [[0, 1, 2]]
        assert result.get(timeout=1) == 3
        assert models.TaskResult.objects.using("other").count() == 4


class TestUsing:
    def test_wins_over_the_routers(self, app: Celery, routed: None, task_id: str) -> None:
        app.backend.store_result(task_id, "value", "SUCCESS", using="default")
        assert models.TaskResult.objects.using("default").get().task_id == task_id
        assert not models.TaskResult.objects.using("other").exists()

    def test_without_a_router(self, app: Celery, task_id: str) -> None:
        app.backend.store_result(task_id, "value", "SUCCESS", using="other")
        assert models.TaskResult.objects.using("other").get().task_id == task_id
        assert app.backend.get_state(task_id) == "PENDING"

    def test_is_for_one_call(self, app: Celery, task_id: str) -> None:
        app.backend.store_result(task_id, "value", "PROGRESS", using="other")
        app.backend.store_result(task_id, "value", "PROGRESS")
        assert models.TaskResult.objects.using("default").get().task_id == task_id

    def test_rejected_write_reads_there_too(self, app: Celery, task_id: str) -> None:
        app.backend.store_result(task_id, "first", "SUCCESS", using="other")
        with CaptureQueriesContext(connections["default"]) as captured:
            app.backend.store_result(task_id, "late", "FAILURE", using="other")
        assert captured.captured_queries == []

    def test_same_id_in_two_databases(self, app: Celery, task_id: str) -> None:
        app.backend.store_result(task_id, "here", "SUCCESS")
        app.backend.store_result(task_id, "there", "SUCCESS", using="other")
        values = [models.TaskResult.objects.using(alias).get().result for alias in ("default", "other")]
        assert values == ['"here"', '"there"']
