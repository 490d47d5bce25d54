"""Tasks that a real beat sends."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from celery import states
from celery.utils import uuid

from dcr_models.models import GroupResult, TaskResult
from dcr_models.utils import now
from dcr_testkit.workers import CeleryProcess, wait_until
from workers.sites import Caller, Site

pytestmark = pytest.mark.worker

SCHEDULE = {
    "every second": {
        "task": "shop.tasks.pulse",
        "schedule": 1.0,
        "options": {"headers": {"periodic_task_name": "every second"}},
    },
    "celery.backend_cleanup": {"task": "celery.backend_cleanup", "schedule": 1.0},
}


def test_beat(site: Site, caller: Caller, tmp_path: Path) -> None:
    fresh, expired = uuid(), uuid()
    for key in (fresh, expired):
        TaskResult.objects.create(task_id=key, status=states.SUCCESS)
        GroupResult.objects.create(group_id=key)
    long_ago = now() - timedelta(days=2)
    TaskResult.objects.filter(task_id=expired).update(date_done=long_ago)
    GroupResult.objects.filter(group_id=expired).update(date_done=long_ago)

    settings = {**site.settings, "CELERY_BEAT_SCHEDULE": SCHEDULE}
    arguments = ["--schedule", str(tmp_path / "schedule"), "--loglevel", "INFO"]
    with CeleryProcess("beat", *arguments, settings=settings, folder=tmp_path, ready="beat: Starting") as beat:
        sent = TaskResult.objects.filter(task_name="shop.tasks.pulse", periodic_task_name="every second")
        wait_until(lambda: sent.filter(status=states.SUCCESS).count() > 1, "two beats")
        wait_until(lambda: not TaskResult.objects.filter(task_id=expired).exists(), "clean-up of tasks")
        wait_until(lambda: not GroupResult.objects.filter(group_id=expired).exists(), "clean-up of groups")
        assert beat.stop() == 0

    assert beat.unexpected == []
    assert TaskResult.objects.filter(task_id=fresh).exists()
    assert GroupResult.objects.filter(group_id=fresh).exists()
