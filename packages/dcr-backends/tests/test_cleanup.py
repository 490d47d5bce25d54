"""``result_expires``: what is older goes, in beat's task too; None and 0 keep everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult, GroupResult
from django.utils import timezone

from dcr_backends.database import DatabaseBackend
from dcr_models import models
from dcr_models.models import TaskResult

pytestmark = pytest.mark.django_db


class TestCleanup:
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
