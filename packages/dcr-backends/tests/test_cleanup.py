"""What ``cleanup`` deletes, keeps and looks after; beat's task runs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, states
from celery.result import AsyncResult, GroupResult
from django.utils import timezone

from dcr_backends.database import DatabaseBackend
from dcr_models import models
from dcr_models.models import ChordCounter, TaskResult

pytestmark = pytest.mark.django_db


DAYS = 86_400


def make_older(task_id: str, days: float) -> None:
    TaskResult.objects.filter(task_id=task_id).update(date_done=timezone.now() - timedelta(days=days))


class TestResultExpires:
    @pytest.fixture
    def old(self, app: Celery) -> None:
        """Make a task and a group whose last write is two days ago, and young ones."""
        backend = DatabaseBackend(app=app)
        for age in ("old", "young"):
            backend.mark_as_done(f"{age} task", "value")
            members = [AsyncResult("one", app=app, backend=backend)]
            backend.save_group(f"{age} group", GroupResult(f"{age} group", members, app=app))
        two_days_ago = timezone.now() - timedelta(days=2)
        TaskResult.objects.filter(task_id="old task").update(date_done=two_days_ago)
        models.GroupResult.objects.filter(group_id="old group").update(date_done=two_days_ago)

    def left(self) -> set[str]:
        tasks = TaskResult.objects.values_list("task_id", flat=True)
        return {*tasks, *models.GroupResult.objects.values_list("group_id", flat=True)}

    @pytest.mark.parametrize("expires", [86_400, 86_400.5, timedelta(days=1)])
    def test_deletes_what_expired(self, old: None, configured: Callable[..., Any], expires: Any) -> None:
        configured(result_expires=expires).cleanup()
        assert self.left() == {"young task", "young group"}

    @pytest.mark.parametrize("expires", [None, 0, timedelta(0), timedelta(days=3)])
    def test_keeps_the_rest(self, old: None, configured: Callable[..., Any], expires: Any) -> None:
        configured(result_expires=expires).cleanup()
        assert self.left() == {"old task", "young task", "old group", "young group"}

    def test_default_is_a_day(self, old: None, app: Celery) -> None:
        app.backend.cleanup()
        assert self.left() == {"young task", "young group"}

    def test_task_of_beat(self, old: None, app: Celery) -> None:
        app.tasks["celery.backend_cleanup"].apply(throw=True)
        assert self.left() == {"young task", "young group"}


class TestStates:
    """Each state goes when its own limit has passed, and not before."""

    @pytest.fixture
    def is_left(self, configured: Callable[..., Any], settings: Any) -> Callable[..., bool]:
        """Return a function that says whether a result of some state and age survives a cleanup."""

        def is_left(state: str, days: float, options: Any = None, **conf: Any) -> bool:
            settings.DJANGO_CELERY_RESULTS = options or {}
            backend = configured(**conf)
            backend.store_result("task", ValueError() if state in states.EXCEPTION_STATES else None, state)
            make_older("task", days)
            backend.cleanup()
            return TaskResult.objects.exists()

        return is_left

    @pytest.mark.parametrize("state", sorted(states.READY_STATES))
    def test_ready(self, is_left: Any, state: str) -> None:
        assert is_left(state, 0.99)
        TaskResult.objects.all().delete()
        assert not is_left(state, 1.01)

    @pytest.mark.parametrize("state", ["PENDING", "RECEIVED", "STARTED", "RETRY", "PROGRESS", "SUCCESSFUL"])
    @pytest.mark.parametrize(
        ("days", "options", "conf", "left"),
        [
            (29, {}, {}, True),
            (31, {}, {}, False),
            (3, {"UNREADY_EXPIRES": 2 * DAYS}, {}, False),
            (1.5, {"UNREADY_EXPIRES": 2 * DAYS}, {}, True),
            (1_000, {"UNREADY_EXPIRES": 0}, {}, True),
            # Never sooner than what is ready.
            (1.5, {"UNREADY_EXPIRES": 3600}, {"result_expires": 2 * DAYS}, True),
            (40, {}, {"result_expires": 50 * DAYS}, True),
            (60, {}, {"result_expires": 50 * DAYS}, False),
            (1_000, {"UNREADY_EXPIRES": 3600}, {"result_expires": None}, True),
        ],
    )
    def test_unready(self, is_left: Any, state: str, days: float, options: Any, conf: Any, left: bool) -> None:
        assert is_left(state, days, options, **conf) is left

    @pytest.mark.parametrize(
        ("state", "days", "seconds", "left"),
        [
            ("FAILURE", 5, 7 * DAYS, True),
            ("FAILURE", 8, 7 * DAYS, False),
            ("FAILURE", 0.5, timedelta(hours=1), False),
            ("FAILURE", 1_000, 0, True),
            ("FAILURE", 1.01, None, False),
            ("SUCCESS", 5, 7 * DAYS, False),
            ("SUCCESS", 0.5, 3600, True),
            ("REVOKED", 5, 7 * DAYS, False),
        ],
    )
    def test_result_failure_expires(self, is_left: Any, state: str, days: float, seconds: Any, left: bool) -> None:
        """A setting of Celery 5.7."""
        assert is_left(state, days, result_failure_expires=seconds) is left


class TestChords:
    """A chord may wait for its slowest part longer than results are kept."""

    def test_rows_that_a_chord_waits_for_are_kept(
        self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        made = new_chord("one", ["two", "three"])
        for part in ("one", "two"):
            made.part_returns(part, part)
            make_older(part, days=2)
        app.backend.mark_as_done("of no chord", 1)
        make_older("of no chord", days=2)
        app.backend.cleanup()
        assert set(TaskResult.objects.values_list("task_id", flat=True)) == {"one", "two"}
        made.part_returns("three", "three")
        app.backend.cleanup()
        assert not TaskResult.objects.filter(task_id__in=["one", "two"]).exists()
        worker.run()
        assert tasks.calls == [[["one", ["two", "three"]]]]

    def test_more_rows_than_one_batch(self, app: Celery, new_chord: Any) -> None:
        made = new_chord(*(f"part {number}" for number in range(1_100)))
        for member in made.members[1:]:
            app.backend.mark_as_done(member.id, 1)
        TaskResult.objects.update(date_done=timezone.now() - timedelta(days=2))
        app.backend.mark_as_done("of no chord", 1)
        make_older("of no chord", days=1.5)  # behind all of the others
        app.backend.cleanup()
        assert TaskResult.objects.count() == 1_099

    @pytest.mark.parametrize("expires", [None, 0, DAYS])
    def test_are_swept(
        self, configured: Any, new_chord: Any, tasks: SimpleNamespace, worker: Any, expires: float | None
    ) -> None:
        configured(result_expires=expires)
        made = new_chord("one")
        made.backend.mark_as_done("one", 1)
        make_older("one", days=100)
        made.backend.cleanup()
        worker.run()
        assert tasks.calls == [[[1]]]

    def test_that_are_given_up_wait_for_nothing(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one", "two")
        made.part_returns("one", 1)
        make_older("one", days=2)
        ChordCounter.objects.update(date_created=timezone.now() - timedelta(days=2))
        app.backend.cleanup()
        assert made.count is None
        assert list(TaskResult.objects.values_list("task_id", "status")) == [(made.body.id, "FAILURE")]
