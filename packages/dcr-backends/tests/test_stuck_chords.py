"""``repair_chords`` where a counter holds no body, or what cannot be read: the other chords are looked after."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult
from django.utils import timezone

from dcr_models.models import ChordCounter, TaskResult

pytestmark = pytest.mark.django_db


def counter_of_2x(app: Celery, group_id: str = "old") -> ChordCounter:
    sub_tasks = json.dumps([AsyncResult("one", app=app).as_tuple()])
    return ChordCounter.objects.create(group_id=group_id, sub_tasks=sub_tasks, count=1)


class TestWithoutABody:
    """Counters that 2.6 made, and bodies that could not be stored."""

    def test_of_2x_is_reported(self, app: Celery, worker: Any, caplog: pytest.LogCaptureFixture) -> None:
        counter_of_2x(app)
        app.backend.mark_as_done("one", 1)
        assert app.backend.repair_chords() == ([], [], ["old"])
        assert ChordCounter.objects.get().count == 1
        assert worker.run() == []
        assert caplog.text == ""  # not every minute
        app.backend.cleanup()
        assert "Chords without a stored body, which only their last part can send: old" in caplog.text

    @pytest.mark.parametrize(("days", "stuck"), [(0, False), (2, True)])
    def test_that_could_not_be_stored_is_reported_when_old(
        self, app: Celery, tasks: SimpleNamespace, days: float, stuck: bool
    ) -> None:
        app.backend.apply_chord(("group", [AsyncResult("one", app=app)]), tasks.record.s(object()))
        ChordCounter.objects.update(date_created=timezone.now() - timedelta(days=days))
        assert app.backend.repair_chords().stuck == (["group"] if stuck else [])
        assert ChordCounter.objects.exists()

    def test_does_not_stop_others(self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        counter_of_2x(app)
        new_chord("one")
        app.backend.mark_as_done("one", 1)
        app.backend.repair_chords()
        worker.run()
        assert tasks.calls == [[[1]]]


class TestDamage:
    """What one row holds does not keep the others from being looked after."""

    @pytest.fixture
    def after(self, new_chord: Any, app: Celery) -> Any:
        """Return a function that makes a complete chord, behind what the test made."""

        def after() -> Any:
            made = new_chord("after")
            app.backend.mark_as_done("after", "value")
            return made

        return after

    @pytest.mark.parametrize(
        "damage",
        [
            {"body": "{"},
            {"body": "[1]"},
            {"body_content_type": "application/x-python-serialize", "body": "gASV"},
            {"body_content_type": "application/unknown"},
            {"sub_tasks": "{"},
            {"sub_tasks": "[7]"},
        ],
        ids=str,
    )
    def test_is_logged(
        self, app: Celery, new_chord: Any, after: Any, damage: dict[str, str], worker: Any, caplog: Any
    ) -> None:
        made = new_chord("one")
        app.backend.mark_as_done("one", 1)
        ChordCounter.objects.update(**damage)
        last = after()
        assert app.backend.repair_chords() == ([last.group_id], [], [])
        assert any(record.levelname == "ERROR" and made.group_id in record.getMessage() for record in caplog.records)
        assert made.count == 1
        assert ChordCounter.objects.get().claimed_by is None

    def test_body_is_still_sent_by_the_last_part(
        self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        made = new_chord("one")
        ChordCounter.objects.update(body="{")
        app.backend.repair_chords()
        made.part_returns("one", 1)
        worker.run()
        assert tasks.calls == [[[1]]]

    def test_result_that_cannot_be_read_ends_the_chord(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one")
        app.backend.mark_as_done("one", 1)
        TaskResult.objects.update(result="{")
        assert app.backend.repair_chords().finished == [made.group_id]
        error = AsyncResult(made.body.id, app=app).get(timeout=1, propagate=False)
        assert "result of task one cannot be decoded" in str(error)
