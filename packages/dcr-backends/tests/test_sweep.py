"""``repair_chords``: chords that nobody finished are finished, those that cannot be are ended."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import ChordError
from celery.result import AsyncResult
from django.utils import timezone

from dcr_backends.sweep import Sweep
from dcr_models.models import ChordCounter, TaskResult

pytestmark = pytest.mark.django_db

NOTHING = Sweep([], [], [])


def age(days: float) -> None:
    """Make all chords older."""
    ChordCounter.objects.update(date_created=timezone.now() - timedelta(days=days))


def error_of(app: Celery, body: Any) -> BaseException | None:
    """Return what a body has failed with."""
    result = AsyncResult(body.id, app=app)
    return result.get(timeout=1, propagate=False) if result.ready() else None


class TestComplete:
    def test_is_finished(self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        chords = [new_chord(f"{name} one", f"{name} two") for name in "ab"]
        for made in chords:
            for member in made.members:
                app.backend.mark_as_done(member.id, member.id)
        assert app.backend.repair_chords() == ([made.group_id for made in chords], [], [])
        worker.run()
        assert tasks.calls == [[["a one", "a two"]], [["b one", "b two"]]]
        assert app.backend.repair_chords() == NOTHING

    def test_body_keeps_its_id(self, app: Celery, new_chord: Any, worker: Any) -> None:
        made = new_chord("one")
        app.backend.mark_as_done("one", 1)
        app.backend.repair_chords()
        worker.run()
        assert AsyncResult(made.body.id, app=app).get(timeout=1) == "recorded"

    def test_immutable_body(self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one")
        ChordCounter.objects.all().delete()
        made.body.set(immutable=True)
        made.apply()
        app.backend.mark_as_done("one", 1)
        app.backend.repair_chords()
        worker.run()
        assert tasks.calls == [[]]

    def test_failed_part(self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one", "two")
        app.backend.mark_as_done("one", 1)
        app.backend.mark_as_failure("two", ValueError("no luck"))
        assert app.backend.repair_chords().finished == [made.group_id]
        worker.run()
        assert tasks.calls == []
        assert str(error_of(app, made.body)) == "Dependency two raised ValueError('no luck')"

    def test_is_finished_whatever_its_age(
        self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        made = new_chord("one")
        app.backend.mark_as_done("one", 1)
        age(days=100)
        assert app.backend.repair_chords() == ([made.group_id], [], [])
        worker.run()
        assert tasks.calls == [[[1]]]

    def test_is_told(self, app: Celery, new_chord: Any, caplog: pytest.LogCaptureFixture) -> None:
        made = new_chord("one")
        app.backend.mark_as_done("one", 1)
        app.backend.repair_chords()
        assert f"Finished chords that were complete and left: {made.group_id}" in caplog.text


class TestIncomplete:
    def test_young_one_is_counted_anew(self, app: Celery, new_chord: Any, worker: Any) -> None:
        made = new_chord("one", "two", "three")
        app.backend.mark_as_done("one", 1)
        assert app.backend.repair_chords() == NOTHING
        assert made.count == 2
        assert worker.run() == []

    def test_part_that_comes_after_the_recount(
        self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        """The sweep saw the row of a part that was not counted yet: one less than has to return is safe."""
        made = new_chord("one", "two")
        app.backend.mark_as_done("one", 1)
        app.backend.repair_chords()
        made.backend.on_chord_part_return(made.context("one"), "SUCCESS", 1)
        assert made.count == 1
        made.part_returns("two", 2)
        worker.run()
        assert tasks.calls == [[[1, 2]]]

    def test_old_one_whose_rows_are_gone_is_ended(
        self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        made = new_chord("one", "two", "three")
        ChordCounter.objects.all().delete()
        made.body.on_error(tasks.record.si("errback"))
        made.apply()
        made.part_returns("two", 2)
        age(days=1.01)
        assert app.backend.repair_chords() == ([], [made.group_id], [])
        error = error_of(app, made.body)
        assert isinstance(error, ChordError)
        assert str(error) == "No result is stored of one, three, and none is expected any more"
        assert made.count is None
        worker.run()
        assert tasks.calls == [["errback"]]

    def test_ids_that_are_named_are_few(self, app: Celery, new_chord: Any) -> None:
        made = new_chord(*(f"part {number:02}" for number in range(13)))
        age(days=2)
        app.backend.repair_chords()
        assert "part 08, part 09 and 3 more, and none" in str(error_of(app, made.body))

    @pytest.mark.parametrize("state", ["PENDING", "RECEIVED", "STARTED", "RETRY", "PROGRESS"])
    def test_old_one_whose_task_still_runs_is_left_alone(self, app: Celery, new_chord: Any, state: str) -> None:
        made = new_chord("one", "two")
        made.part_returns("one", 1)
        app.backend.store_result("two", None, state)
        age(days=100)
        assert app.backend.repair_chords() == NOTHING
        assert made.count == 1
        assert error_of(app, made.body) is None
        made.part_returns("two", 2)
        assert made.count is None

    def test_one_that_runs_and_one_that_is_gone(self, app: Celery, new_chord: Any) -> None:
        """It never will be complete; the error names what is gone."""
        made = new_chord("one", "two")
        app.backend.store_result("one", None, "STARTED")
        age(days=2)
        assert app.backend.repair_chords().failed == [made.group_id]
        assert "stored of two, and" in str(error_of(app, made.body))

    @pytest.mark.parametrize(
        ("conf", "days", "ended"),
        [
            ({}, 0.99, False),
            ({}, 1.01, True),
            ({"result_expires": 3 * 86_400}, 2, False),
            ({"result_expires": timedelta(days=3)}, 4, True),
            ({"result_expires": None}, 1_000, False),
            ({"result_expires": 0}, 1_000, False),
            ({"result_chord_expires": 3 * 86_400}, 2, False),
            ({"result_chord_expires": 3600}, 0.1, True),
            ({"result_chord_expires": 3600, "result_expires": None}, 0.1, True),
            ({"result_chord_expires": 0}, 1_000, False),
        ],
    )
    def test_age_at_which_it_is_ended(
        self, configured: Any, new_chord: Any, conf: dict[str, Any], days: float, ended: bool
    ) -> None:
        configured(**conf)
        made = new_chord("one")
        age(days)
        assert made.backend.repair_chords().failed == ([made.group_id] if ended else [])

    def test_claim_of_another_is_left_alone(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one")
        ChordCounter.objects.update(claimed_by="another", claimed_at=timezone.now())
        age(days=2)
        assert app.backend.repair_chords() == NOTHING
        assert made.count == 1

    def test_rows_kept_for_it_go_with_it(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one", "two")
        made.part_is_ignored("one", 1)
        age(days=2)
        app.backend.repair_chords()
        assert list(TaskResult.objects.values_list("task_id", flat=True)) == [made.body.id]
