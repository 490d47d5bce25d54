"""The database is busy while a part of a chord returns: what is stored stays, and the sweep does the rest."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import chord
from django.db import OperationalError
from django.utils import timezone

from dcr_backends.database import DatabaseBackend
from dcr_models.models import ChordCounter

pytestmark = pytest.mark.django_db(transaction=True)

#: What a part is about to do -> the statement, and how often the body is sent in the end.
STEPS = {
    "count": (r"UPDATE \S*chordcounter SET count = (CASE|LAST_INSERT_ID)", 1),
    "claim": (r"UPDATE \S*chordcounter SET claimed_by = ", 1),
    "read the header": (r"FROM \S*taskresult", 1),
    "renew the claim": (r"UPDATE \S*chordcounter SET claimed_at = ", 1),
    "delete the counter": (r"DELETE FROM \S*chordcounter", 2),
}


@pytest.fixture
def busy() -> OperationalError:
    driver_error = sqlite3.OperationalError("database is locked")
    driver_error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    busy = OperationalError("database is locked")
    busy.__cause__ = driver_error
    return busy


@pytest.mark.parametrize("step", STEPS)
def test_is_logged(
    step: str,
    new_chord: Any,
    raising: Any,
    busy: OperationalError,
    backend: DatabaseBackend,
    sleeps: list[float],
    tasks: SimpleNamespace,
    worker: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = new_chord("one")
    statement, times = STEPS[step]
    with raising(busy, before=statement):
        made.part_returns("one", 1)
    assert len(sleeps) == 3
    [error] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert made.group_id in error.getMessage()
    assert backend.get_state("one") == "SUCCESS"
    ChordCounter.objects.exclude(claimed_at=None).update(claimed_at=timezone.now() - timedelta(hours=1))
    assert backend.repair_chords().finished == [made.group_id]
    worker.run()
    assert tasks.calls == [[[1]]] * times


def test_is_no_failure_of_the_tasks(
    backend: DatabaseBackend, raising: Any, busy: OperationalError, tasks: SimpleNamespace, worker: Any
) -> None:
    body = chord([tasks.echo.s(1), tasks.echo.s(2).set(ignore_result=True)])(tasks.total.s())
    with raising(busy, before=STEPS["count"][0]):
        worker.run()
    assert [part.state for part in body.parent] == ["SUCCESS", "SUCCESS"]
    backend.repair_chords()
    worker.run()
    assert tasks.calls == [[1, 2]]


def test_is_over_in_time(
    new_chord: Any, raising: Any, busy: OperationalError, backend: DatabaseBackend, tasks: SimpleNamespace, worker: Any
) -> None:
    made = new_chord("one")
    with ExitStack() as trouble:
        trouble.enter_context(raising(busy, before=STEPS["claim"][0]))
        backend._sleep = lambda seconds: trouble.close()
        made.part_returns("one", 1)
    worker.run()
    assert tasks.calls == [[[1]]]
    assert made.count is None
